"""CDeepEx against closed forms, a quadratic-programming reference and a fresh certificate."""

import functools
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from xaicf.core import ClassifierError, Encoder, Explanation, Generator, InputError, Status, Subject
from xaicf.explainers import CDeepEx
from xaicf.explainers.solvers import SOLVERS, AugmentedLagrangian
from xaicf.nn import ConvDecoder, ConvEncoder, TwoConv
from xaicf.tasks import VAE

SHAPE = (1, 6, 6)


class LinearGenerator(nn.Module, Generator, Encoder):
    """G(z) = A z + b with the pseudo-inverse as encoder."""

    pseudo_inverse: Tensor

    def __init__(self, latent_dim: int = 8) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.matrix = nn.Parameter(0.1 * torch.randn(math.prod(SHAPE), latent_dim))
        self.offset = nn.Parameter(torch.rand(math.prod(SHAPE)))
        self.register_buffer("pseudo_inverse", torch.linalg.pinv(self.matrix.detach()))

    def decode(self, latents: Tensor) -> Tensor:
        return (latents @ self.matrix.T + self.offset).view(-1, *SHAPE)

    def encode(self, images: Tensor) -> Tensor:
        return (images.flatten(1) - self.offset) @ self.pseudo_inverse.T


def linear_subject(num_classes: int, seed: int = 0) -> tuple[Subject, Tensor]:
    """Make a linear classifier, a linear generator and 32 images."""
    torch.manual_seed(seed)
    generator = LinearGenerator()
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(SHAPE), num_classes))
    with torch.no_grad():
        classifier[1].weight.mul_(10)
    return Subject(classifier, generator), torch.rand(32, *SHAPE)


