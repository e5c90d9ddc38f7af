"""GANMEX, Fig. 4: two kinds of fruit that differ in colour, not in shape, and not in the background."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.core import Explanation, Flags, Images, PerImage
from xaicf.evaluation.localisation import within_and_without
from xaicf.explainers import Attribution
from xaicf.explainers.baselines import Baseline, BaselineName, Ganmex
from xaicf.explainers.methods import Method
from xaicf.studies.asking import explain_all
from xaicf.studies.one_vs_one import FRUIT_CASE, TOLERANCE, TranslatedCase, of_baselines
from xaicf.studies.study import Place, Row, Study
from xaicf.viz.heatmap import heatmap, picture

PLAIN: tuple[BaselineName, ...] = ("zero", "maximum", "blur", "mdts")

METHODS: tuple[tuple[Method, Method], ...] = (("integrated_gradients", "gradient_shap"), ("deeplift", "deep_shap"))
"""For one baseline, and for samples."""

SATURATED = 0.5
"""Saturation, of 1, from which a pixel counts as fruit: oranges and lemons are, most of what is behind them is not."""


@dataclass(frozen=True)
class GanmexBinary(Study):
    """Asks of test images that the classifier knows why the one fruit and not the other.

    No masks are known, so that two stand-ins are measured: how large |A| is on saturated pixels, of that and
    of how large it is elsewhere, and how |A| goes with the length of the image's own gradient, its edges.

    Args:
        pair: classifier, data and translator.
        methods: for one baseline, and beside each the one for samples.
        images: of the test at most.
        drawn: of these, in the picture.
    """

    title: ClassVar[str] = "Orange or lemon: maps by six baselines"
    spread: ClassVar[str] = "bootstrap interval of 95 % over images"

    pair: TranslatedCase = FRUIT_CASE
    methods: Sequence[tuple[Method, Method]] = METHODS
    images: int = 100
    drawn: int = 6

    def quick(self) -> Self:
        """Give two images, and the method that takes one pass."""
        return replace(self, methods=self.methods[-1:], images=2, drawn=2)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Measure and draw, for each method."""
        examined, subject = self.pair.subject(place)
        answers = examined.logits.argmax(1)
        right = answers == examined.labels
        which = (right if not place.quick else torch.ones_like(right)).nonzero().flatten()[: self.images]
        images = examined.images(which)
        fact = answers[which]
        rows = [Row.share("test images that the classifier knows", right)]
        figures: dict[str, Figure] = {}
        for method, spread in self.methods:
            baselines: dict[str, BaselineName | Baseline] = {name: name for name in PLAIN}
            baselines["ganmex"] = Ganmex(unfit=place.quick)
            explainers = {
                name: Attribution(method, "pair", baseline=baseline, tolerance=TOLERANCE)
                for name, baseline in baselines.items()
            }
            explainers["foil_samples"] = Attribution(spread, "pair", baseline="foil_samples")
            found = {name: explain_all(one, subject, images, fact, 1 - fact) for name, one in explainers.items()}
            for name, one in found.items():
                words = f"{method}, {name}"
                rows.append(
                    Row.mean(f"{words}: |A| on saturated pixels / (that + |A| elsewhere)", _on(_saturated(images), one))
                )
                rows.append(Row.mean(f"{words}: correlation of |A| with edges", _correlation(_edges(images), one)))
                rows += of_baselines(words, one, subject.classifier)
            figures[method] = _picture(images, found, examined.class_names, self.drawn)
        return rows, figures


def _size(found: Explanation) -> Tensor:
    assert found.attribution is not None
    return found.attribution.double().sum(1).abs()


def _on(area: Flags, found: Explanation) -> PerImage:
    """Give the mean of |A| in the area by the sum of that and the mean elsewhere (N,), NaN where either is empty."""
    inside, outside = within_and_without(found, area)
    return inside / (inside + outside)


def _saturated(images: Images) -> Flags:
    high, low = images.amax(1), images.amin(1)
    return (high - low) / high.clamp(min=1e-6) > SATURATED


def _edges(images: Images) -> Tensor:
    grey = images.double().mean(1)
    down, across = torch.gradient(grey, dim=(1, 2))
    return (down.square() + across.square()).sqrt()


def _correlation(map_: Tensor, found: Explanation) -> PerImage:
    pair = torch.stack([map_.double(), _size(found)]).flatten(2)
    pair = pair - pair.mean(2, keepdim=True)
    return (pair[0] * pair[1]).sum(1) / pair.square().sum(2).sqrt().prod(0).clamp(min=1e-12)


def _picture(images: Images, found: Mapping[str, Explanation], class_names: tuple[str, ...], drawn: int) -> Figure:
    drawn = min(drawn, len(images))
    columns = 1 + sum(1 + (one.baseline is not None and name not in PLAIN[:2]) for name, one in found.items())
    figure = Figure(figsize=(1.35 * columns, 1.6 * drawn + 0.5), layout="constrained")
    grid = figure.subplots(drawn, columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for row in range(drawn):
        line = iter(grid[row])
        axes = next(line)
        axes.imshow(picture(images[row]))
        first = found[PLAIN[0]]
        axes.set_title(f"{class_names[int(first.fact[row])]},\nnot {class_names[int(first.foil[row])]}?", fontsize=6)
        for name, one in found.items():
            assert one.attribution is not None
            if one.baseline is not None and name not in PLAIN[:2]:
                axes = next(line)
                axes.imshow(picture(one.baseline[row]))
                axes.set_title(
                    f"{name} baseline,\np(other) = {one.scalars['foil_probability_baseline'][row]:.2f}", fontsize=6
                )
            axes = next(line)
            axes.imshow(heatmap(one.attribution[row], images[row]))
            axes.set_title(name, fontsize=7)
    figure.suptitle("red speaks for the fruit, blue for the other; each map has its own scale", fontsize=9)
    return figure
