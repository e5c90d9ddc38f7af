"""Does introspection blame the right attribute? Classifiers that learned one that we know."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from matplotlib.figure import Figure

from xaicf.core import Batch, Editor, Explanation, InputError, Status, Subject, other_side, same_side
from xaicf.data import MorphoMNIST
from xaicf.data.morphing import ATTRIBUTES
from xaicf.data.morpho import measure
from xaicf.evaluation.attribute_changes import attribute_changes, first
from xaicf.explainers import AttributeCriticism
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.study import Place, Row, Study
from xaicf.viz.changes import draw_changes

DIGITS = (4, 9)
NOTHING = "nothing"


@dataclass(frozen=True)
class GCIPlanted(Study):
    """Trains a classifier for each planted attribute and seed, and asks of each test image for the other class.

    In training the attribute alone tells the class, so that it is what a classifier must have learned: the digit is
    one or the other by chance, and images where MNIST's own variation hides the attribute are left out. The images that
    are asked about depend on neither. The editor is trained without planting, once for each seed. The attribute that
    names the digit is held.

    Args:
        classifier: its configuration, whose data gets the planted attribute.
        editor: its configuration.
        planted: attributes, in turn.
        network_seeds: of both trainings.
        images: of the test at most, the first.
    """

    title: ClassVar[str] = "Which attribute is blamed, when we know which one it is"

    classifier: str = "configs/classifier/morpho_mnist.yaml"
    editor: str = "configs/attgan/morpho_mnist.yaml"
    planted: Sequence[str] = ("thickness", "slant", "intensity", "colour", "mark")
    network_seeds: Sequence[int] = (0, 1, 2)
    images: int = 100

    def __post_init__(self) -> None:
        unknown = [name for name in self.planted if name not in ATTRIBUTES]
        if unknown or not self.planted:
            raise InputError(f"planted must name some of {', '.join(ATTRIBUTES)}, got {', '.join(unknown) or 'none'}")
        if self.images < 1 or not self.network_seeds:
            raise InputError(f"images must be at least 1 and network_seeds not empty, got {self.images}")

    @property
    def seeds(self) -> Sequence[int]:
        """Those of the classifiers' and the editors' trainings."""
        return self.network_seeds

    def quick(self) -> Self:
        """Give one attribute, one seed and four images."""
        return replace(self, planted=self.planted[:1], network_seeds=self.network_seeds[:1], images=4)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Train, ask, count and draw."""
        data = MorphoMNIST(place.root, digits=DIGITS)
        batch = _images(data, self.images)
        editors = {seed: place.network(self.editor, seed) for seed in self.network_seeds}
        rows: list[Row] = []
        drawn: list[tuple[str, torch.Tensor]] = []
        for name in (*self.planted, NOTHING):
            planted: dict[str, Any] = {} if name == NOTHING else {"planted": name, "digit_strength": 0, "clear": True}
            telling = MorphoMNIST(place.root, digits=DIGITS, planted_test="as_trained", **planted)
            answers: list[Explanation] = []
            right: list[float] = []
            blind: list[float] = []
            for seed, editor in editors.items():
                classifier = place.network(self.classifier, seed, data=planted)
                right.append(_accuracy(classifier, _images(telling, self.images)))
                blind.append(_accuracy(classifier, batch))
                explainer = AttributeCriticism(held=[data.class_names[1]], precision="single")
                answers.append(explain_all(explainer, Subject(classifier, editor=editor), batch["image"]))
            count = len(batch["label"])
            rows.append(Row.over_seeds(f"{name} planted: accuracy", right, count, better="higher"))
            if name != NOTHING:
                rows.append(Row.over_seeds(f"{name} planted: accuracy where it tells nothing", blind, count))
            rows += _rows(name, answers, data.attribute_names)
            changes = torch.cat([one.changes for one in attribute_changes(Explanation.cat(answers))])
            drawn.append((f"planted: {name}", changes))
        for seed_rows in zip(*(_edit_accuracy(editor, batch) for editor in editors.values()), strict=True):
            words, count = seed_rows[0][0], len(batch["label"])
            rows.append(Row.over_seeds(words, [share for _, share in seed_rows], count, better="higher"))
        return rows, {"changes": draw_changes(drawn, data.attribute_names)}


def _images(data: MorphoMNIST, count: int) -> Batch:
    """Give test images, the first."""
    data.setup()
    return data.samples(range(min(count, len(data.split("test")))), "test")


def _accuracy(classifier: torch.nn.Module, batch: Batch) -> float:
    return _share(predicted(classifier, batch["image"]) == batch["label"])


def _rows(name: str, answers: Sequence[Explanation], names: Sequence[str]) -> list[Row]:
    """Count which attribute changes most, of solved queries and of all, and whether what is held has moved."""
    n = len(answers[0])
    solved = [_share(one.status == Status.SOLVED) for one in answers]
    everyone = [torch.stack([one.scalars[f"change_{known}"] for known in names], 1) for one in answers]
    firsts = [first(torch.cat([found.changes for found in attribute_changes(one)])) for one in answers]
    rows = [
        Row.over_seeds(f"{name} planted: queries that reach the other class", solved, n),
        Row.over_seeds(f"{name} planted: held attribute moves by", [float(c[:, -1].abs().max()) for c in everyone], n,
                       None, 0.0, "lower"),
    ]  # fmt: skip
    if name == NOTHING:
        most = [float(shares.max()) for shares in firsts]
        blamed = [names[int(shares.nan_to_num().argmax())] for shares in firsts]
        rows.append(
            Row.over_seeds(
                f"{name} planted: share of the most blamed ({', '.join(blamed)})", most, n, None, 0.5, "lower"
            )
        )
        return rows
    own = list(names).index(name)
    solved_first = [float(shares[own]) for shares in firsts]
    whole = [_share(change.abs().argmax(1) == own) for change in everyone]
    return [
        *rows,
        Row.over_seeds(f"{name} planted: it changes most, of solved queries", solved_first, n, None, 0.95, "higher"),
        Row.over_seeds(f"{name} planted: it changes most, of all queries", whole, n, None, None, "higher"),
    ]


@torch.no_grad()
def _edit_accuracy(editor: torch.nn.Module, batch: Batch) -> list[tuple[str, float]]:
    """Ask for the other side of each attribute, and say how often the editor's critic and a measurement find it."""
    assert isinstance(editor, Editor)
    images, attributes = batch["image"], batch["attributes"]
    features = editor.features(images)
    found = []
    for number, name in enumerate(editor.attribute_names):
        asked = other_side(attributes, number)
        made = editor.draw(features, asked)
        found.append((f"edits of {name}: as the critic reads", _share(same_side(editor.read(made), asked)[:, number])))
        if number < len(editor.attribute_names) - 1:  # what names the class cannot be measured
            found.append((f"edits of {name}: as measured", _share(same_side(measure(made), asked[:, :-1])[:, number])))
    return found


def _share(which: torch.Tensor) -> float:
    return float(which.double().mean())
