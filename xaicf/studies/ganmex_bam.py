"""GANMEX, Table 1: whether maps stay in the area where two classes differ, on objects that are pasted on scenes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure

from xaicf.core import Explanation, InputError, Labels, PerImage, other_classes
from xaicf.data import BAM
from xaicf.evaluation.localisation import within_and_without
from xaicf.explainers import Attribution, CDeepEx, Explainer
from xaicf.explainers.baselines import Counterfactual, Ganmex
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.one_vs_one import BAM_CASE, TOLERANCE, TranslatedCase, attributions, of_baselines
from xaicf.studies.study import Place, Row, Study
from xaicf.viz import draw_maps

PUBLISHED: dict[str, tuple[float, float, float]] = {
    "IG, zero": (0.711, 2.440, 1.591),
    "IG, MDTS": (0.850, 1.254, 0.852),
    "EG": (0.610, 1.074, 0.846),
    "IG, GANMEX": (0.459, 1.027, 0.747),
}
"""Mean inverse localisation for a different object, a different scene, and both."""

GOAL = 0.6
"""Of GANMEX, over both questions."""

DRAWN = ("IG, zero", "IG, MDTS", "EG", "IG, GANMEX", "gradient")
"""In the pictures."""

METHODS = (
    "IG, zero",
    "IG, MDTS",
    "EG",
    "IG, GANMEX",
    "gradient",
    "input x gradient",
    "IG, blur",
    "IG, CDeepEx",
    "DeepLIFT, zero",
    "DeepLIFT, GANMEX",
    "occlusion, zero",
    "occlusion, GANMEX",
)

QUICK = ("gradient", "DeepLIFT, zero", "DeepLIFT, GANMEX")


@dataclass(frozen=True)
class GanmexBAM(Study):
    """Asks of test images that the classifier knows why not the class with another object, and with another scene.

    The inverse localisation of a map is the mean of |A| where the two classes share their features by that where they
    differ; |A| is that of the map summed over channels, and the object's area that of the input. Of each image one
    foil with another object and one with another scene is taken, in turn. ``mean`` and ``median`` are over
    images, ``ratio of means`` divides the means over images of the numerator and of the denominator. ``uniform`` is a
    map that is the same everywhere.

    Args:
        pair: classifier, data and translator.
        generator: file for ``python -m xaicf fit``, of the generator that CDeepEx walks in.
        methods: of :data:`METHODS`, by name.
        images: of the test that the classifier knows, evenly.
        drawn: of these, in the pictures.
    """

    title: ClassVar[str] = "Inverse localisation of maps on objects that are pasted on scenes"
    spread: ClassVar[str] = "bootstrap interval of 95 % over images for means, quartiles for medians"

    pair: TranslatedCase = BAM_CASE
    generator: str = "configs/vae/bam.yaml"
    methods: Sequence[str] = METHODS
    images: int = 200
    drawn: int = 6

    def quick(self) -> Self:
        """Give two images, and methods that take one pass."""
        return replace(self, methods=QUICK, images=2, drawn=2)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Measure each attribution on both questions."""
        examined, subject = self.pair.subject(place)
        if "IG, CDeepEx" in self.methods:
            subject = replace(subject, generator=place.network(self.generator))
        data = examined.data
        assert isinstance(data, BAM)
        if min(len(data.object_names), len(data.scene_names)) < 2:
            raise InputError(
                f"Table 1 asks for another object and another scene, got {len(data.object_names)} and "
                f"{len(data.scene_names)} of them"
            )
        split = data.split("test")
        every = torch.arange(len(split))
        known = every[predicted(examined.network, data.samples(every.tolist(), "test")["image"]) == split.labels]
        if place.quick:  # a network of a few batches knows next to nothing
            known = every
        which = known[:: max(len(known) // self.images, 1)][: self.images]
        batch = data.samples(which.tolist(), "test")
        labels, masks = batch["label"], batch["mask"]
        rows = [
            Row.share("test images that the classifier knows", predicted(examined.network, batch["image"]) == labels)
            if place.quick
            else Row("share of the test images that the classifier knows", len(known) / len(every), n=len(every))
        ]
        foils = {
            "different object": self._other_object(data, labels),
            "different scene": self._other_scene(data, labels),
        }
        areas = {"different object": masks, "different scene": ~masks}
        answered: dict[str, dict[str, Explanation]] = {}
        explainers = _explainers(place.quick)
        for title in self.methods:
            explainer = explainers[title]
            answered[title] = {
                question: explain_all(explainer, subject, batch["image"], labels, foil)
                for question, foil in foils.items()
            }
            rows += self._rows(title, {q: within_and_without(found, areas[q]) for q, found in answered[title].items()})
        flat = {
            question: replace(found, attribution=torch.ones_like(found.inputs[:, :1]))
            for question, found in answered[self.methods[0]].items()
        }
        rows += self._rows("uniform", {q: within_and_without(found, areas[q]) for q, found in flat.items()})
        for title, answers in answered.items():
            for question, found in answers.items():
                rows += of_baselines(f"{title}: {question}", found, subject.classifier)
        shown = range(0, len(which), max(len(which) // self.drawn, 1))[: self.drawn]
        figures = {
            question.replace(" ", "_"): draw_maps(
                {title: one[question] for title, one in answered.items() if title in DRAWN}, shown, data.class_names
            )
            for question in foils
        }
        return rows, figures

    @staticmethod
    def _other_object(data: BAM, labels: Labels) -> Labels:
        other = other_classes(data.object_of(labels), torch.arange(len(labels)), len(data.object_names))
        return other * len(data.scene_names) + data.scene_of(labels)

    @staticmethod
    def _other_scene(data: BAM, labels: Labels) -> Labels:
        other = other_classes(data.scene_of(labels), torch.arange(len(labels)), len(data.scene_names))
        return data.object_of(labels) * len(data.scene_names) + other

    @staticmethod
    def _rows(title: str, parts: Mapping[str, tuple[PerImage, PerImage]]) -> list[Row]:
        both = tuple(torch.cat([part[end] for part in parts.values()]) for end in range(2))
        rows = []
        for place, (question, (differing, common)) in enumerate({**parts, "overall": both}.items()):
            goal = GOAL if title == "IG, GANMEX" and question == "overall" else None
            published = PUBLISHED[title][place] if title in PUBLISHED else None
            ratios = common / differing  # NaN for a map of zeros, which is left out
            mean = Row.mean(f"{title}: {question}, mean", ratios, goal, "lower")
            rows.append(replace(mean, published=published))
            rows.append(Row.median(f"{title}: {question}, median", ratios, better="lower"))
            rows.append(
                Row(
                    f"{title}: {question}, ratio of means",
                    float(common.nanmean() / differing.nanmean()),
                    n=int(ratios.isfinite().sum()),
                    better="lower",
                )
            )
        return rows


def _explainers(unfit: bool) -> dict[str, Explainer]:
    by_name = attributions(unfit)
    ganmex = Ganmex(unfit=unfit)
    return {
        **{name if name == "EG" else f"IG, {name}": one for name, one in by_name.items()},
        "gradient": Attribution("gradient", "pair"),
        "input x gradient": Attribution("input_x_gradient", "pair"),
        "IG, blur": Attribution("integrated_gradients", "pair", baseline="blur", tolerance=TOLERANCE),
        "IG, CDeepEx": Attribution(
            "integrated_gradients", "pair", baseline=Counterfactual(CDeepEx()), tolerance=TOLERANCE
        ),
        "DeepLIFT, zero": Attribution("deeplift", "pair", baseline="zero"),
        "DeepLIFT, GANMEX": Attribution("deeplift", "pair", baseline=ganmex),
        "occlusion, zero": Attribution("occlusion", "pair", baseline="zero"),
        "occlusion, GANMEX": Attribution("occlusion", "pair", baseline=ganmex),
    }
