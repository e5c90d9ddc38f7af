"""Attributions against explicit sums over classes, Captum, and a linear model's closed form."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, get_args

import pytest
import torch
import torchvision
from captum.attr import (
    LRP,
    DeepLiftShap,
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
    LayerGradientXActivation,
    Occlusion,
    Saliency,
)
from real_data import real_data
from torch import Tensor, nn

from xaicf.core import ClassifierError, InputError, Status, Subject
from xaicf.data import MNIST
from xaicf.explainers import Attribution
from xaicf.explainers.contrast import Contrast
from xaicf.explainers.memory import peak_of_autograd
from xaicf.explainers.methods import Method
from xaicf.nn import TwoConv

METHODS = get_args(Method)
GUIDED = ["guided_gradient", "guided_gradcam"]
LINEAR = [method for method in METHODS if method not in GUIDED]
"""Methods that are linear in the class weights."""
GRADIENTS = ["gradient", "input_x_gradient", "gradcam", "linear_approximation"]
"""Methods that are one backward pass of the classifier as it is."""
AT_POINT = [*GRADIENTS, *(method for method in METHODS if method.startswith("lrp"))]
"""Methods that look at the image alone, for which log-odds and weighted contrast are one."""
CONTRASTS = [contrast for contrast in get_args(Contrast) if contrast != "subset"]
CONTRASTIVE = [contrast for contrast in CONTRASTS if contrast != "logit"]
TOLERANCE = 1e-9


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("xaicf.explainers.methods.lime"), "SAMPLES", 64)
    # One number of steps for all classes, so that maps can be summed.
    monkeypatch.setattr(import_module("xaicf.explainers.methods.integrated_gradients"), "STEPS", (64,))


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
    return MNIST(real_data("MNIST/raw")).samples(range(count), "test")["image"].double()


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


def subject_of(classifier: nn.Module, inputs: Tensor) -> Subject:
    """Give a subject with three images to compare with."""
    images = torch.rand(3, *inputs.shape[1:], generator=torch.Generator().manual_seed(4), dtype=inputs.dtype)
    return Subject(classifier, reference={"image": images, "label": torch.arange(3), "index": torch.arange(3)})


def attribute(
    classifier: nn.Module,
    inputs: Tensor,
    method: Method,
    contrast: Contrast,
    fact: Tensor | int | None = None,
    foil: Tensor | int | None = None,
) -> Tensor:
    found = Attribution(method, contrast).explain(subject_of(classifier, inputs), inputs, fact, foil)
    if method != "integrated_gradients":  # whose 64 steps may be too few
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
    ("method", "contrast"), [*((m, "weighted") for m in LINEAR), *((m, "log_odds") for m in AT_POINT)]
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


@pytest.mark.parametrize("method", LINEAR)
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
    if contrast in {"max", "pair"} and method in LINEAR:
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
    with pytest.raises(InputError, match="layer is for gradcam, guided_gradcam, linear_approximation, got 0 for gradi"):
        Attribution(method="gradient", layer="0")
    with pytest.raises(InputError, match="foils are for the contrast subset, got None for subset"):
        Attribution(contrast="subset")
    with pytest.raises(InputError, match=r"foils are for the contrast subset, got \[1\] for weighted"):
        Attribution(foils=[1])
    with pytest.raises(InputError, match=r"foils must be one or more different classes, got \[1, 1\]"):
        Attribution(contrast="subset", foils=[1, 1])
    with pytest.raises(InputError, match="gradient compares with no baseline, got zero"):
        Attribution("gradient", baseline="zero")
    with pytest.raises(InputError, match=r"tolerance is for integrated_gradients, deeplift, deep_shap, got 0\.1"):
        Attribution("gradient", tolerance=0.1)
    with pytest.raises(InputError, match="tolerance must be positive, got 0"):
        Attribution("deeplift", tolerance=0.0)
    with pytest.raises(InputError, match=r"baseline must be one of zero, .*, got grey"):
        Attribution("deeplift", baseline="grey")  # type: ignore[arg-type]


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


class Gated(nn.Module):
    """Multiplies values by what they open."""

    def forward(self, values: Tensor) -> Tensor:
        return values * values.sigmoid()


class Forked(nn.Module):
    """Begins with two layers side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(1, 2, 8), nn.Conv2d(1, 2, 8)

    def forward(self, images: Tensor) -> Tensor:
        return (self.left(images) + self.right(images)).flatten(1)


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
    gated = nn.Sequential(plain[0], Gated(), *plain[1:])
    with pytest.raises(ClassifierError, match="lrp has no rule for mul of"):
        Attribution("lrp").explain(Subject(gated), inputs)
    with pytest.raises(ClassifierError, match="lrp has no rule for 1, a GroupNorm"):
        Attribution("lrp").explain(Subject(nn.Sequential(plain[0], nn.GroupNorm(2, 4), *plain[1:])), inputs)
    with pytest.raises(ClassifierError, match="needs one layer that all pixels pass first, left is not"):
        Attribution("lrp").explain(Subject(Forked()), inputs)
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


