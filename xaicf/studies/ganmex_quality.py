"""Whether the shipped translators make realistic members of a class: the five numbers, on all test images and foils."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal, Self

import torch
from matplotlib.figure import Figure

from xaicf.core import Subject, Translator, as_found
from xaicf.data import ImageData
from xaicf.evaluation.translation import Translations, measure_translations
from xaicf.explainers.baselines.translated import translated
from xaicf.studies.drawing import file_name
from xaicf.studies.one_vs_one import CIFAR_CASE, MNIST_CASE, TranslatedCase
from xaicf.studies.study import Place, Row, Study
from xaicf.viz.matrix import translation_matrix

GOALS: dict[str, tuple[float, Literal["lower", "higher"]]] = {
    "validity": (0.98, "higher"),
    "second_validity": (0.9, "higher"),
    "input_dependence": (0.7, "higher"),
    "relative_distance": (0.75, "lower"),
    "relative_frechet": (1.0, "lower"),
}


@dataclass(frozen=True)
class GanmexQuality(Study):
    """Translates test images to every other class.

    Args:
        cases: classifiers, data and translators.
        seeds_: of the translators' trainings.
        images: of each case's test at most, the first.
        drawn: images in the picture, of different classes.
    """

    title: ClassVar[str] = "What translators make of test images, asked for every other class"
    spread: ClassVar[str] = "least and largest over seeds"

    cases: Sequence[TranslatedCase] = (MNIST_CASE, CIFAR_CASE)
    seeds_: Sequence[int] = (0,)
    images: int = 10000
    drawn: int = 10

    @property
    def seeds(self) -> Sequence[int]:
        """Those of the translators' trainings."""
        return self.seeds_

    def quick(self) -> Self:
        """Give sixteen images of one case."""
        return replace(self, cases=self.cases[:1], images=16, seeds_=(0,))

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Measure and draw each case."""
        rows: list[Row] = []
        figures: dict[str, Figure] = {}
        for case in self.cases:
            found: list[Translations] = []
            data = case.case.examined(place).data
            batch = data.samples(range(min(self.images, len(data.split("test")))), "test")
            second = case.second_network(place)
            for seed in self.seeds_:
                _, subject = case.subject(place, seed=seed)
                translator = subject.translator
                assert isinstance(translator, Translator)
                assert subject.reference is not None
                with as_found(*subject.modules):
                    found.append(
                        measure_translations(
                            translator.translate,
                            subject.classifier,
                            batch,
                            subject.reference,
                            data.num_classes,
                            second,
                        )
                    )
                    if seed == self.seeds_[0]:
                        figures[file_name(case.case.name)] = _picture(data, subject, self.drawn)
            for name in found[0].numbers:
                goal, better = GOALS.get(name, (None, None))
                values = [one.numbers[name] for one in found]
                rows.append(
                    Row.over_seeds(
                        f"{case.case.name}: {name.replace('_', ' ')}", values, len(batch["label"]), None, goal, better
                    )
                )
            for number, name in enumerate(data.class_names):
                shares = [float(one.validity_by_class[number]) for one in found]
                rows.append(Row.over_seeds(f"{case.case.name}: validity of {name}", shares, better="higher"))
        return rows, figures


def _picture(data: ImageData, subject: Subject, drawn: int) -> Figure:
    """Draw an input of each class, redrawn as every class."""
    translator = subject.translator
    assert isinstance(translator, Translator)
    labels = data.split("test").labels
    ids = [int((labels == one).nonzero()[0]) for one in range(min(drawn, data.num_classes)) if (labels == one).any()]
    batch = data.samples(ids, "test")
    with as_found(translator):
        pixels = translation_matrix(
            partial(translated, translator),
            subject.classifier,
            batch["image"],
            batch["label"],
            torch.arange(data.num_classes),
            data.class_names,
        )
    figure = Figure(figsize=(pixels.shape[1] / 110, pixels.shape[0] / 110))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(pixels)
    axes.axis("off")
    return figure
