"""What every explainer promises: networks left as found, any outer mode, bad input named."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from xaicf.core import (
    ClassifierError,
    Encoder,
    Explanation,
    Generator,
    InputError,
    Labels,
    Status,
    Subject,
    UserError,
)
from xaicf.explainers import XGEM, Attribution, CDeepEx, Explainer, classify


class Classifier(nn.Module):
    """Four classes; with batch norm, dropout that ignores eval mode, and a call that may fail."""

    def __init__(self, fails_at: int | None = None) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(3 * 36, 4)
        self.calls = 0
        self.fails_at = fails_at

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        if self.calls == self.fails_at:
            raise RuntimeError("out of order")
        torch.rand(3)  # takes from the global random state
        return self.head(self.norm(self.convolution(images)).relu().flatten(1))


class LinearGenerator(nn.Module, Generator, Encoder):
    latent_dim = 5

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Linear(5, 64)
        self.norm = nn.BatchNorm1d(64)
        self.encoder = nn.Linear(64, 5)

    def decode(self, latents: Tensor) -> Tensor:
        torch.rand(1)
        return self.norm(self.decoder(latents)).sigmoid().view(-1, 1, 8, 8)

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images.flatten(1))


class Decoder(nn.Module, Generator):
    latent_dim = 5

    def decode(self, latents: Tensor) -> Tensor:
        return latents[:, :, None, None].expand(-1, -1, 8, 8)


class HalfWayError(Exception):
    pass


class Rude(Explainer):
    """Touches all that it may, and then fails."""

    def _explain(self, subject: Subject, inputs: Tensor, fact: Labels, foil: Labels) -> Explanation:
        for network in subject.modules:
            network.train().requires_grad_(True)
        subject.classifier(inputs)
        torch.manual_seed(99)
        raise HalfWayError


def subject(fails_at: int | None = None) -> Subject:
    """Make networks of mixed modes and mixed ``requires_grad``, with statistics, gradients and a hook."""
    torch.manual_seed(11)
    classifier, generator = Classifier(), LinearGenerator()
    with torch.no_grad():
        classifier.head.weight.mul_(4)
        generator.decoder.weight.mul_(8)
    for _ in range(3):
        classifier(torch.rand(4, 1, 8, 8)).sum().backward()
        generator.decode(torch.randn(4, 5)).sum().backward()
    classifier.calls, classifier.fails_at = 0, fails_at
    classifier.train()
    classifier.head.eval()
    generator.eval()
    generator.norm.train()
    classifier.convolution.weight.requires_grad_(False)
    generator.encoder.requires_grad_(False)
    classifier.norm.register_forward_hook(lambda module, args, output: None)
    classifier.head.register_full_backward_hook(lambda module, received, sent: None)
    return Subject(classifier, generator)


def images(count: int = 3) -> Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def snapshot(given: Subject) -> dict[str, Any]:
    """Note what must be the same afterwards; tensors by value and by identity."""
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": np.random.get_state()[1],  # noqa: NPY002
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
    }
    for seat, network in enumerate(given.modules):
        for name, module in network.named_modules():
            state[f"{seat}.{name}:training"] = module.training
            for key, value in vars(module).items():
                if "hooks" in key and isinstance(value, dict):
                    state[f"{seat}.{name}:{key}"] = dict(value)
        for name, weight in network.named_parameters():
            state[f"{seat}.{name}:weight"] = weight.detach().clone()
            state[f"{seat}.{name}:place"] = (id(weight), weight.data_ptr(), weight.dtype)
            state[f"{seat}.{name}:requires_grad"] = weight.requires_grad
            state[f"{seat}.{name}:grad"] = None if weight.grad is None else weight.grad.clone()
        for name, buffer in network.named_buffers():
            state[f"{seat}.{name}:buffer"] = buffer.clone()
            state[f"{seat}.{name}:place"] = (id(buffer), buffer.data_ptr(), buffer.dtype)
    return state


def assert_same(now: dict[str, Any], before: dict[str, Any]) -> None:
    assert now.keys() == before.keys()
    for key, value in before.items():
        same = np.array_equal(now[key], value) if isinstance(value, Tensor | np.ndarray) else now[key] == value
        assert same, key


EXPLAINERS = [
    Attribution("gradient", "log_odds"),
    Attribution("input_x_gradient", "probability"),
    Attribution("gradcam", "weighted"),
    Attribution("linear_approximation", "pair"),
    CDeepEx(tolerance=0.05, constrain_others=False),
    CDeepEx(0.0, 0.3, solver="augmented_lagrangian", precision="single", clamp=False),
    XGEM(steps=3),
]
OUTSIDE: list[Callable[[], AbstractContextManager[Any]]] = [nullcontext, torch.no_grad, torch.inference_mode]


FACTS, FOILS = torch.tensor([2, 1, 2]), torch.tensor([3, 0, 1])


def named(explainer: Explainer) -> str:
    return explainer.name


@pytest.mark.parametrize("outside", OUTSIDE)
@pytest.mark.parametrize("explainer", EXPLAINERS, ids=named)
def test_networks_are_left_as_found(explainer: Explainer, outside: Callable[[], AbstractContextManager[Any]]) -> None:
    given = subject()
    with outside():
        before = snapshot(given)
        found = explainer.explain(given, images())
        assert_same(snapshot(given), before)
    assert len(found) == 3
    assert isinstance(given.classifier, Classifier)
    assert given.classifier.calls > 1


@pytest.mark.parametrize(
    ("explainer", "fails_at"),
    [(EXPLAINERS[0], 1), (EXPLAINERS[0], 2), (EXPLAINERS[2], 2), (EXPLAINERS[2], 3)]
    + [(explainer, call) for explainer in EXPLAINERS[4:] for call in (1, 2, 6)],
)
def test_networks_are_left_as_found_by_a_failing_classifier(explainer: Explainer, fails_at: int) -> None:
    given = subject(fails_at)
    before = snapshot(given)
    with pytest.raises(RuntimeError if fails_at > 1 else ClassifierError, match="out of order"):
        explainer.explain(given, images())
    assert_same(snapshot(given), before)


def test_networks_are_left_as_found_by_a_failing_explainer() -> None:
    given = subject()
    before = snapshot(given)
    with pytest.raises(HalfWayError):
        Rude().explain(given, images())
    assert_same(snapshot(given), before)


def test_classify_leaves_networks_as_found() -> None:
    given = subject()
    before = snapshot(given)
    logits = classify(given, images())
    assert_same(snapshot(given), before)
    given.classifier.eval()
    with torch.no_grad():
        assert torch.equal(logits, given.classifier(images()))


@pytest.mark.parametrize("outside", OUTSIDE[1:])
@pytest.mark.parametrize("explainer", EXPLAINERS, ids=named)
def test_outer_mode_changes_no_result(explainer: Explainer, outside: Callable[[], AbstractContextManager[Any]]) -> None:
    """Images and classes are made in the mode too, as in Lightning's loops."""
    expected = explainer.explain(subject(), images(), FACTS.clone(), FOILS.clone())
    given = subject()
    with outside():
        found = explainer.explain(given, images(), FACTS.clone(), FOILS.clone())
    assert found.tensors().keys() == expected.tensors().keys()
    for name, tensor in expected.tensors().items():
        assert torch.equal(found.tensors()[name], tensor), name


