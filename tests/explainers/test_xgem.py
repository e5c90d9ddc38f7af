"""xGEMs in their penalised form against a convex reference."""

import numpy as np
import pytest
import torch
from linear_world import SHAPE, LinearGenerator, inputs, subject
from scipy.optimize import minimize
from torch import Tensor, nn

from xaicf.core import InputError, Status, Subject
from xaicf.explainers import XGEM

__all__ = ["subject"]  # pytest finds it here


def least(subject: Subject, image: Tensor, foil: int, weight: float) -> float:
    """Minimise the same convex function by BFGS."""
    generator, classifier = subject.generator, subject.classifier
    assert isinstance(generator, LinearGenerator)

    def value(z: np.ndarray) -> tuple[float, np.ndarray]:
        latents = torch.from_numpy(z)[None].requires_grad_()
        made = (latents @ generator.matrix.double().T).view(1, *SHAPE)
        scores = nn.functional.linear(made.flatten(1), classifier[1].weight.double(), classifier[1].bias.double())  # type: ignore[index,union-attr]
        total = -scores.log_softmax(1)[0, foil] + weight * (image.double() - made).square().sum()
        total.backward()
        assert latents.grad is not None
        return total.item(), latents.grad[0].numpy()

    found = minimize(value, np.zeros(generator.latent_dim), jac=True, method="BFGS")
    return float(found.fun)


def test_the_objective_is_that_of_a_convex_reference(subject: Subject) -> None:
    weight = 0.05
    found = XGEM(weight, steps=400).explain(subject, inputs())
    wanted = [least(subject, one, int(foil), weight) for one, foil in zip(found.inputs, found.foil, strict=True)]
    solved = found.status == Status.SOLVED
    assert solved.sum() >= 12
    ours = found.scalars["objective"].double()[solved]
    torch.testing.assert_close(ours, torch.tensor(wanted, dtype=torch.float64)[solved], rtol=1e-3, atol=1e-3)


def test_solved_images_are_the_generators_and_the_foil(subject: Subject) -> None:
    found = XGEM(0.05).explain(subject, inputs())
    assert found.counterfactual is not None
    assert found.attribution is not None
    solved = found.status == Status.SOLVED
    assert torch.equal(subject.classifier(found.counterfactual).argmax(1) == found.foil, solved)
    torch.testing.assert_close(found.attribution, found.inputs - found.counterfactual)
    generator = subject.generator
    assert isinstance(generator, LinearGenerator)
    again = generator.decode(generator.encode(found.counterfactual))
    torch.testing.assert_close(again, found.counterfactual, rtol=1e-3, atol=1e-3)
    start = generator.encode(found.inputs)
    moved = generator.encode(found.counterfactual) - start
    torch.testing.assert_close(found.scalars["latent_distance"], moved.square().sum(1), rtol=1e-2, atol=1e-3)
    assert found.scalars["gradient_evaluations"].unique().tolist() == [101]
    apart = (found.inputs - generator.decode(start)).flatten(1).square().mean(1).sqrt()
    torch.testing.assert_close(found.scalars["reconstruction_error"], apart, rtol=1e-3, atol=1e-4)


def test_a_heavy_weight_leaves_images_unsolved(subject: Subject) -> None:
    """Where the penalty rules, the classifier keeps the fact wherever G(z0) has it."""
    found = XGEM(1e4, step_size=1e-4).explain(subject, inputs())
    alike = found.scalars["reconstruction_is_fact"] == 1
    assert alike.sum() >= 8
    assert (found.status[alike] == Status.UNSOLVED).all()
    assert (found.scalars["latent_distance"][alike] < 0.01).all()
    penalty = 1e4 * found.scalars["reconstruction_error"].square() * found.inputs[0].numel()
    surprise = found.scalars["objective"] - penalty
    assert (surprise[alike] > 0).all()  # the cross-entropy, which a larger number beside it would drown
    assert (surprise[alike] < 0.01 * penalty[alike] + 30).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weight": -1}, "weight must be >= 0"),
        ({"steps": 0}, "steps at least 1"),
        ({"step_size": 0}, "step_size > 0"),
        ({"step_size": float("inf")}, "step_size > 0"),
        ({"precision": "half"}, "precision must be double or single, got half"),
    ],
)
def test_mistakes(options: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        XGEM(**options)  # type: ignore[arg-type]
