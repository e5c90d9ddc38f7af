"""Criticism by attributes against linear programmes, and what it refuses."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor, nn

from xaicf.core import Editor, Explanation, InputError, Status, Subject
from xaicf.explainers import AttributeCriticism
from xaicf.explainers.chunked import ask_in_chunks

SHAPE = (1, 4, 6)
NAMES = ("small", "middling", "large")
SIZES = (2, 4, 6)
"""Pixels that each attribute is the mean brightness of, all those of the columns 0 to 2."""


class Blocks(nn.Module, Editor):
    """Draws an attribute as the mean brightness of some pixels."""

    members: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.attribute_names = NAMES
        self.image_shape = SHAPE
        members = torch.zeros(len(NAMES), 24)
        for row, (begin, size) in enumerate(zip((0, 2, 6), SIZES, strict=True)):
            members[row, begin : begin + size] = 1
        self.register_buffer("members", members)

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (images - self._spread(self.read(images)),)

    def draw(self, features: tuple[Tensor, ...], attributes: Tensor) -> Tensor:
        return features[0] + self._spread(attributes)

    def read(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.members.T / self.members.sum(1)

    def _spread(self, attributes: Tensor) -> Tensor:
        return (attributes @ self.members).view(-1, *SHAPE)


@pytest.fixture
def subject() -> Subject:
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(24, 2))
    linear = classifier[1]
    assert isinstance(linear, nn.Linear)
    nn.init.normal_(linear.weight)
    with torch.no_grad():
        linear.bias.copy_(-linear.weight.sum(1) / 2)  # a tie where all is grey
    return Subject(classifier, editor=Blocks())


def inputs(count: int = 24) -> Tensor:
    return 0.3 + 0.4 * torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1))


def least(
    subject: Subject, image: Tensor, foil: int, bounds: list[tuple[float, float]], costs: tuple[int, ...]
) -> float:
    """Solve for the smallest sum of changes at a tie, each by its cost: a linear programme in rises and falls."""
    editor = subject.editor
    assert isinstance(editor, Blocks)
    linear = subject.classifier[1]  # type: ignore[index]
    slope = ((linear.weight[foil] - linear.weight[1 - foil]) @ editor.members.T).double().detach().numpy()
    with torch.no_grad():
        logits = subject.classifier(image[None])[0].double()
    lacking = float(logits[1 - foil] - logits[foil])
    read = editor.read(image[None])[0].tolist()
    room = [(0, max(high - now, 0)) for now, (_, high) in zip(read, bounds, strict=True)]
    room += [(0, max(now - low, 0)) for now, (low, _) in zip(read, bounds, strict=True)]
    found = linprog(np.tile(costs, 2), A_ub=-np.concatenate([slope, -slope])[None], b_ub=[-lacking], bounds=room)
    return float(found.fun) if found.success else float("inf")


def explained(subject: Subject, **options: Any) -> Explanation:
    return AttributeCriticism(**options).explain(subject, inputs())


@pytest.mark.parametrize(("distance", "costs"), [("attributes", (1, 1, 1)), ("image", SIZES)])
@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        ({}, [(0.0, 1.0)] * 3),
        ({"bounds": (0.2, 0.8)}, [(0.2, 0.8)] * 3),
        ({"own_bounds": {"middling": (0.4, 0.6)}}, [(0.0, 1.0), (0.4, 0.6), (0.0, 1.0)]),
        ({"held": ["large"]}, [(0.0, 1.0), (0.0, 1.0), (np.nan, np.nan)]),
    ],
    ids=["free", "bounds", "own bounds", "held"],
)
def test_change_is_the_least_of_a_linear_programme(
    subject: Subject, options: dict[str, Any], bounds: list[tuple[float, float]], distance: str, costs: tuple[int, ...]
) -> None:
    found = explained(subject, distance=distance, steps=200, step_size=0.01, **options)
    editor = subject.editor
    assert isinstance(editor, Blocks)
    read = editor.read(inputs())
    wanted = []
    for row, (image, foil) in enumerate(zip(inputs(), found.foil.tolist(), strict=True)):
        own = [(float(read[row, at]),) * 2 if np.isnan(low) else (low, high) for at, (low, high) in enumerate(bounds)]
        wanted.append(least(subject, image, foil, own, costs))
    best = torch.tensor(wanted)
    solved = found.status == Status.SOLVED
    assert solved.sum() >= 8
    assert torch.equal(solved, best.isfinite())
    distance = found.scalars["distance"][solved]
    assert (distance > best[solved] - 1e-4).all()
    assert (distance < 1.07 * best[solved] + 0.03).all()


def test_scalars_are_what_they_say(subject: Subject) -> None:
    found = explained(subject)
    editor = subject.editor
    assert isinstance(editor, Blocks)
    assert found.counterfactual is not None
    assert found.attribution is not None
    changes = torch.stack([found.scalars[f"change_{name}"] for name in NAMES], 1)
    read = editor.read(found.inputs)
    narrow = explained(subject, bounds=(0.45, 0.55))
    torch.testing.assert_close(
        narrow.scalars["distance"], sum((narrow.scalars[f"change_{name}"].abs() for name in NAMES), torch.zeros(24))
    )
    torch.testing.assert_close(editor.edit(found.inputs, read + changes), found.counterfactual)
    assert torch.equal(found.attribution, found.inputs - found.counterfactual)
    torch.testing.assert_close(found.scalars["distance"], changes.abs().sum(1))
    assert torch.equal(found.scalars["attributes_moved"], (changes.abs() > 0.05).sum(1).float())
    assert torch.equal(subject.classifier(found.counterfactual).argmax(1) == found.foil, found.status == Status.SOLVED)
    assert (found.scalars["reconstruction_error"] < 1e-6).all()
    assert (found.scalars["reconstruction_is_fact"] == 1).all()
    steps = found.scalars["gradient_evaluations"]
    assert steps[found.status == Status.SOLVED].unique().tolist() == [9 * 81]
    euclidean = explained(subject, distance="image", norm="l2")
    assert euclidean.attribution is not None
    torch.testing.assert_close(euclidean.scalars["distance"], euclidean.attribution.flatten(1).norm(dim=1))


def test_held_attributes_never_move(subject: Subject) -> None:
    found = explained(subject, held=["small", "large"], bounds=(0.45, 0.55))
    for name in ("small", "large"):
        assert torch.equal(found.scalars[f"change_{name}"], torch.zeros(24))
    assert (found.scalars["change_middling"] != 0).any()
    assert found.counterfactual is not None
    assert torch.equal(found.counterfactual.flatten(1)[:, 12:], found.inputs.flatten(1)[:, 12:])


class Forgetful(Blocks):
    """Draws attributes alone."""

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (torch.zeros_like(images),)


def test_unsolved_where_the_editor_itself_changes_the_class(subject: Subject) -> None:
    forgetful = Subject(subject.classifier, editor=Forgetful())
    found = AttributeCriticism().explain(forgetful, inputs())
    assert found.counterfactual is not None
    kept = found.scalars["reconstruction_is_fact"] == 1  # of two classes, it is the foil where it is not the fact
    assert 0 < kept.sum() < 24
    at_foil = subject.classifier(found.counterfactual).argmax(1) == found.foil
    assert at_foil[~kept].any()
    assert torch.equal(found.status == Status.SOLVED, kept & at_foil)


def test_trace_leads_from_the_reading_to_the_counterfactual(subject: Subject) -> None:
    found = explained(subject, frames=4)
    assert found.trace is not None
    editor = subject.editor
    assert isinstance(editor, Blocks)
    assert found.trace["images"].shape == (24, 4, *SHAPE)
    assert found.trace["probabilities"].shape == (24, 4, 2)
    torch.testing.assert_close(found.trace["points"][:, 0], editor.read(found.inputs))
    torch.testing.assert_close(found.trace["images"][:, -1], found.counterfactual)
    rows = torch.arange(24)
    torch.testing.assert_close(
        found.trace["probabilities"][rows, -1, found.foil], found.scalars["foil_probability_after"]
    )
    assert explained(subject).trace is None


def test_images_do_not_depend_on_each_other(subject: Subject) -> None:
    method = AttributeCriticism(frames=3)
    whole = ask_in_chunks(method, subject, inputs(), chunk_size=24).tensors()
    for name, tensor in ask_in_chunks(method, subject, inputs(), chunk_size=5).tensors().items():
        torch.testing.assert_close(tensor, whole[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bounds": (1.0, 0.0)}, r"bounds must be in \[0, 1\], the lower first, got 1.0 and 0.0"),
        ({"bounds": (-3.0, 4.0)}, r"bounds must be in \[0, 1\]"),
        (
            {"own_bounds": {"large": (0.5, 0.5)}},
            r"bounds of large must be in \[0, 1\], the lower first, got 0.5 and 0.5",
        ),
        ({"held": ["large"], "own_bounds": {"large": (0.0, 0.5)}}, "own_bounds must name attributes that may change"),
        ({"distance": "latents"}, "distance must be attributes or image, got latents"),
        ({"norm": "l3"}, "norm must be l1 or l2, got l3"),
        ({"precision": "half"}, "precision must be double or single, got half"),
        ({"weights": (1.0, 1.0)}, "weights must be positive, finite and the smaller first"),
        ({"steps": 0}, "steps at least 1"),
        ({"frames": 1}, "frames must be 0 or at least 2, got 1"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        AttributeCriticism(**options)


def test_what_does_not_fit_the_editor(subject: Subject) -> None:
    for options in ({"held": ["young"]}, {"own_bounds": {"young": (0.0, 0.5)}}):
        with pytest.raises(InputError, match=r"attributes of the editor, small, middling, large; got young"):
            explained(subject, **options)
    with pytest.raises(InputError, match="held must leave an attribute that may change, got all of small, middling"):
        explained(subject, held=NAMES)
    with pytest.raises(InputError, match="AttributeCriticism needs an editor, and the subject has none"):
        explained(Subject(subject.classifier))
    other = Subject(nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 2)), editor=subject.editor)
    with pytest.raises(InputError, match=r"editor draws images of \(1, 4, 6\), the inputs are \(1, 8, 8\)"):
        AttributeCriticism().explain(other, torch.rand(2, 1, 8, 8))