@pytest.mark.parametrize("explainer", EXPLAINERS, ids=named)
def test_results_hang_on_no_graph_and_inputs_stay(explainer: Explainer) -> None:
    inputs = images().requires_grad_()
    found = explainer.explain(subject(), inputs)
    assert inputs.grad is None
    assert torch.equal(inputs, images())
    assert not any(tensor.requires_grad for tensor in found.tensors().values())
    found.inputs.zero_()
    assert torch.equal(inputs, images())


@pytest.mark.parametrize("explainer", EXPLAINERS, ids=named)
def test_probabilities(explainer: Explainer) -> None:
    given = subject()
    found = explainer.explain(given, images(), fact=2)
    probabilities = classify(given, images()).softmax(1)
    others = probabilities.clone()
    others[:, 2] = -1
    assert found.fact.tolist() == [2, 2, 2]
    assert torch.equal(found.foil, others.argmax(1))
    torch.testing.assert_close(found.scalars["fact_probability"], probabilities[:, 2])
    torch.testing.assert_close(found.scalars["foil_probability"], others.amax(1))
    if found.counterfactual is None:
        assert "fact_probability_after" not in found.scalars
        return
    given.classifier.eval()
    with torch.no_grad():
        after = given.classifier(found.counterfactual).softmax(1)
    torch.testing.assert_close(found.scalars["fact_probability_after"], after[:, 2])
    expected = after.gather(1, found.foil[:, None]).squeeze(1)
    torch.testing.assert_close(found.scalars["foil_probability_after"], expected)


