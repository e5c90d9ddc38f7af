"""Weighted contrast, Fig. 1 and 4: maps of the two top classes, and what blurring the rest does to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.core import Images
from xaicf.explainers.baselines.plain import blurred
from xaicf.explainers.contrast import Contrast
from xaicf.studies.asking import logits_of
from xaicf.studies.case import CASES, Case, Examined
from xaicf.studies.drawing import file_name
from xaicf.studies.masking import by_sign, maps_of
from xaicf.studies.study import Place, Row, Study
from xaicf.studies.wc_schemes import correlation
from xaicf.viz.heatmap import heatmap, picture

SHOWN: tuple[tuple[str, Contrast], ...] = (("original", "logit"), ("weighted", "weighted"))

CLASSES = 2


@dataclass(frozen=True)
class WCMaps(Study):
    """Draws the images of which a classifier is least sure, and counts over more of them.

    Args:
        cases: classifiers and their images.
        most: of each case, the images whose second class is most probable, in the numbers.
        drawn: of these, in the picture.
    """

    title: ClassVar[str] = "Maps of the two top classes, and the classes' probabilities with the rest blurred"
    spread: ClassVar[str] = "bootstrap interval of 95 % over images"

    cases: Sequence[Case] = CASES
    most: int = 200
    drawn: int = 3

    def quick(self) -> Self:
        """Give two images of each case."""
        return replace(self, most=2, drawn=2)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Draw and count for each case."""
        rows: list[Row] = []
        figures: dict[str, Figure] = {}
        for case in self.cases:
            examined = case.examined(place)
            second = examined.logits.double().softmax(1).topk(CLASSES).values[:, 1]
            which = second.topk(min(self.most, len(second))).indices
            images = examined.images(which)
            tops = examined.logits[which].topk(CLASSES).indices
            maps = [maps_of(examined, images, case.methods[0], tops[:, top]) for top in range(CLASSES)]
            for words, contrast in SHOWN:
                first, other = (one[contrast] for one in maps)
                both = ((first > 0) & (other > 0)).double().mean((1, 2, 3))
                name = f"{case.name}, {words}: "
                rows.append(Row.mean(f"{name}correlation of t1's map with t2's", correlation(first, other)))
                rows.append(Row.mean(f"{name}share of pixels positive for both classes", both))
                for top in range(CLASSES):
                    keep = by_sign({contrast: maps[top][contrast]}, "positive")[contrast]
                    after = _probabilities(examined, torch.where(keep, images, blurred(images)))
                    rise = (after - _probabilities(examined, images)).gather(1, tops)[:, top]
                    rows.append(Row.mean(f"{name}rise of p of t{top + 1}, the rest blurred", rise))
            figures[file_name(case.name)] = self._picture(examined, images, tops, maps)
        return rows, figures

    def _picture(
        self, examined: Examined, images: Images, tops: Tensor, maps: Sequence[dict[Contrast, Images]]
    ) -> Figure:
        """Draw two rows for each image, one a class: its map by each contrast, and the image that stays of it."""
        count = min(self.drawn, len(images))
        soft = blurred(images)
        before = _probabilities(examined, images)
        figure = Figure(figsize=(8.2, 3.6 * count + 0.5), layout="constrained")
        grid = figure.subplots(CLASSES * count, 1 + 2 * len(SHOWN), squeeze=False)
        for axes in grid.flat:
            axes.set(xticks=[], yticks=[])
        for row, top in ((row, top) for row in range(count) for top in range(CLASSES)):
            line = grid[CLASSES * row + top]
            own = int(tops[row, top])
            line[0].imshow(picture(images[row]))
            line[0].set_title(self._told(examined, before[row], tops[row]), fontsize=7)
            line[0].set_ylabel(f"why {examined.class_names[own]}?", fontsize=7)
            for column, (words, contrast) in enumerate(SHOWN):
                one = maps[top][contrast][row]
                left, right = line[1 + 2 * column], line[2 + 2 * column]
                left.imshow(heatmap(one, images[row]))
                left.set_title(words, fontsize=8)
                kept = torch.where(one > 0, images[row], soft[row])
                right.imshow(picture(kept))
                right.set_title(self._told(examined, _probabilities(examined, kept[None])[0], tops[row]), fontsize=7)
        figure.suptitle(
            "red speaks for the class of the row, blue against it; beside each map, what is red stays sharp", fontsize=9
        )
        return figure

    @staticmethod
    def _told(examined: Examined, probabilities: Tensor, classes: Tensor) -> str:
        return "\n".join(f"{examined.class_names[one]} {float(probabilities[one]):.2f}" for one in classes.tolist())


def _probabilities(examined: Examined, images: Images) -> Tensor:
    return logits_of(examined.network, images).double().softmax(1)
