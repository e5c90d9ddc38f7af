"""Attributions against explicit sums over classes, Captum, and a linear model's closed form."""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, get_args

import pytest
import torch
from captum.attr import LRP, InputXGradient, LayerAttribution, LayerGradCam, LayerGradientXActivation
from torch import Tensor, nn

from xaicf.core import ClassifierError, InputError, Status, Subject
from xaicf.data import MNIST
from xaicf.explainers import Attribution
from xaicf.explainers.contrast import Contrast
from xaicf.explainers.methods import Method
from xaicf.nn import TwoConv

METHODS = get_args(Method)
AT_POINT = [method for method in METHODS if method not in {"integrated_gradients", "occlusion", "lime"}]
"""Methods that look at the image alone, for which log-odds and weighted contrast are one."""
GRADIENTS = [method for method in AT_POINT if method != "lrp"]
"""Methods that are one backward pass of the classifier as it is."""
CONTRASTS = get_args(Contrast)
CONTRASTIVE = [contrast for contrast in CONTRASTS if contrast != "logit"]
TOLERANCE = 1e-9


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("xaicf.explainers.methods.lime"), "SAMPLES", 64)


def small_net(shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(shape[0], 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(6 * (shape[1] // 2 - 2) * (shape[2] // 2 - 2), num_classes),
    )


def sharpened(classifier: nn.Sequential) -> nn.Sequential:
    """Raise the last weights, so that class probabilities differ by much."""
    last = classifier[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.mul_(8)
    return classifier


def digits(count: int) -> Tensor:
    root = os.environ.get("XAICF_DATA")
    if root is None and "CI" not in os.environ:
        pytest.skip("XAICF_DATA names no folder of data sets")
    assert root is not None, "CI must set XAICF_DATA"
    return MNIST(root).samples(range(count), "test")["image"].double()


@pytest.fixture(params=["small_net", "two_conv", "two_conv_on_mnist"])
def case(request: pytest.FixtureRequest) -> tuple[nn.Sequential, Tensor]:
    """Give a classifier with random weights and five images, in float64."""
    torch.manual_seed(7)
    if request.param == "small_net":
        return sharpened(small_net((2, 9, 12), 5)).double(), torch.rand(5, 2, 9, 12, dtype=torch.float64)
    classifier = sharpened(TwoConv((1, 28, 28), 10)).double()
    if request.param == "two_conv":
        return classifier, torch.rand(5, 1, 28, 28, dtype=torch.float64)
    return classifier, digits(5)


def tolerance_of(method: Method) -> float:
    return {"occlusion": 1e-4, "lime": 1e-5}.get(method, TOLERANCE)  # Captum's are in single precision


def attribute(
    classifier: nn.Module,
    inputs: Tensor,
    method: Method,
    contrast: Contrast,
    fact: Tensor | int | None = None,
    foil: Tensor | int | None = None,
) -> Tensor:
    found = Attribution(method, contrast).explain(Subject(classifier), inputs, fact, foil)
    assert (found.status == Status.SOLVED).all()
    assert found.attribution is not None
    return found.attribution


def logit_maps(classifier: nn.Module, inputs: Tensor, method: Method) -> Tensor:
    """Explain each class by its logit alone: (classes, B, C or 1, H, W)."""
    with torch.no_grad():
        num_classes = classifier(inputs).shape[1]
    return torch.stack([attribute(classifier, inputs, method, "logit", fact) for fact in range(num_classes)])


def combine(maps: Tensor, weights: Tensor) -> Tensor:
    """Sum class maps (classes, B, ...) with the weights of each image (B, classes)."""
    return torch.einsum("sbchw,bs->bchw", maps, weights)


def top_two(classifier: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    with torch.no_grad():
        logits = classifier(inputs)
    fact, foil = logits.topk(2).indices.T
    return logits, fact, foil


def alpha(logits: Tensor, fact: Tensor) -> Tensor:
    """Give p_s / (1 - p_t), zero at t, by the naive loop over images and classes."""
    weights = torch.zeros_like(logits)
    for row, target in enumerate(fact.tolist()):
        others = [s for s in range(logits.shape[1]) if s != target]
        total = sum(float(logits[row, s].exp()) for s in others)
        for s in others:
            weights[row, s] = float(logits[row, s].exp()) / total
    return weights


def assert_same(found: Tensor, expected: Tensor, tolerance: float = TOLERANCE) -> None:
    assert found.shape == expected.shape
    scale = expected.abs().amax((1, 2, 3))
    assert (scale > 0).all(), "an empty map shows nothing"
    error = (found - expected).abs().amax((1, 2, 3)) / scale
    assert error.max() <= tolerance, f"relative error {error.max():.2e}"


@pytest.mark.parametrize(
    ("method", "contrast"), [*((m, "weighted") for m in METHODS), *((m, "log_odds") for m in AT_POINT)]
)
def test_weighted_is_the_explicit_sum(case: tuple[nn.Sequential, Tensor], method: Method, contrast: Contrast) -> None:
    classifier, inputs = case
    logits, fact, _ = top_two(classifier, inputs)
    one = nn.functional.one_hot(fact, logits.shape[1])
    expected = combine(logit_maps(classifier, inputs, method), one - alpha(logits, fact))
    assert_same(attribute(classifier, inputs, method, contrast), expected, tolerance_of(method))


@pytest.mark.parametrize("method", AT_POINT)
def test_probability_is_weighted_times_its_variance(case: tuple[nn.Sequential, Tensor], method: Method) -> None:
    classifier, inputs = case
    logits, fact, _ = top_two(classifier, inputs)
    p = logits.softmax(1).gather(1, fact[:, None])[:, 0]
    probability = attribute(classifier, inputs, method, "probability")
    weighted = attribute(classifier, inputs, method, "weighted")
    assert_same(probability / (p * (1 - p))[:, None, None, None], weighted)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("contrast", ["mean", "max", "pair"])
def test_other_contrasts_are_their_definitions(
    case: tuple[nn.Sequential, Tensor], method: Method, contrast: Contrast
) -> None:
    classifier, inputs = case
    logits, fact, second = top_two(classifier, inputs)
    num_classes = logits.shape[1]
    # The third class as foil tells pair from max.
    third = logits.topk(3).indices[:, 2]
    one = nn.functional.one_hot(fact, num_classes)
    against = {
        "mean": (1 - one).double() / (num_classes - 1),
        "max": nn.functional.one_hot(second, num_classes),
        "pair": nn.functional.one_hot(third, num_classes),
    }[contrast]
    expected = combine(logit_maps(classifier, inputs, method), (one - against).double())
    assert_same(attribute(classifier, inputs, method, contrast, fact, third), expected, tolerance_of(method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("contrast", CONTRASTIVE)
def test_given_fact_takes_the_place_of_the_answer(
    case: tuple[nn.Sequential, Tensor], method: Method, contrast: Contrast
) -> None:
    classifier, inputs = case
    _, answer, second = top_two(classifier, inputs)
    given = attribute(classifier, inputs, method, contrast, answer, second)
    assert_same(attribute(classifier, inputs, method, contrast), given, tolerance_of(method))
    swapped = attribute(classifier, inputs, method, contrast, second, answer)
    assert (swapped - given).abs().max() > 1e-3 * given.abs().max()
    if contrast in {"max", "pair"}:
        # The two most likely classes are each other's negatives.
        assert_same(swapped, -given, tolerance_of(method))


@pytest.mark.parametrize("method", ["gradient", "input_x_gradient"])
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_evidence_for_every_class_moves_no_contrast(method: Method, contrast: Contrast) -> None:
    """Add δ x_i to every logit of a linear model (weighted contrast, §3.1)."""
    torch.manual_seed(3)
    inputs = torch.rand(6, 1, 4, 5, dtype=torch.float64)
    pixel, delta = (0, 2, 3), 2.5
    before = nn.Sequential(nn.Flatten(), nn.Linear(20, 6)).double()
    after = nn.Sequential(nn.Flatten(), nn.Linear(20, 6)).double()
    with torch.no_grad():
        after[1].weight.copy_(before[1].weight)
        after[1].weight.view(6, 1, 4, 5)[(slice(None), *pixel)] += delta
        after[1].bias.copy_(before[1].bias)
        fact = before(inputs).argmax(1)
    foil = (fact + 1) % 6
    moved = attribute(after, inputs, method, contrast, fact, foil)
    still = attribute(before, inputs, method, contrast, fact, foil)
    if contrast != "logit":
        assert_same(moved, still)
        return
    expected = torch.zeros_like(moved)
    expected[(slice(None), *pixel)] = delta
    if method == "input_x_gradient":
        expected *= inputs
    assert_same(moved - still, expected)


class Passes(nn.Module):
    """Notes the size of the batch at every backward pass through it."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, values: Tensor) -> Tensor:
        values = values.view_as(values)
        if values.requires_grad:
            values.register_hook(lambda gradient: self.sizes.append(len(gradient)))
        return values


@pytest.mark.parametrize("method", GRADIENTS)
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_one_backward_pass_whatever_the_number_of_classes(method: Method, contrast: Contrast) -> None:
    passes = Passes()
    classifier = small_net((1, 8, 8), 37)
    classifier.insert(len(classifier) - 1, passes)
    attribute(classifier, torch.rand(3, 1, 8, 8), method, contrast)
    assert passes.sizes == [3]


def weighted_score(classifier: nn.Module, weights: Tensor) -> Callable[[Tensor], Tensor]:
    """Make the number per image that Captum shall explain."""
    return lambda images: (classifier(images) * weights).sum(1)


@pytest.mark.parametrize(
    ("method", "reference"), [("gradcam", LayerGradCam), ("linear_approximation", LayerGradientXActivation)]
)
@pytest.mark.parametrize("contrast", ["logit", "weighted"])
@pytest.mark.parametrize("index", [1, 4])
def test_activation_methods_agree_with_captum(
    method: Method, reference: type[Any], contrast: Contrast, index: int
) -> None:
    torch.manual_seed(1)
    classifier = sharpened(TwoConv((1, 28, 24), 6)).double()
    inputs = torch.rand(4, 1, 28, 24, dtype=torch.float64)
    logits, fact, _ = top_two(classifier, inputs)
    weights = nn.functional.one_hot(fact, 6).double()
    if contrast == "weighted":
        weights = weights - alpha(logits, fact)
    peer = reference(weighted_score(classifier, weights), classifier[index])
    options = {"relu_attributions": False} if method == "gradcam" else {}
    small = peer.attribute(inputs, **options).sum(1, keepdim=True)
    expected = LayerAttribution.interpolate(small, (28, 24), "bilinear").detach()
    found = Attribution(method, contrast, layer=str(index)).explain(Subject(classifier), inputs)
    assert found.attribution is not None
    assert_same(found.attribution, expected)
    assert (found.attribution < 0).any()


@pytest.mark.parametrize("contrast", ["logit", "weighted"])
def test_input_x_gradient_agrees_with_captum(case: tuple[nn.Sequential, Tensor], contrast: Contrast) -> None:
    classifier, inputs = case
    logits, fact, _ = top_two(classifier, inputs)
    weights = nn.functional.one_hot(fact, logits.shape[1]).double()
    if contrast == "weighted":
        weights = weights - alpha(logits, fact)
    peer = InputXGradient(weighted_score(classifier, weights))
    expected = peer.attribute(inputs.clone().requires_grad_()).detach()
    assert_same(attribute(classifier, inputs, "input_x_gradient", contrast), expected)


def score_of(contrast: Contrast, logits: Tensor, at_input: Tensor, fact: int, foil: int) -> float:
    """Give what integrated gradients sum up, for one image: class weights are those at the input."""
    others = torch.tensor([s for s in range(len(logits)) if s != fact])
    if contrast == "probability":
        return float(logits.softmax(0)[fact])
    if contrast == "log_odds":
        return float(logits[fact] - logits[others].logsumexp(0))
    against = {
        "logit": torch.zeros(len(others), dtype=logits.dtype),
        "mean": torch.full((len(others),), 1 / len(others), dtype=logits.dtype),
        "max": nn.functional.one_hot(at_input[others].argmax(), len(others)).to(logits),
        "weighted": at_input[others].softmax(0),
        "pair": (others == foil).to(logits),
    }[contrast]
    return float(logits[fact] - (against * logits[others]).sum())


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_integrated_gradients_sum_to_the_rise_from_black(
    case: tuple[nn.Sequential, Tensor], contrast: Contrast
) -> None:
    classifier, inputs = case
    logits, fact, _ = top_two(classifier, inputs)
    third = logits.topk(3).indices[:, 2]
    found = Attribution("integrated_gradients", contrast).explain(Subject(classifier), inputs, fact, third)
    assert found.attribution is not None
    assert found.baseline is not None
    assert not found.baseline.any()
    with torch.no_grad():
        black = classifier(torch.zeros_like(inputs))
    for row in range(len(inputs)):
        classes = int(fact[row]), int(third[row])
        after, before = (score_of(contrast, values[row], logits[row], *classes) for values in (logits, black))
        total = float(found.attribution[row].sum())
        error = float(found.scalars["completeness_error"][row])
        assert error == pytest.approx(abs(total - (after - before)), abs=1e-9)
        assert error < 0.05 * max(1, abs(after - before))


def test_integrated_gradients_of_a_linear_classifier_are_input_x_gradient() -> None:
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(20, 4)).double()
    inputs = torch.rand(3, 1, 4, 5, dtype=torch.float64)
    for contrast in ("logit", "pair", "weighted"):
        assert_same(
            attribute(classifier, inputs, "integrated_gradients", contrast),  # type: ignore[arg-type]
            attribute(classifier, inputs, "input_x_gradient", contrast),  # type: ignore[arg-type]
            tolerance=1e-7,  # Captum's weights of the steps sum to 1 in single precision
        )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_batching_changes_nothing(method: Method, contrast: Contrast) -> None:
    torch.manual_seed(5)
    classifier, inputs = sharpened(TwoConv((1, 28, 28), 10)), torch.rand(64 if method in AT_POINT else 8, 1, 28, 28)
    whole = attribute(classifier, inputs, method, contrast)
    for size in (1, 7):
        parts = [attribute(classifier, part, method, contrast) for part in inputs.split(size)]
        assert_same(torch.cat(parts), whole, 1e-5)


@pytest.mark.parametrize("method", ["gradcam", "linear_approximation"])
def test_layer_left_out_is_the_convolution_that_runs_last(method: Method) -> None:
    class Reversed(nn.Module):
        """Holds its convolutions in another order than it runs them."""

        def __init__(self) -> None:
            super().__init__()
            self.late, self.early = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 3, 3)
            self.head = nn.Linear(4, 5)

        def forward(self, images: Tensor) -> Tensor:
            return self.head(self.late(self.early(images).relu()).relu().mean((2, 3)))

    torch.manual_seed(0)
    subject, inputs = Subject(Reversed()), torch.rand(2, 1, 9, 9)
    maps = {
        layer: Attribution(method, layer=layer).explain(subject, inputs).attribution
        for layer in (None, "late", "early")
    }
    assert all(found is not None and found.shape == (2, 1, 9, 9) for found in maps.values())
    assert torch.equal(maps[None], maps["late"])  # type: ignore[arg-type]
    assert not torch.allclose(maps[None], maps["early"])  # type: ignore[arg-type]


@pytest.mark.parametrize("inplace", [False, True])
def test_activation_is_read_before_a_module_that_works_in_place(inplace: bool) -> None:
    torch.manual_seed(0)
    convolution, linear = nn.Conv2d(1, 3, 3).double(), nn.Linear(3 * 36, 4).double()
    classifier = nn.Sequential(convolution, nn.ReLU(inplace=inplace), nn.Flatten(), linear)
    inputs = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        activation = convolution(inputs)
        weights = linear.weight[classifier(inputs).argmax(1)].view(2, 3, 6, 6) * (activation > 0)
        small = (activation * weights.mean((2, 3), keepdim=True)).sum(1, keepdim=True)
        expected = nn.functional.interpolate(small, (8, 8), mode="bilinear")
    assert_same(attribute(classifier, inputs, "gradcam", "logit"), expected)


def test_wrong_layer_names_the_convolutions() -> None:
    explainer = Attribution(layer="features.9")
    with pytest.raises(InputError, match=r"convolutions: 0, 3\), got features\.9"):
        explainer.explain(Subject(small_net((1, 8, 8), 3)), torch.rand(1, 1, 8, 8))


def test_layer_without_spatial_output() -> None:
    with pytest.raises(ClassifierError, match=r"must give \(B, channels, height, width\), 6 gives \(1, 3\)"):
        Attribution(layer="6").explain(Subject(small_net((1, 8, 8), 3)), torch.rand(1, 1, 8, 8))


def test_layer_that_does_not_run() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = small_net((1, 8, 8), 3), nn.Conv2d(1, 1, 1)

        def forward(self, images: Tensor) -> Tensor:
            return self.used(images)

    with pytest.raises((ClassifierError, InputError), match="spare"):
        Attribution(layer="spare").explain(Subject(Spare()), torch.rand(1, 1, 8, 8))


@pytest.mark.parametrize("method", ["gradcam", "linear_approximation"])
def test_no_convolution(method: Method) -> None:
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with pytest.raises(ClassifierError, match="no convolution"):
        Attribution(method).explain(Subject(classifier), torch.rand(1, 1, 8, 8))


def test_wrong_options() -> None:
    with pytest.raises(InputError, match=r"method must be one of gradient, .*, got saliency"):
        Attribution(method="saliency")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"contrast must be one of logit, .*, got median"):
        Attribution(contrast="median")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="layer is for gradcam and linear_approximation, got 0 for gradient"):
        Attribution(method="gradient", layer="0")


def test_name_tells_variants_apart() -> None:
    names = {Attribution(method, contrast).name for method in METHODS for contrast in CONTRASTS}
    assert len(names) == len(METHODS) * len(CONTRASTS)
    assert Attribution("gradcam", "max", "0").name != Attribution("gradcam", "max", "3").name


class Flat(nn.Module):
    """The layers of a sequence one by one, without a module that flattens, for which Captum has no rule."""

    def __init__(self, sequence: nn.Sequential) -> None:
        super().__init__()
        self.before = nn.Sequential(*(layer for layer in sequence[:-1] if not isinstance(layer, nn.Flatten)))
        self.last = sequence[-1]

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.before(images).flatten(1))


def test_lrp_agrees_with_captum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("xaicf.explainers.methods.lrp"), "EPSILON", 1e-9)
    torch.manual_seed(2)
    classifier = small_net((2, 9, 12), 5).double()
    classifier[4] = nn.ReLU()
    inputs = torch.rand(3, 2, 9, 12, dtype=torch.float64)
    for fact in range(5):
        expected = LRP(Flat(classifier)).attribute(inputs, target=fact).detach()
        found = attribute(classifier, inputs, "lrp", "logit", fact, (fact + 1) % 5)
        assert_same(found, expected, 1e-6)


class Wrapped(nn.Module):
    """Holds a sequence, and perhaps does something else."""

    def __init__(self, sequence: nn.Sequential, skip: float = 0.0) -> None:
        super().__init__()
        self.sequence = sequence
        self.skip = skip

    def forward(self, images: Tensor) -> Tensor:
        return self.sequence(images) + self.skip


class Skip(nn.Sequential):
    """A sequence that is passed by, too."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (the name of nn.Sequential's)
        return input + super().forward(input)


def test_lrp_of_a_linear_classifier_is_input_times_weight() -> None:
    linear = nn.Linear(12, 3).double()
    inputs = torch.rand(4, 1, 3, 4, dtype=torch.float64)
    found = attribute(nn.Sequential(nn.Flatten(), linear), inputs, "lrp", "pair", 0, 2)
    expected = inputs * (linear.weight[0] - linear.weight[2]).detach().view(1, 1, 3, 4)
    assert_same(found, expected, 1e-4)  # the rule's ε


def test_lrp_refuses_what_it_has_no_rules_for() -> None:
    inputs, plain = torch.rand(2, 1, 8, 8), small_net((1, 8, 8), 3)
    inside = Attribution("lrp").explain(Subject(Wrapped(plain)), inputs).attribution
    alone = Attribution("lrp").explain(Subject(plain), inputs).attribution
    assert inside is not None
    assert alone is not None
    assert torch.equal(inside, alone)
    with pytest.raises(ClassifierError, match=r"nn\.Sequential from images to logits"):
        Attribution("lrp").explain(Subject(Wrapped(plain, 1.0)), inputs)
    normalised = nn.Sequential(plain[0], nn.BatchNorm2d(4), *plain[1:])
    with pytest.raises(ClassifierError, match="no rule for 1, a BatchNorm2d"):
        Attribution("lrp").explain(Subject(normalised), inputs)
    twice = nn.Conv2d(4, 4, 3, padding=1)
    shared = nn.Sequential(plain[0], twice, nn.ReLU(), twice, *plain[1:])
    with pytest.raises(ClassifierError, match="a layer of its own for each use, 3 is used before"):
        Attribution("lrp").explain(Subject(shared), inputs)
    with pytest.raises(ClassifierError, match="no rule for 1, a Skip"):
        Attribution("lrp").explain(Subject(nn.Sequential(plain[0], Skip(nn.Conv2d(4, 4, 1)), *plain[1:])), inputs)
    with pytest.raises(ClassifierError, match="reads pixels one by one"):
        Attribution("lrp").explain(Subject(nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(1, 3, 4), nn.Flatten())), inputs)


def test_occlusion_and_lime_find_the_squares_of_a_linear_classifier() -> None:
    """A class is the sum of a square of pixels: it loses all of it when the square goes black."""
    linear = nn.Linear(14 * 14, 2, bias=False).double()
    weights = torch.zeros(2, 14, 14, dtype=torch.float64)
    weights[0, 4:6, 8:10], weights[1, 0:2, 0:2] = 1.0, 1.0
    with torch.no_grad():
        linear.weight.copy_(weights.flatten(1))
    inputs = torch.full((2, 1, 14, 14), 0.5, dtype=torch.float64)
    inputs[1] = 1.0
    for method in ("occlusion", "lime"):
        found = attribute(nn.Sequential(nn.Flatten(), linear), inputs, method, "pair", 0, 1)  # type: ignore[arg-type]
        assert found.shape == (2, 1, 14, 14)
        own, other = found[:, 0, 4:6, 8:10], found[:, 0, 0:2, 0:2]
        for row, whole in enumerate((2.0, 4.0)):
            if method == "lime":  # the ridge shrinks
                assert 0.65 * whole < float(own[row].mean()) <= whole
            else:  # four squares of 2 hide a pixel: one holds the whole square, two half of it, one a quarter
                assert float(own[row].mean()) == pytest.approx((1 + 2 / 2 + 1 / 4) / 4 * whole, rel=1e-5)
            assert own[row].min() > 0
            assert other[row].max() < 0
        elsewhere = found.clone()
        elsewhere[:, :, 2:8, 6:12] = 0
        elsewhere[:, :, 0:4, 0:4] = 0
        assert elsewhere.abs().max() < 0.15 * found.abs().max()


def test_squares_need_seven_pixels() -> None:
    for method in ("occlusion", "lime"):
        with pytest.raises(InputError, match="at least 7 pixels"):
            Attribution(method).explain(Subject(nn.Sequential(nn.Flatten(), nn.Linear(36, 3))), torch.rand(1, 1, 6, 6))  # type: ignore[arg-type]