@pytest.mark.parametrize("fact", [1, [1], [1, 1, 1], torch.tensor(1), torch.tensor([1], dtype=torch.int32)])
def test_one_class_or_one_for_each(fact: Any) -> None:
    found = Attribution().explain(subject(), images(), fact, foil=torch.tensor([0, 2, 3]))
    assert found.fact.tolist() == [1, 1, 1]
    assert found.foil.tolist() == [0, 2, 3]
    assert found.fact.dtype == found.foil.dtype == torch.int64


def test_classes_left_out_are_the_two_most_likely() -> None:
    found = Attribution().explain(subject(), images())
    logits = classify(subject(), images())
    assert torch.equal(torch.stack([found.fact, found.foil], 1), logits.topk(2).indices)
    assert found.status.tolist() == [Status.SOLVED] * 3


BAD_IMAGES = {
    "above": (images() * 0 + 1.5, r"inputs must be in \[0, 1\], got \[1\.5, 1\.5\]"),
    "below": (images() - 2, r"inputs must be in \[0, 1\], got \[-"),
    "nan": (images().index_fill(0, torch.tensor([1]), torch.nan), "inputs must be finite"),
    "infinite": (images().index_fill(0, torch.tensor([1]), torch.inf), "inputs must be finite"),
    "one image": (images()[0], r"inputs must be float \(B, C, H, W\), got torch.float32 of \(1, 8, 8\)"),
    "five dimensions": (images()[None], r"got torch.float32 of \(1, 3, 1, 8, 8\)"),
    "none": (images()[:0], r"at least one image, got shape \(0, 1, 8, 8\)"),
    "no pixel": (images()[..., :0], r"at least one image, got shape \(3, 1, 8, 0\)"),
    "bytes": ((images() * 255).byte(), r"inputs must be float \(B, C, H, W\), got torch.uint8"),
    "integers": (torch.ones(3, 1, 8, 8, dtype=torch.int64), "got torch.int64"),
}


@pytest.mark.parametrize("explainer", [EXPLAINERS[0], EXPLAINERS[4]], ids=named)
@pytest.mark.parametrize("case", BAD_IMAGES)
def test_bad_images(explainer: Explainer, case: str) -> None:
    inputs, message = BAD_IMAGES[case]
    with pytest.raises(InputError, match=message):
        explainer.explain(subject(), inputs)
    with pytest.raises(InputError, match=message):
        classify(subject(), inputs)


@pytest.mark.parametrize("role", ["fact", "foil"])
@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (12, r"{} must be in \[0, 4\), got 12"),
        (4, r"{} must be in \[0, 4\), got 4"),
        (-1, r"{} must be in \[0, 4\), got -1"),
        (torch.tensor([0, 1, 7]), r"{} must be in \[0, 4\), got 7"),
        (torch.tensor([0, 1]), r"{} must be one class or 3, got shape \(2,\)"),
        (torch.tensor([0, 1, 2, 3]), r"{} must be one class or 3, got shape \(4,\)"),
        (torch.tensor([[0], [1], [2]]), r"{} must be one class or 3, got shape \(3, 1\)"),
        (torch.tensor([], dtype=torch.int64), r"{} must be one class or 3, got shape \(0,\)"),
        (1.0, "{} must hold integers, got torch.float32"),
        (torch.tensor([0.0, 1.0, 2.0]), "{} must hold integers, got torch.float32"),
        (True, "{} must hold integers, got torch.bool"),
    ],
)
def test_bad_classes(role: str, classes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message.format(role)):
        Attribution().explain(subject(), images(), **{role: classes})


