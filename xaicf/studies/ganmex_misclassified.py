"""GANMEX, Fig. 2B: why the wrong class, and not the true one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure

from xaicf.explainers import Attribution
from xaicf.explainers.baselines import Ganmex
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.drawing import file_name
from xaicf.studies.one_vs_one import CIFAR_CASE, FASHION_CASE, MNIST_CASE, TranslatedCase
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
            explainer = Attribution("integrated_gradients", "pair", baseline=Ganmex(unfit=place.quick))
            found = explain_all(explainer, subject, examined.images(which), answers[which], truth)
            assert found.baseline is not None
            assert found.attribution is not None
            rows.append(
                Row(f"{name}: share of test images that are mistaken", len(wrong) / len(answers), n=len(answers))
            )
            valid = predicted(subject.classifier, found.baseline) == truth
            rows.append(
                Row.share(f"{name}: baselines that the classifier calls the true class", valid, better="higher")
            )
            distance = (found.baseline - found.inputs).abs().mean((1, 2, 3))
            rows.append(Row.mean(f"{name}: L1 distance of the baseline", distance, better="lower"))
            right = (answers == examined.labels).nonzero().flatten()[: len(which)]
            others = examined.logits[right].topk(2).indices[:, 1]
            of_right = explain_all(explainer, subject, examined.images(right), answers[right], others)
            assert of_right.baseline is not None
            rows.append(
                Row.mean(
                    f"{name}: the same for images that are not mistaken, second class",
                    (of_right.baseline - of_right.inputs).abs().mean((1, 2, 3)),
                )
            )
            shown = torch.arange(0, len(which), max(len(which) // self.drawn, 1))[: self.drawn].tolist()
            figure = Figure(figsize=(1.6 * len(shown), 5.6), layout="constrained")
            grid = figure.subplots(3, len(shown), squeeze=False)
            for axes in grid.flat:
                axes.set(xticks=[], yticks=[])
            for column, row in zip(grid.T, shown, strict=True):
                said, true = (examined.class_names[int(classes[row])] for classes in (found.fact, found.foil))
                column[0].imshow(picture(found.inputs[row]))
                column[0].set_title(
                    f"said {said} {found.scalars['fact_probability'][row]:.2f}\ntruth {true}", fontsize=7
                )
                column[1].imshow(picture(found.baseline[row]))
                column[1].set_title(f"p({true}) = {found.scalars['foil_probability_baseline'][row]:.2f}", fontsize=7)
                column[2].imshow(heatmap(found.attribution[row], found.inputs[row]))
            for axes, words in zip(grid[:, 0], ("image", "as its true class", "why that, not the truth"), strict=True):
                axes.set_ylabel(words, fontsize=8)
            figure.suptitle(
                "red speaks for the answer, blue for the true class; each map has its own scale", fontsize=9
            )
            figures[file_name(name)] = figure
        return rows, figures