def reduced(subject: Subject, inputs: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Give the logits at the input (B, classes) and their slopes in latent space (classes, d), in float64."""
    classifier, generator = subject.classifier, subject.generator
    assert isinstance(classifier, nn.Sequential)
    assert isinstance(generator, LinearGenerator)
    weight, bias = (p.detach().double() for p in classifier[1].parameters())
    matrix = generator.matrix.detach().double()
    return (inputs.flatten(1).double() @ weight.T + bias).numpy(), (weight @ matrix).numpy()


def search(
    subject: Subject,
    inputs: Tensor,
    fact: int | None = None,
    foil: int | Tensor | None = None,
    **options: Any,
) -> Explanation:
    found = CDeepEx(**options).explain(subject, inputs, fact, foil)
    assert len(found) == len(inputs)
    return found


def distances(found: Explanation) -> np.ndarray:
    return found.scalars["latent_distance"].double().sqrt().numpy()


def hyperplane_distances(subject: Subject, found: Explanation) -> np.ndarray:
    """Give the distance |h(z0)| / |∇h| to the plane where fact and foil tie."""
    logits, slopes = reduced(subject, found.inputs)
    fact, foil, row = found.fact.numpy(), found.foil.numpy(), np.arange(len(found))
    gap = logits[row, fact] - logits[row, foil]
    distance: np.ndarray = np.abs(gap) / np.linalg.norm(slopes[fact] - slopes[foil], axis=1)
    return distance


def reference_distances(subject: Subject, found: Explanation, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Solve the same problem image by image with SLSQP; also count the inequalities that bind."""
    logits, slopes = reduced(subject, found.inputs)
    lengths, binding = [], []
    for y, fact, foil in zip(logits, found.fact.tolist(), found.foil.tolist(), strict=True):
        others = [j for j in range(len(y)) if j not in {fact, foil}]
        signs = np.array([np.eye(len(y))[fact] - np.eye(len(y))[j] for j in others])
        tie = np.eye(len(y))[fact] - np.eye(len(y))[foil]
        rules = (
            {
                "type": "eq",
                "fun": lambda u, y=y, t=tie: t @ (y + slopes @ u),
                "jac": lambda u, t=tie: t @ slopes,
            },
            {
                "type": "ineq",
                "fun": lambda u, y=y, s=signs: s @ (y + slopes @ u) - epsilon,
                "jac": lambda u, s=signs: s @ slopes,
            },
        )
        best = minimize(
            lambda u: u @ u,
            np.zeros(slopes.shape[1]),
            jac=lambda u: 2 * u,
            constraints=rules,
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        )
        assert best.success
        lengths.append(math.sqrt(best.fun))
        binding.append(int((signs @ (y + slopes @ best.x) - epsilon < 1e-4).sum()))
    return np.array(lengths), np.array(binding)


def fresh_certificate(classifier: nn.Module, found: Explanation) -> tuple[Tensor, Tensor, Tensor]:
    """Compute residual, margin and residual of the clamped picture by a plain loop over log-softmax."""
    assert found.counterfactual is not None
    with torch.no_grad():
        llh = classifier(found.counterfactual).log_softmax(1)
        shown = classifier(found.counterfactual.clamp(0, 1)).log_softmax(1)
    residual, margin, clamped = [], [], []
    for row, (fact, foil) in enumerate(zip(found.fact.tolist(), found.foil.tolist(), strict=True)):
        others = [float(value) for j, value in enumerate(llh[row]) if j not in {fact, foil}]
        residual.append(abs(float(llh[row, fact] - llh[row, foil])))
        margin.append(min(float(llh[row, fact]), float(llh[row, foil])) - max(others, default=-math.inf))
        clamped.append(abs(float(shown[row, fact] - shown[row, foil])))
    return torch.tensor(residual), torch.tensor(margin), torch.tensor(clamped)


def check_certificate(subject: Subject, found: Explanation, epsilon: float, tolerance: float) -> None:
    subject.classifier.eval()
    residual, margin, clamped = fresh_certificate(subject.classifier, found)
    for name, expected in (
        ("boundary_residual", residual),
        ("third_class_margin", margin),
        ("clamped_residual", clamped),
    ):
        torch.testing.assert_close(found.scalars[name], expected, rtol=1e-4, atol=1e-4)
    assert set(found.status.tolist()) <= {Status.SOLVED, Status.UNSOLVED}
    solved = found.status == Status.SOLVED
    slack = tolerance + 1e-4
    assert (residual[solved] <= slack).all()
    assert (margin[solved] >= epsilon - slack).all()
    missed = (residual[~solved] > tolerance - 1e-4) | (margin[~solved] < epsilon - tolerance + 1e-4)
    assert missed.all()
    assert found.attribution is not None
    assert torch.equal(found.attribution, found.inputs - found.counterfactual)  # type: ignore[operator]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("precision", ["double", "single"])
def test_two_classes_give_the_projection_on_the_hyperplane(solver: str, precision: str) -> None:
    subject, inputs = linear_subject(2)
    found = search(subject, inputs, solver=solver, precision=precision, clamp=False, tolerance=1e-3)
    assert (found.status == Status.SOLVED).all()
    assert found.scalars["boundary_residual"].max() <= 1e-3
    assert (found.scalars["third_class_margin"] == torch.inf).all()
    np.testing.assert_allclose(distances(found), hyperplane_distances(subject, found), rtol=1e-2)
    logits, slopes = reduced(subject, inputs)
    normal = slopes[0] - slopes[1]
    generator = subject.generator
    assert isinstance(generator, LinearGenerator)
    steps = -((logits[:, 0] - logits[:, 1]) / (normal @ normal))[:, None] * normal
    moved = torch.from_numpy(steps @ generator.matrix.detach().double().numpy().T).view_as(inputs)
    assert found.attribution is not None
    error = (found.attribution + moved).flatten(1).norm(dim=1) / moved.flatten(1).norm(dim=1)
    assert error.max() < 1e-2


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("epsilon", [0.5, 3.0])
def test_four_classes_agree_with_quadratic_programming(solver: str, epsilon: float) -> None:
    subject, inputs = linear_subject(4, seed=1)
    found = search(subject, inputs, solver=solver, epsilon=epsilon, clamp=False, tolerance=1e-3)
    expected, binding = reference_distances(subject, found, epsilon)
    if epsilon == 3:
        assert set(binding.tolist()) == {0, 1, 2}
    assert (found.status == Status.SOLVED).all()
    check_certificate(subject, found, epsilon, 1e-3)
    np.testing.assert_allclose(distances(found), expected, rtol=1e-2)


@pytest.mark.parametrize("solver", SOLVERS)
def test_without_other_classes_the_hyperplane_is_enough(solver: str) -> None:
    subject, inputs = linear_subject(4)
    options: dict[str, Any] = {"solver": solver, "clamp": False, "tolerance": 1e-3, "fact": 0, "foil": 1}
    free = search(subject, inputs, constrain_others=False, **options)
    assert (free.status == Status.SOLVED).all()
    np.testing.assert_allclose(distances(free), hyperplane_distances(subject, free), rtol=1e-2)
    assert free.scalars["third_class_margin"].min() < 0, "a third class should win somewhere"
    bound = search(subject, inputs, epsilon=3.0, **options)
    assert bound.scalars["third_class_margin"].min() >= 3 - 1e-3
    assert (distances(bound) >= distances(free) - 1e-2).all()
    assert (distances(bound) > 1.1 * distances(free)).any()


def test_certificate_is_of_the_given_pictures() -> None:
    subject, inputs = linear_subject(4)
    found = search(subject, inputs, epsilon=3.0, clamp=True)
    check_certificate(subject, found, 3.0, 0.01)
    assert found.counterfactual is not None
    assert found.counterfactual.min() >= 0
    assert found.counterfactual.max() <= 1
    solved = found.status == Status.SOLVED
    assert solved.any()
    assert torch.equal(found.scalars["clamped_residual"], found.scalars["boundary_residual"])


def test_without_clamp_the_clamped_picture_is_told_apart() -> None:
    subject, inputs = linear_subject(4)
    found = search(subject, inputs, epsilon=3.0, clamp=False)
    check_certificate(subject, found, 3.0, 0.01)
    assert found.counterfactual is not None
    assert ((found.counterfactual < 0) | (found.counterfactual > 1)).any()
    assert found.scalars["clamped_residual"].max() > 0.1


@pytest.mark.parametrize("clamp", [False, True])
def test_a_tie_is_its_own_counterfactual(clamp: bool) -> None:
    """Where the image ties already no step is taken, and what the generator cannot draw stays."""
    subject, inputs = linear_subject(2)
    classifier = subject.classifier
    assert isinstance(classifier, nn.Sequential)
    gap = classifier[1].weight.detach()[0] - classifier[1].weight.detach()[1]
    inputs = 0.25 + inputs / 2
    level = inputs.flatten(1) @ gap
    with torch.no_grad():
        classifier[1].bias.copy_(torch.tensor([0.0, float(level.mean())]))
        tied = inputs - ((level - level.mean()) / (gap @ gap))[:, None].mul(gap).view_as(inputs)
    found = search(subject, tied, clamp=clamp)
    assert (found.status == Status.SOLVED).all()
    assert found.counterfactual is not None
    assert torch.equal(found.counterfactual, tied)
    assert not found.attribution.any()  # type: ignore[union-attr]
    assert not found.scalars["latent_distance"].any()
    reconstruction = subject.generator.decode(subject.generator.encode(tied))  # type: ignore[union-attr,operator]
    assert (reconstruction - tied).abs().max() > 0.05, "the generator should not draw the images by itself"


@pytest.mark.parametrize(
    ("solver", "num_classes", "constrain_others"),
    [("sequential_quadratic", 2, True), ("sequential_quadratic", 3, False), ("augmented_lagrangian", 3, True)],
)
def test_classes_that_never_tie_are_reported(solver: str, num_classes: int, constrain_others: bool) -> None:
    """Classes 0 and 1 are one nat apart on every image."""
    subject, inputs = linear_subject(num_classes)
    classifier = subject.classifier
    assert isinstance(classifier, nn.Sequential)
    with torch.no_grad():
        classifier[1].weight[1] = classifier[1].weight[0]
        classifier[1].bias[:2] = torch.tensor([1.0, 0.0])
    found = search(subject, inputs, 0, 1, solver=solver, constrain_others=constrain_others)
    assert (found.status == Status.UNSOLVED).all()
    assert torch.allclose(found.scalars["boundary_residual"], torch.tensor(1.0), atol=1e-4)
    assert found.counterfactual is not None
    assert found.counterfactual.isfinite().all()
    check_certificate(subject, found, 1.0, 0.01)


def test_solved_and_unsolved_rows_keep_their_places() -> None:
    """Every other image asks about the class that never ties."""
    subject, inputs = linear_subject(3)
    classifier = subject.classifier
    assert isinstance(classifier, nn.Sequential)
    with torch.no_grad():
        classifier[1].weight[1] = classifier[1].weight[0]
        classifier[1].bias[:2] = torch.tensor([1.0, 0.0])
    foil = torch.tensor([1, 2]).repeat(16)
    found = search(subject, inputs, 0, foil, constrain_others=False)
    assert torch.equal(found.inputs, inputs)
    assert torch.equal(found.foil, foil)
    assert torch.equal(found.status, foil - 1)


@functools.cache
def random_networks() -> tuple[Subject, Tensor]:
    """Make a convolutional classifier and autoencoder with random weights, wide enough to move answers."""
    torch.manual_seed(1)
    encoder = functools.partial(ConvEncoder, channels=(4, 8), hidden=16)
    decoder = functools.partial(ConvDecoder, channels=(4, 8), hidden=16)
    generator = VAE((1, 16, 16), 8, encoder=encoder, decoder=decoder)
    classifier = TwoConv((1, 16, 16), 4, channels=(4, 6), hidden=16)
    with torch.no_grad():
        for weight in generator.parameters():
            weight.mul_(2)
        inputs = (generator.sample(64) + 0.1 * torch.randn(64, 1, 16, 16)).clamp(0, 1)
        last = classifier[-1]
        assert isinstance(last, nn.Linear)
        last.weight.mul_(1.5 / classifier(inputs).std(0)[:, None])
        last.bias.sub_(classifier(inputs).mean(0))
    return Subject(classifier, generator), inputs


@functools.cache
def whole_batch(solver: str) -> Explanation:
    subject, inputs = random_networks()
    return search(subject, inputs, epsilon=0.5, solver=solver)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("size", "count"), [(1, 4), (7, 14)])