def test_fact_and_foil_are_equal() -> None:
    with pytest.raises(InputError, match="foil must differ from fact, got 2 for both of image 0"):
        Attribution().explain(subject(), images(), 2, 2)
    with pytest.raises(InputError, match="got 3 for both of image 1"):
        Attribution().explain(subject(), images(), torch.tensor([0, 3, 1]), 3)
    answer = classify(subject(), images()).argmax(1)
    with pytest.raises(InputError, match="foil must differ from fact"):
        Attribution().explain(subject(), images(), foil=answer)


class Returns(nn.Module):
    """A classifier that gives what it is told."""

    def __init__(self, give: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.give = give

    def forward(self, images: Tensor) -> Any:
        return self.give(images)


BAD_CLASSIFIERS: dict[str, tuple[nn.Module, str]] = {
    "other channels": (nn.Conv2d(3, 4, 3), r"does not take images of \(1, 8, 8\)"),
    "other size": (nn.Sequential(nn.Flatten(), nn.Linear(50, 4)), r"does not take images of \(1, 8, 8\)"),
    "nan": (Returns(lambda x: x.flatten(1) * torch.nan), "logits that are not finite"),
    "infinite": (Returns(lambda x: x.flatten(1) / 0), "logits that are not finite"),
    "maps": (nn.Conv2d(1, 4, 3), r"must give logits \(3, classes\), got \(3, 4, 6, 6\)"),
    "one class": (Returns(lambda x: x.flatten(1)[:, :1]), r"must give logits \(3, classes\), got \(3, 1\)"),
    "one row": (Returns(lambda x: x.flatten(1)[:1]), r"must give logits \(3, classes\), got \(1, 64\)"),
    "a tuple": (Returns(lambda x: (x.flatten(1), 1)), r"must give logits \(3, classes\), got tuple"),
}


@pytest.mark.parametrize("case", BAD_CLASSIFIERS)
def test_bad_classifiers(case: str) -> None:
    classifier, message = BAD_CLASSIFIERS[case]
    with pytest.raises(ClassifierError, match=message) as caught:
        Attribution("gradient").explain(Subject(classifier), images())
    assert isinstance(caught.value, UserError)
    with pytest.raises(ClassifierError, match=message):
        classify(Subject(classifier), images())


def test_generator_is_missing() -> None:
    with pytest.raises(InputError, match="CDeepEx needs a generator, and the subject has none"):
        CDeepEx().explain(Subject(Classifier()), images())


def test_generator_of_other_images() -> None:
    classifier = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 3))
    with pytest.raises(InputError, match="generator"):
        CDeepEx().explain(Subject(classifier, LinearGenerator()), torch.rand(2, 1, 9, 9))


def test_any_seat_can_be_needed() -> None:
    class NeedsImages(Rude):
        needs = ("reference",)

    with pytest.raises(InputError, match="NeedsImages needs a reference, and the subject has none"):
        NeedsImages().explain(subject(), images())


class Given(Explainer):
    """Answers what it was made with."""

    def __init__(self, answer: object) -> None:
        self.answer: Any = answer

    def _explain(self, subject: Subject, inputs: Tensor, fact: Labels, foil: Labels) -> Explanation:
        return self.answer


def test_an_answer_that_is_not_finite_is_none() -> None:
    inputs, classes = torch.rand(3, 1, 8, 8), torch.arange(3)
    maps, status = torch.rand(3, 1, 8, 8), torch.tensor([Status.SOLVED, Status.SOLVED, Status.NOT_APPLICABLE])
    maps[1, 0, 0, 0] = maps[2] = torch.nan
    given = Explanation(inputs, classes, classes + 1, status, maps)
    found = Given(given).explain(Subject(Classifier().eval()), inputs)
    assert found.status.tolist() == [Status.SOLVED, Status.UNSOLVED, Status.NOT_APPLICABLE]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (None, TypeError, r"Given\._explain must give an Explanation, got NoneType"),
        (
            Explanation(torch.rand(2, 1, 8, 8), *[torch.zeros(2, dtype=torch.int64)] * 3),
            ValueError,
            r"Given\._explain must explain 3 images, got 2",
        ),
    ],
)
def test_an_answer_to_something_else_is_named(answer: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Given(answer).explain(Subject(Classifier().eval()), torch.rand(3, 1, 8, 8))
