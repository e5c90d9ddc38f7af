"""Attributes that would have to be otherwise: ways, the five that change most, and the answer over a data set."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure

from xaicf.core import Editor, Explanation, Status, Subject
from xaicf.evaluation.attribute_changes import PREFIX, attribute_changes
from xaicf.explainers import AttributeCriticism
from xaicf.studies.asking import explain_all
from xaicf.studies.case import Case
from xaicf.studies.drawing import file_name
from xaicf.studies.study import Place, Row, Study
from xaicf.viz.changes import draw_changes, draw_top
from xaicf.viz.heatmap import picture


@dataclass(frozen=True)
class EditedCase:
    """A classifier, its images, and an editor of their attributes.

    Args:
        case: classifier and data.
        editor: file for ``python -m xaicf fit``.
        held: attributes that do not change.
    """

    case: Case
    editor: str
    held: Sequence[str] = ()


EDITED = (
    EditedCase(
        Case(
            "digits, colour planted",
            "configs/classifier/morpho_mnist.yaml",
            data={"planted": "colour", "digit_strength": 0},
        ),
        "configs/attgan/morpho_mnist.yaml",
        ("9",),
    ),
)


@dataclass(frozen=True)
class GCIAttributes(Study):
    """Asks of test images which attributes would make them the other class.

    Args:
        cases: classifiers, data and editors.
        images: of each case's test at most, evenly.
        frames: of a way.
        drawn: images in the picture.
    """

    title: ClassVar[str] = "Attributes whose change makes the other class"
    spread: ClassVar[str] = "Wilson's interval of 95 % for shares, quartiles for medians"

    cases: Sequence[EditedCase] = field(default_factory=lambda: EDITED)
    images: int = 300
    frames: int = 7
    drawn: int = 6

    def quick(self) -> Self:
        """Give four images of one case."""
        return replace(self, cases=self.cases[:1], images=4, frames=3, drawn=1)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask, count and draw each case."""
        rows: list[Row] = []
        figures: dict[str, Figure] = {}
        for one in self.cases:
            examined = replace(one.case, images=self.images).examined(place)
            editor = place.network(one.editor)
            assert isinstance(editor, Editor)
            subject = Subject(examined.network, editor=editor)
            images = examined.images(torch.arange(len(examined.labels)))
            explainer = AttributeCriticism(held=one.held, frames=self.frames, precision="single")
            found = explain_all(explainer, subject, images)
            name = one.case.name
            right = examined.logits.argmax(1) == examined.labels
            rows.append(Row.share(f"{name}: accuracy", right, better="higher"))
            titled = []
            for changes in attribute_changes(found):
                words = f"{examined.class_names[changes.fact]}, not {examined.class_names[changes.foil]}"
                titled.append((words, changes.changes))
                asked = (found.fact == changes.fact) & (found.foil == changes.foil)
                rows.append(
                    Row.share(f"{name}: {words}: solved", found.status[asked] == Status.SOLVED, better="higher")
                )
                for number in changes.first.nan_to_num().argsort(descending=True)[:5].tolist():
                    of = f"{name}: {words}: {changes.names[number]}"
                    if len(changes.changes):
                        most = changes.changes.abs().argmax(1) == number
                        rows.append(Row.share(f"{of} changes most", most))
                        rows.append(Row.median(f"{of}, signed change", changes.changes[:, number]))
            figures[f"{file_name(name)}_changes"] = draw_changes(titled, editor.attribute_names)
            figures[f"{file_name(name)}_ways"] = _ways(found, editor.attribute_names, examined.class_names, self.drawn)
        return rows, figures


def _ways(found: Explanation, names: Sequence[str], class_names: Sequence[str], drawn: int) -> Figure:
    """Draw input, way and top five of some images, those that were solved first."""
    assert found.trace is not None
    images, probabilities = found.trace["images"], found.trace["probabilities"]
    rows = (found.status == Status.SOLVED).int().argsort(descending=True, stable=True)[:drawn].tolist()
    frames = images.shape[1]
    figure = Figure(figsize=(1.05 * (frames + 3), 1.3 * len(rows) + 0.5), layout="constrained")
    widths = [1.0] * (frames + 1) + [2.0]
    grid = figure.subplots(len(rows), frames + 2, squeeze=False, width_ratios=widths)
    for line, row in zip(grid, rows, strict=True):
        line[0].imshow(picture(found.inputs[row]))
        fact, foil = (class_names[int(one[row])] for one in (found.fact, found.foil))
        line[0].set_title(f"{fact}, not {foil}?", fontsize=6)
        for axes, frame in zip(line[1:-1], range(frames), strict=True):
            axes.imshow(picture(images[row, frame]))
            axes.set_title(f"p({foil}) {float(probabilities[row, frame, int(found.foil[row])]):.2f}", fontsize=6)
        for axes in line[:-1]:
            axes.set(xticks=[], yticks=[])
        draw_top(line[-1], names, torch.stack([found.scalars[PREFIX + name][row] for name in names]))
    return figure