def test_batching_changes_neither_status_nor_distance(solver: str, size: int, count: int) -> None:
    subject, inputs = random_networks()
    whole = whole_batch(solver)
    parts = [search(subject, part, epsilon=0.5, solver=solver) for part in inputs[:count].split(size)]
    found = Explanation.cat(parts)
    check_certificate(subject, found, 0.5, 0.01)
    assert torch.equal(found.status, whole.status[:count])
    solved = (found.status == Status.SOLVED).numpy()
    assert solved.any()
    np.testing.assert_allclose(distances(found)[solved], distances(whole[:count])[solved], rtol=1e-2, atol=1e-4)


def test_a_solver_may_have_options_of_its_own() -> None:
    subject, inputs = linear_subject(2)
    options: dict[str, Any] = {"clamp": False, "tolerance": 1e-3}
    hasty = search(subject, inputs, solver=AugmentedLagrangian(inner_steps=1, outer_steps=1, penalty=1e-6), **options)
    assert not (hasty.scalars["fallback"] > 0).any()
    patient = search(subject, inputs, solver=AugmentedLagrangian("descent", step_size=0.02), **options)
    assert (patient.scalars["gradient_evaluations"] > hasty.scalars["gradient_evaluations"]).all()
    np.testing.assert_allclose(distances(patient), hyperplane_distances(subject, patient), rtol=0.02)


