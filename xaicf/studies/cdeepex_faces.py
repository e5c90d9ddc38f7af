"""CDeepEx, §4.4, Fig. 8 and 9: what a classifier looks at in faces, and whether imposing it moves the classifier."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.core import Explanation, Status, Subject
from xaicf.data import Faces, Square
from xaicf.data.planted import MarkedTest
from xaicf.explainers import CDeepEx
from xaicf.explainers.precision import Precision
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.imposing import towards
from xaicf.studies.planted import VISIBLE, measure
from xaicf.studies.study import Place, Row, Study
from xaicf.viz import draw_maps

DRAWN = 4

SIDE = 12
"""Of the planted square, as in the configurations."""


@dataclass(frozen=True)
class CDeepExFaces(Study):
    """Asks a classifier of smiles why not the other class, and imposes the suggested change in steps.

    The same is asked of a classifier whose smiling faces all carried a square, about faces without one.

    Args:
        images: explained, the first of the test split.
        steps: in which the change is imposed.
        precision: of the networks in the search; ties are certified in single precision always.
        classifier: configuration.
        generator: configuration of one of the same faces.
        biased_classifier: of one whose smiling faces carry a square.
        biased_generator: of one of the same faces with squares.
    """

    title: ClassVar[str] = "Faces: the change that is suggested, imposed; and a planted square"
    spread: ClassVar[str] = "Wilson's interval of 95 % for shares, quartiles for numbers of each image"

    images: int = 256
    steps: int = 10
    precision: Precision = "single"
    classifier: str = "configs/classifier/faces.yaml"
    generator: str = "configs/ae/faces.yaml"
    biased_classifier: str = "configs/classifier/biased_faces.yaml"
    biased_generator: str = "configs/ae/biased_faces.yaml"

    def quick(self) -> Self:
        """Give two images."""
        return replace(self, images=2)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask about faces as they are, and about the planted square."""
        rows, figures = self._imposed(place)
        more, others = self._planted(place)
        return [*rows, *more], {**figures, **others}

    def _imposed(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        data = Faces(place.root)
        data.setup()
        labels = data.split("test").labels
        faces = data.samples(range(len(labels)), "test")["image"]
        subject = Subject(place.network(self.classifier), place.network(self.generator))
        right = predicted(subject.classifier, faces) == labels
        rows = [Row.share("accuracy of the classifier", right, better="higher")]
        found = explain_all(CDeepEx(precision=self.precision), subject, faces[: self.images])
        assert found.counterfactual is not None
        solved = found.status == Status.SOLVED
        rows.append(Row.share("solved", solved, better="higher"))
        curves = towards(subject.classifier, found.inputs, found.counterfactual, found.fact, found.foil, self.steps)[
            solved
        ]
        rising = (curves[:, 1:, 1] > curves[:, :-1, 1]).all(1)
        falling = (curves[:, 1:, 0] < curves[:, :-1, 0]).all(1)
        words = f"in {self.steps} steps"
        rows += [
            Row.share(f"imposing the change {words} raises p_foil in every step", rising, 0.9, "higher"),
            Row.share(f"imposing the change {words} lowers p_fact in every step", falling, None, "higher"),
            Row.median("p_foil before", curves[:, 0, 1].sigmoid()),
            Row.median("p_foil after, at the tie", curves[:, -1, 1].sigmoid()),
            Row.median("root mean square of what the generator cannot draw", found.scalars["reconstruction_error"]),
        ]
        return rows, {
            "faces": _both(found, data.class_names),
            "imposed": _curves(curves.sigmoid(), found.fact[solved], data.class_names),
        }

    def _planted(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        ways: tuple[MarkedTest, ...] = ("none", "all")
        clean, marked = (Faces(place.root, Square(SIDE, marked_class=1, marked_test=which)) for which in ways)
        clean.setup()
        assert clean.square is not None
        labels, foil = clean.split("test").labels, clean.square.marked_class
        faces, squared = (data.samples(range(len(labels)), "test")["image"] for data in (clean, marked))
        subject = Subject(place.network(self.biased_classifier), place.network(self.biased_generator))
        answered, turned = (predicted(subject.classifier, images) for images in (faces, squared))
        name = clean.class_names[foil]
        other = labels != foil
        shown = faces[(answered != foil) | place.quick][: self.images]
        rows = [
            Row.share(f"planted: of class {name}, recognised without the square", answered[~other] == foil),
            Row.share(f"planted: of other faces, the square turns into {name}", turned[other] == foil),
        ]
        found = explain_all(CDeepEx(precision=self.precision), subject, shown, 1 - foil, foil)
        seen = measure(found, clean.square.place)
        rows += [
            Row("planted: solved", seen.solved, n=len(found), better="higher"),
            Row("planted: place of the square among all windows", seen.rank, n=seen.known, goal=1.0, better="lower"),
            Row("planted: overlap of the strongest window with it", seen.overlap, n=seen.known, better="higher"),
            Row("planted: its share of the map over its share of the area, median", seen.focus, n=seen.known),
            Row(f"planted: square adds more than {VISIBLE} of grey", seen.visible, n=len(found), better="higher"),
        ]
        return rows, {"planted": _both(found, clean.class_names)}


def _both(found: Explanation, class_names: Sequence[str]) -> Figure:
    """Draw maps and ties side by side, of the first images of either class."""
    rows: list[int] = []
    for label in range(len(class_names)):
        rows += (found.fact == label).nonzero().flatten()[:DRAWN].tolist()
    return draw_maps({"CDeepEx": found}, rows, class_names, ties=True)


def _curves(curves: Tensor, fact: Tensor, class_names: Sequence[str]) -> Figure:
    """Draw how probabilities move, a panel for each fact."""
    figure = Figure(figsize=(4.5 * len(class_names), 3.2), layout="constrained")
    for label, axes in enumerate(figure.subplots(1, len(class_names), squeeze=False).flat):
        own = curves[fact == label]
        for column, (words, colour) in enumerate((("fact", "#b2182b"), ("foil", "#2166ac"))):
            if len(own):
                low, middle, high = torch.quantile(own[:, :, column], torch.tensor([0.1, 0.5, 0.9]), dim=0)
                axes.plot(middle, color=colour, label=words)
                axes.fill_between(range(len(middle)), low, high, color=colour, alpha=0.15)
        axes.set(
            title=f"{class_names[label]}, not {class_names[1 - label]}? ({len(own)} faces)",
            xlabel="steps of the suggested change",
            ylabel="probability: median, 10 to 90 %",
            ylim=(-0.02, 1.02),
        )
        axes.legend(fontsize=8)
    return figure
