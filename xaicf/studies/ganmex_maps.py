"""GANMEX, Fig. 2A: baselines and maps of one class against another, and whether they depend on the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure

from xaicf.core import Explanation, Images, Subject
from xaicf.evaluation.randomisation import similarities
from xaicf.studies.asking import explain_all
from xaicf.studies.case import Examined
from xaicf.studies.drawing import file_name
from xaicf.studies.one_vs_one import CIFAR_CASE, FASHION_CASE, MNIST_CASE, TranslatedCase, attributions, of_baselines
from xaicf.studies.study import Place, Row, Study
from xaicf.viz.heatmap import heatmap, picture


@dataclass(frozen=True)
class GanmexMaps(Study):
    """Asks of test images why their class and not each of two others.

    Args:
        cases: classifiers, data and translators.
        images: of each, evenly from the test.
        drawn: of these, in the picture.
    """

    title: ClassVar[str] = "Baselines and maps of one class against another"
    spread: ClassVar[str] = "bootstrap interval of 95 % over images"

    cases: Sequence[TranslatedCase] = (MNIST_CASE, FASHION_CASE, CIFAR_CASE)
    images: int = 60
    drawn: int = 4

    def quick(self) -> Self:
        """Give four images of one case."""
        return replace(self, cases=self.cases[:1], images=4, drawn=2)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Measure and draw each case."""
        rows: list[Row] = []
        figures: dict[str, Figure] = {}
        for case in self.cases:
            examined, subject = case.subject(place)
            count = len(examined.labels)
            which = torch.arange(0, count, max(count // self.images, 1))[: self.images]
            images = examined.images(which)
            # The two classes that come next in probability.
            asked = examined.logits[which].topk(3).indices
            answers = {
                title: [explain_all(one, subject, images, asked[:, 0], asked[:, rank]) for rank in (1, 2)]
                for title, one in attributions(place.quick).items()
            }
            rows += self._rows(case.case.name, answers, subject)
            figures[file_name(case.case.name)] = _picture(examined, images, answers, self.drawn)
        return rows, figures

    @staticmethod
    def _rows(name: str, answers: Mapping[str, Sequence[Explanation]], subject: Subject) -> list[Row]:
        rows = []
        for title, (first, second) in answers.items():
            assert first.attribution is not None
            assert second.attribution is not None
            alike = similarities(first.attribution, second.attribution)
            for words, key in (("rank correlation", "spearman"), ("rank correlation of |A|", "absolute_spearman")):
                rows.append(Row.mean(f"{name}, {title}: {words} of the maps against two foils", alike[key]))
            rows += of_baselines(f"{name}, {title}", first, subject.classifier)
            error = first.scalars["relative_completeness_error"]
            rows.append(Row.median(f"{name}, {title}: relative completeness error, median and quartiles", error))
        return rows


def _picture(examined: Examined, images: Images, answers: Mapping[str, Sequence[Explanation]], drawn: int) -> Figure:
    """Draw two rows for each image, one a foil: each baseline, and its map."""
    drawn = min(drawn, len(images))
    columns = 1 + sum(1 + (first.baseline is not None) for first, _ in answers.values())
    figure = Figure(figsize=(1.35 * columns, 1.62 * 2 * drawn + 0.5), layout="constrained")
    grid = figure.subplots(2 * drawn, columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for row in range(drawn):
        for rank in range(2):
            line = iter(grid[2 * row + rank])
            axes = next(line)
            axes.imshow(picture(images[row]))
            fact, foil = (
                examined.class_names[int(classes[row])]
                for classes in (answers["zero"][rank].fact, answers["zero"][rank].foil)
            )
            axes.set_title(f"{fact},\nnot {foil}?", fontsize=8)
            for title, ranked in answers.items():
                one = ranked[rank]
                assert one.attribution is not None
                if one.baseline is not None:
                    axes = next(line)
                    axes.imshow(picture(one.baseline[row]))
                    axes.set_title(
                        f"{title}\nbaseline, p({foil}) = {one.scalars['foil_probability_baseline'][row]:.2f}",
                        fontsize=6,
                    )
                axes = next(line)
                axes.imshow(heatmap(one.attribution[row], images[row]))
                axes.set_title(f"{title}", fontsize=7)
    figure.suptitle("red speaks for the class, blue for the other one; each map has its own scale", fontsize=9)
    return figure