@pytest.mark.parametrize("solver", SOLVERS)
def test_random_networks_are_certified(solver: str) -> None:
    subject, _ = random_networks()
    found = whole_batch(solver)
    check_certificate(subject, found, 0.5, 0.01)
    assert (found.status == Status.SOLVED).float().mean() > 0.9
    assert len(found.fact.unique()) == 4
    assert found.scalars["gradient_evaluations"].min() >= 1
    assert found.scalars["gradient_evaluations"].unique().numel() > 8, "solved images should leave the batch"


@pytest.mark.parametrize("precision", ["double", "single"])
def test_weights_stay_where_they_are(precision: str) -> None:
    subject, inputs = random_networks()

    def places() -> list[tuple[int, int, torch.dtype]]:
        tensors = [t for m in subject.modules for t in (*m.parameters(), *m.buffers())]
        return [(id(tensor), tensor.data_ptr(), tensor.dtype) for tensor in tensors]

    before = places()
    search(subject, inputs[:2], precision=precision)
    assert places() == before


def test_the_search_sees_the_precision_that_is_asked_for() -> None:
    seen: list[torch.dtype] = []

    class Watched(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Tensor) -> Tensor:
            seen.append(images.dtype)
            return self.network(images)

    subject, inputs = linear_subject(3)
    watched = Subject(Watched(subject.classifier), subject.generator)
    single = search(watched, inputs, precision="single")
    assert set(seen) == {torch.float32}
    seen.clear()
    double = search(watched, inputs)
    assert set(seen) == {torch.float32, torch.float64}
    assert seen[-1] == torch.float32, "the certificate is of the network as it is used"
    for found in (single, double):
        assert {tensor.dtype for tensor in found.tensors().values()} <= {torch.float32, torch.int64}