def captum_friendly(shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """A network that Captum's hooks can follow as it is: no two non-linear modules touch."""
    return nn.Sequential(
        nn.Conv2d(shape[0], 4, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 6, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6 * (shape[1] // 2 - 2) * (shape[2] // 2 - 2), num_classes),
    )


PEERS: dict[str, Callable[[nn.Sequential, Tensor, Tensor, Tensor], Tensor]] = {
    "gradient": lambda net, x, fact, seen: Saliency(net).attribute(x, target=fact, abs=False),
    "input_x_gradient": lambda net, x, fact, seen: InputXGradient(net).attribute(x, target=fact),
    "guided_gradient": lambda net, x, fact, seen: GuidedBackprop(net).attribute(x, target=fact),
    "integrated_gradients": lambda net, x, fact, seen: IntegratedGradients(net).attribute(x, target=fact, n_steps=64),
    "deep_shap": lambda net, x, fact, seen: DeepLiftShap(net).attribute(x, seen, target=fact),
    "occlusion": lambda net, x, fact, seen: Occlusion(net).attribute(x, (2, 1, 1), target=fact, baselines=0)[:, :1],
}


@pytest.mark.parametrize("method", PEERS)
def test_logit_is_captum_s_own_call(method: Method) -> None:
    torch.manual_seed(3)
    classifier, inputs = captum_friendly((2, 9, 12), 5).double(), torch.rand(3, 2, 9, 12, dtype=torch.float64)
    subject = subject_of(classifier, inputs)
    found = Attribution(method, "logit").explain(subject, inputs)
    assert found.attribution is not None
    assert subject.reference is not None
    seen = subject.reference["image"]
    expected = PEERS[method](classifier, inputs.clone().requires_grad_(), found.fact, seen).detach()
    assert_same(found.attribution, expected.double(), 1e-6)


def test_guided_gradcam_is_the_product() -> None:
    torch.manual_seed(3)
    classifier, inputs = captum_friendly((2, 8, 8), 5).double(), torch.rand(3, 2, 8, 8, dtype=torch.float64)
    coarse, guided, both = (attribute(classifier, inputs, method, "weighted") for method in ("gradcam", *GUIDED))  # type: ignore[arg-type]
    assert_same(both, coarse * guided)
    assert (coarse < 0).any()


def test_subset_weighs_its_foils_alone(case: tuple[nn.Sequential, Tensor]) -> None:
    classifier, inputs = case
    logits, fact, _ = top_two(classifier, inputs)
    foils = [0, 2, 3]
    inside = torch.full_like(logits, -torch.inf)
    inside[:, foils] = 0
    weights = (logits + inside).scatter(1, fact[:, None], -torch.inf).softmax(1)
    one_hot = nn.functional.one_hot(fact, logits.shape[1])
    expected = combine(logit_maps(classifier, inputs, "gradient"), one_hot - weights)
    found = Attribution("gradient", "subset", foils=foils).explain(Subject(classifier), inputs).attribution
    assert found is not None
    assert_same(found, expected)
    everything = Attribution("gradient", "subset", foils=range(logits.shape[1]))
    whole = everything.explain(Subject(classifier), inputs).attribution
    assert whole is not None
    assert_same(whole, attribute(classifier, inputs, "gradient", "weighted"))
    one = Attribution("gradient", "subset", foils=[int(logits.argmin(1)[0])])
    single, pair = (
        explainer.explain(Subject(classifier), inputs[:1], None, int(logits.argmin(1)[0])).attribution
        for explainer in (one, Attribution("gradient", "pair"))
    )
    assert single is not None
    assert pair is not None
    assert_same(single, pair)


def test_subset_refuses_what_it_cannot_weigh() -> None:
    classifier, inputs = small_net((1, 8, 8), 3), torch.rand(2, 1, 8, 8)
    with pytest.raises(InputError, match=r"foils must be in \[0, 3\), got 3"):
        Attribution("gradient", "subset", foils=[1, 3]).explain(Subject(classifier), inputs)
    with pytest.raises(InputError, match=r"another class than the fact, got \[1\] for an image of 1"):
        Attribution("gradient", "subset", foils=[1]).explain(Subject(classifier), inputs, fact=1)


@pytest.mark.parametrize("method", ["deeplift", "integrated_gradients"])
@pytest.mark.parametrize("contrast", ["probability", "log_odds"])
def test_what_is_followed_along_the_way_is_another_thing(
    case: tuple[nn.Sequential, Tensor], method: Method, contrast: Contrast
) -> None:
    """Maps of the log-odds sum to their rise from the baseline; those of weighted contrast to the weighted rise."""
    classifier, inputs = case
    found = Attribution(method, contrast).explain(Subject(classifier), inputs)
    assert found.attribution is not None
    with torch.no_grad():
        after, before = classifier(inputs), classifier(torch.zeros_like(inputs))
    for row in range(len(inputs)):
        fact, foil = int(found.fact[row]), int(found.foil[row])
        rise = score_of(contrast, after[row], after[row], fact, foil) - score_of(
            contrast, before[row], after[row], fact, foil
        )
        slack = 1e-9 if method == "deeplift" else 0.05 * max(1, abs(rise))
        assert float(found.attribution[row].sum()) == pytest.approx(rise, abs=slack)
    weighted = attribute(classifier, inputs, method, "weighted")
    assert (found.attribution - weighted).abs().max() > 1e-3 * weighted.abs().max()


@pytest.mark.parametrize("method", ["gradcam", "linear_approximation", "guided_gradcam"])
def test_several_layers_are_averaged_and_kept_at_their_own_size(method: Method) -> None:
    torch.manual_seed(0)
    subject, inputs = Subject(TwoConv((1, 28, 28), 10)), torch.rand(2, 1, 28, 28)
    alone = [Attribution(method, layer=layer).explain(subject, inputs) for layer in ("1", "4")]
    both = Attribution(method, layer=["1", "4"]).explain(subject, inputs)
    assert both.attribution is not None
    expected = sum(one.attribution for one in alone) / 2  # type: ignore[misc, operator]
    assert torch.allclose(both.attribution, expected, atol=1e-6)  # type: ignore[arg-type]
    assert both.trace is not None
    assert {name: tuple(value.shape) for name, value in both.trace.items()} == {
        "1": (2, 1, 24, 24),
        "4": (2, 1, 8, 8),
    }


@pytest.mark.parametrize(
    ("architecture", "layer"),
    [
        ("vgg16", "features.28"),
        ("vgg16_bn", "features.40"),
        ("resnet50", "layer4"),
        ("efficientnet_b0", "features"),
        ("mobilenet_v2", "features"),
        ("densenet121", "features"),
        ("convnext_tiny", "features"),
        ("vit_b_16", "encoder.layers.encoder_layer_11.ln_1"),
        ("alexnet", "features.10"),
        ("regnet_y_400mf", "trunk_output"),
        ("googlenet", "inception5b"),
        ("shufflenet_v2_x0_5", "conv5"),
    ],
)
def test_layer_of_torchvision_s_families(architecture: str, layer: str) -> None:
    torch.manual_seed(0)
    options: dict[str, Any] = {"image_size": 64} if architecture.startswith("vit") else {}
    if architecture == "googlenet":
        options = {"aux_logits": False, "init_weights": False}
    network = torchvision.models.get_model(architecture, weights=None, num_classes=3, **options)
    nn.init.normal_([module for module in network.modules() if isinstance(module, nn.Linear)][-1].weight)
    found = Attribution("linear_approximation").explain(Subject(network), torch.rand(2, 3, 64, 64))
    assert found.trace is not None
    assert list(found.trace) == [layer]
    assert found.attribution is not None
    assert found.attribution.abs().amax((1, 2, 3)).min() > 0


def test_tokens_without_a_grid_need_a_layer() -> None:
    network = torchvision.models.swin_t(num_classes=3)
    with pytest.raises(ClassifierError, match=r"works on tokens, such as norm; name a layer by layer="):
        Attribution("gradcam").explain(Subject(network), torch.rand(1, 3, 64, 64))
    named = Attribution("gradcam", layer="permute").explain(Subject(network), torch.rand(1, 3, 64, 64))
    assert named.attribution is not None
    with pytest.raises(ClassifierError, match=r"must give \(B, channels, height, width\), head gives \(1, 3\)"):
        Attribution("gradcam", layer="head").explain(Subject(network), torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize(
    "method", ["integrated_gradients", "gradient_shap", "deeplift", "deep_shap", "occlusion", "lime"]
)
def test_memory_budget_changes_nothing_but_memory(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    classifier, inputs = TwoConv((1, 28, 28), 10).double(), torch.rand(6, 1, 28, 28, dtype=torch.float64)
    budget = import_module("xaicf.explainers.methods.budget")
    found = {}
    for size in (1, 2**18, 2**30):
        monkeypatch.setattr(budget, "BUDGET", size)
        answers: list[Tensor] = []

        def answer(answers: list[Tensor] = answers) -> None:
            answers.append(attribute(classifier, inputs, method, "weighted"))

        found[size] = peak_of_autograd(answer), answers[0]
    few, some, whole = found.values()
    assert_same(some[1], whole[1], 1e-6)
    assert_same(few[1], whole[1], 1e-6)
    if method in {"integrated_gradients", "deeplift", "deep_shap"}:  # the others keep nothing, or always as much
        assert few[0] < whole[0] / 2
        assert few[0] <= some[0] < whole[0]


def test_integrated_gradients_take_more_steps_until_they_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    classifier, inputs = sharpened(TwoConv((1, 28, 28), 10)).double(), torch.rand(6, 1, 28, 28, dtype=torch.float64)
    module = import_module("xaicf.explainers.methods.integrated_gradients")
    found = {}
    for steps in ((4,), (4, 64, 1024)):
        monkeypatch.setattr(module, "STEPS", steps)
        found[steps] = Attribution("integrated_gradients", "weighted").explain(Subject(classifier), inputs)
    few, more = found.values()
    assert (more.scalars["completeness_error"] <= few.scalars["completeness_error"]).all()
    assert (few.status == Status.UNSOLVED).any()
    assert int(more.status.sum()) > int(few.status.sum())
    for one in (few, more):
        assert torch.equal(one.status == Status.SOLVED, one.scalars["relative_completeness_error"] <= 1e-3)


@pytest.mark.parametrize("method", ["integrated_gradients", "deeplift"])
def test_a_tolerance_says_which_maps_are_complete_and_spares_steps(
    method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    classifier, inputs = sharpened(TwoConv((1, 28, 28), 10)), torch.rand(6, 1, 28, 28)
    monkeypatch.setattr(import_module("xaicf.explainers.methods.integrated_gradients"), "STEPS", (4, 256))
    errors = []
    for tolerance in (1e-6, 1e6):
        found = Attribution(method, "pair", tolerance=tolerance).explain(Subject(classifier), inputs)
        errors.append(found.scalars["relative_completeness_error"])
        assert torch.equal(found.status == Status.SOLVED, errors[-1] <= tolerance)
    strict, lax = errors
    assert torch.equal(strict, lax) == (method == "deeplift")
    assert (strict <= lax).all()
