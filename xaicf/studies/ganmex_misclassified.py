"""GANMEX, Fig. 2B: why the wrong class, and not the true one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure

from xaicf.core import Explanation
from xaicf.explainers import Attribution
from xaicf.explainers.baselines import Ganmex
from xaicf.studies.asking import explain_all
from xaicf.studies.drawing import file_name
from xaicf.studies.one_vs_one import CIFAR_CASE, FASHION_CASE, MNIST_CASE, TOLERANCE, TranslatedCase, of_baselines
from xaicf.studies.study import Place, Row, Study
from xaicf.viz.heatmap import heatmap, picture


@dataclass(frozen=True)
class GanmexMisclassified(Study):
    """Asks of test images that a classifier mistakes why its answer and not the label.

    Args:
        cases: classifiers, data and translators.
        images: of each case at most, the first mistakes.
        drawn: of these, in the picture, evenly.
    """

    title: ClassVar[str] = "Mistakes explained: what the image would be as its true class"
    spread: ClassVar[str] = "interval of 95 % over images"

    cases: Sequence[TranslatedCase] = (MNIST_CASE, FASHION_CASE, CIFAR_CASE)
    images: int = 300
    drawn: int = 8

    def quick(self) -> Self:
        """Give four images of one case."""
        return replace(self, cases=self.cases[:1], images=4, drawn=2)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Measure and draw each case."""
        rows: list[Row] = []
        figures: dict[str, Figure] = {}
        for case in self.cases:
            name = case.case.name
            examined, subject = case.subject(place)
            answers = examined.logits.argmax(1)
            wrong = (answers != examined.labels).nonzero().flatten()
            which = wrong[: self.images]
            truth = examined.labels[which]
            explainer = Attribution(
                "integrated_gradients", "pair", baseline=Ganmex(unfit=place.quick), tolerance=TOLERANCE
            )
            found = explain_all(explainer, subject, examined.images(which), answers[which], truth)
            rows.append(
                Row(f"{name}: share of test images that are mistaken", len(wrong) / len(answers), n=len(answers))
            )
            rows += of_baselines(name, found, subject.classifier)
            right = (answers == examined.labels).nonzero().flatten()[: len(which)]
            second = examined.logits[right].topk(2).indices[:, 1]
            of_right = explain_all(explainer, subject, examined.images(right), answers[right], second)
            rows += of_baselines(f"{name}, images that are not mistaken, second class", of_right, subject.classifier)
            figures[file_name(name)] = _picture(found, examined.class_names, self.drawn)
        return rows, figures


def _picture(found: Explanation, class_names: Sequence[str], drawn: int) -> Figure:
    """Draw a column for each mistake: the image, what it would be as its true class, and the map."""
    assert found.baseline is not None
    assert found.attribution is not None
    shown = torch.arange(0, len(found.inputs), max(len(found.inputs) // drawn, 1))[:drawn].tolist()
    figure = Figure(figsize=(1.6 * len(shown), 5.6), layout="constrained")
    grid = figure.subplots(3, len(shown), squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for column, row in zip(grid.T, shown, strict=True):
        said, true = (class_names[int(classes[row])] for classes in (found.fact, found.foil))
        column[0].imshow(picture(found.inputs[row]))
        column[0].set_title(f"said {said} {found.scalars['fact_probability'][row]:.2f}\ntruth {true}", fontsize=7)
        column[1].imshow(picture(found.baseline[row]))
        column[1].set_title(f"p({true}) = {found.scalars['foil_probability_baseline'][row]:.2f}", fontsize=7)
        column[2].imshow(heatmap(found.attribution[row], found.inputs[row]))
    for axes, words in zip(grid[:, 0], ("image", "as its true class", "why that, not the truth"), strict=True):
        axes.set_ylabel(words, fontsize=8)
    figure.suptitle("red speaks for the answer, blue for the true class; each map has its own scale", fontsize=9)
    return figure