def test_float64_images_and_networks() -> None:
    subject, inputs = linear_subject(3)
    wide = Subject(subject.classifier.double(), subject.generator.double())  # type: ignore[union-attr]
    found = search(wide, inputs.double(), epsilon=0.5, tolerance=1e-6, clamp=False)
    assert (found.status == Status.SOLVED).all()
    assert found.scalars["boundary_residual"].max() <= 1e-6
    assert found.scalars["latent_distance"].dtype == torch.float64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": -1.0}, "epsilon must be >= 0 and tolerance > 0, got -1.0 and 0.01"),
        ({"tolerance": 0.0}, "epsilon must be >= 0 and tolerance > 0, got 3.0 and 0.0"),
        ({"epsilon": math.nan}, "epsilon"),
        ({"tolerance": math.nan}, "tolerance"),
        ({"solver": "newton"}, "solver must be sequential_quadratic or augmented_lagrangian, got newton"),
        ({"precision": "half"}, "precision must be double or single, got half"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CDeepEx(**options)


def test_name_tells_the_problem() -> None:
    assert CDeepEx().name == "cdeepex"
    assert CDeepEx(constrain_others=False).name == "xgem"


class Hidden(nn.Module):
    """A classifier whose weights are in a plain list, out of reach of ``parameters()``."""

    def __init__(self, num_classes: int = 3) -> None:
        super().__init__()
        self.hidden = [torch.randn(num_classes, math.prod(SHAPE))]

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.hidden[0].T


def test_weights_that_are_not_registered_need_single_precision() -> None:
    subject, inputs = linear_subject(3)
    hidden = Subject(Hidden(), subject.generator)
    with pytest.raises(ClassifierError, match="set precision single"):
        search(hidden, inputs)
    found = search(hidden, inputs, precision="single", clamp=False)
    assert (found.status == Status.SOLVED).all()
