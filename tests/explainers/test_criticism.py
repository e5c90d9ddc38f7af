"""Criticisms against linear programmes, and what their scalars, traces and options promise."""

from typing import Any

import numpy as np
import pytest
import torch
from linear_world import LinearGenerator, inputs, subject
from scipy.optimize import linprog
from torch import Tensor

from xaicf.core import InputError, Status, Subject
from xaicf.explainers import Criticism

__all__ = ["subject"]  # pytest finds it here


def least(subject: Subject, image: Tensor, foil: int) -> float:
    """Give the smallest sum of absolute changes that makes the foil the likeliest, by a linear programme."""
    generator, classifier = subject.generator, subject.classifier
    assert isinstance(generator, LinearGenerator)
    matrix = generator.matrix.detach().double().numpy()
    weight, bias = (one.detach().double().numpy() for one in classifier[1].parameters())  # type: ignore[index]
    pixels, latents = matrix.shape
    eye = np.eye(pixels)
    x = image.flatten().double().numpy()
    beyond = [(weight[other] - weight[foil]) @ matrix for other in range(len(bias)) if other != foil]
    gaps = [bias[foil] - bias[other] for other in range(len(bias)) if other != foil]
    above = np.block([[matrix, -eye], [-matrix, -eye], [np.stack(beyond), np.zeros((len(gaps), pixels))]])
    limits = np.concatenate([x, -x, gaps])
    cost = np.concatenate([np.zeros(latents), np.ones(pixels)])
    found = linprog(cost, above, limits, bounds=[(None, None)] * latents + [(0, None)] * pixels)
    assert found.success
    return float(found.fun)


def test_is_near_the_smallest_change(subject: Subject) -> None:
    found = Criticism(steps=120, weights=(0.1, 1000.0), bisections=10).explain(subject, inputs())
    best = torch.tensor([least(subject, *pair) for pair in zip(inputs(), found.foil.tolist(), strict=True)])
    assert (found.status == Status.SOLVED).all()
    assert (found.scalars["distance"] >= best - 1e-4).all()
    # A sum of absolute values has kinks, along which Adam is slow where the way is long: most are near, not all.
    ratio = found.scalars["distance"] / best
    assert ratio.median() < 1.02
    assert (ratio < 1.25).all()


def test_euclidean_change_is_the_smaller_one_in_its_own_norm(subject: Subject) -> None:
    by_sum, by_length = (Criticism(norm=norm, steps=150).explain(subject, inputs()) for norm in ("l1", "l2"))
    assert by_sum.counterfactual is not None
    assert by_length.counterfactual is not None
    length = (by_sum.inputs - by_sum.counterfactual).flatten(1).norm(dim=1)
    assert (by_length.scalars["distance"] <= 1.01 * length).all()
    apart = (by_length.inputs - by_length.counterfactual).flatten(1).norm(dim=1)
    torch.testing.assert_close(by_length.scalars["distance"], apart)


def test_solved_means_that_the_classifier_gives_the_foil(subject: Subject) -> None:
    found = Criticism(weights=(1e-4, 1e-3), bisections=2, steps=20).explain(subject, inputs())
    assert found.counterfactual is not None
    valid = subject.classifier(found.counterfactual).argmax(1) == found.foil
    assert torch.equal(found.status == Status.SOLVED, valid)
    assert not valid.all()  # so small a weight does not reach it everywhere


def test_trace_goes_from_the_reconstruction_to_the_counterfactual(subject: Subject) -> None:
    found = Criticism(frames=5, steps=40).explain(subject, inputs())
    assert found.trace is not None
    assert found.trace["images"].shape == (16, 5, 1, 5, 5)
    generator = subject.generator
    assert isinstance(generator, LinearGenerator)
    torch.testing.assert_close(found.trace["images"][:, 0], generator.decode(generator.encode(inputs())))
    torch.testing.assert_close(found.trace["images"][:, -1], found.counterfactual)
    torch.testing.assert_close(
        found.trace["probabilities"], subject.classifier(found.trace["images"].flatten(0, 1)).softmax(1).view(16, 5, -1)
    )


def test_does_not_depend_on_the_batch(subject: Subject) -> None:
    together = Criticism(steps=30).explain(subject, inputs())
    alone = [Criticism(steps=30).explain(subject, image[None], foil=int(foil)) for image, foil in
             zip(inputs()[:4], together.foil, strict=False)]  # fmt: skip
    assert together.counterfactual is not None
    for row, one in enumerate(alone):
        torch.testing.assert_close(one.counterfactual, together.counterfactual[row : row + 1], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "l3"}, "norm must be l1 or l2, got l3"),
        ({"weights": (2.0, 1.0)}, "weights must be positive, finite and the smaller first, got 2.0 and 1.0"),
        ({"bisections": -1}, "bisections must be >= 0"),
        ({"frames": 1}, "frames must be 0 or at least 2, got 1"),
    ],
)
def test_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Criticism(**options)
