"""Weighted contrast, §5.3 and Fig. 5: what original, mean, max and weighted contrast show of the three top classes."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from xaicf.core import Explanation, Images, InputError, PerImage, Subject
from xaicf.explainers import Attribution
from xaicf.studies.asking import explain_all
from xaicf.studies.case import CASES, Case, Examined
from xaicf.studies.drawing import file_name
from xaicf.studies.masking import CONTRASTS, maps_of
from xaicf.studies.study import Place, Row, Study
from xaicf.viz import draw_maps

THIRD = 0.1
"""The third class has a probability above it, so that there is something to see of it."""

TOP = 3

DRAWN = 2


@dataclass(frozen=True)
class WCSchemes(Study):
    """Compares the maps of the three top classes of images that a classifier finds it hard to tell.

    A vector that is added to the weights of all classes leaves probabilities as they are. It tells what decides whether
    the mean contrast differs from the original: not how many classes there are, but whether their weights sum to zero.

    Args:
        cases: classifiers, whose last module of weights is linear, and their images.
        most: of each case, at most so many images.
    """

    title: ClassVar[str] = "What each contrast shows of the three top classes"
    spread: ClassVar[str] = "bootstrap interval of 95 % over images"

    cases: Sequence[Case] = CASES
    most: int = 300

    def quick(self) -> Self:
        """Give a few images of each case."""
        return replace(self, most=4)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Compare maps of each case."""
        rows: list[Row] = []
        figures: dict[str, Figure] = {}
        for case in self.cases:
            examined = case.examined(place)
            third = examined.logits.double().softmax(1).topk(TOP).values[:, TOP - 1]
            which = (third > THIRD).nonzero()[:, 0] if not place.quick else third.topk(self.most).indices
            which = which[:: max(-(-len(which) // self.most), 1)]
            if len(which) == 0:
                rows.append(Row(f"{case.name}: images with p₃ > {THIRD}", 0))
                continue
            parts = [self._measure(examined, chosen, images) for chosen, images in examined.blocks(which)]
            found = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
            rows += [Row.mean(f"{case.name}, {name}", values) for name, values in found.items()]
            figures[file_name(case.name)] = _picture(examined, which[:DRAWN])
        return rows, figures

    def _measure(self, examined: Examined, chosen: Tensor, images: Images) -> dict[str, PerImage]:
        method = examined.case.methods[0]
        tops = examined.logits[chosen].topk(TOP).indices
        maps = [maps_of(examined, images, method, tops[:, top]) for top in range(TOP)]
        original = [one["logit"] for one in maps]
        moved = replace(examined, network=with_common_weights(examined.network))
        elsewhere = maps_of(moved, images, method, tops[:, 0])
        found = {
            "correlation of mean with original": correlation(maps[0]["mean"], original[0]),
            "size of the mean over classes, by that of the original": size(original[0] - maps[0]["mean"], original[0]),
            "correlation of mean with original, a vector added to all classes": correlation(
                elsewhere["mean"], elsewhere["logit"]
            ),
            "correlation of original with itself, the vector added": correlation(original[0], elsewhere["logit"]),
            "correlation of mean with itself, the vector added": correlation(maps[0]["mean"], elsewhere["mean"]),
            "correlation of weighted with itself, the vector added": correlation(
                maps[0]["weighted"], elsewhere["weighted"]
            ),
            "correlation of t1's map with t2's, original": correlation(original[0], original[1]),
            "correlation of t1's map with t2's, max": correlation(maps[0]["max"], maps[1]["max"]),
            "correlation of t1's map with t2's, weighted": correlation(maps[0]["weighted"], maps[1]["weighted"]),
        }
        against = beyond(original[2], original[:2])
        for contrast in CONTRASTS:
            rest = beyond(maps[0][contrast], original[:2])
            words = "original" if contrast == "logit" else contrast
            found[f"share of t1's map that t1 and t2 do not explain, {words}"] = size(rest, maps[0][contrast]) ** 2
            if contrast in {"mean", "weighted"}:
                found[f"correlation of that with t3's map, {words}"] = correlation(rest, against)
        return found


def correlation(first: Images, second: Images) -> PerImage:
    """Give Pearson's correlation of maps, for each image (N,)."""
    one, other = (maps.double().flatten(1) - maps.double().flatten(1).mean(1, keepdim=True) for maps in (first, second))
    found: PerImage = nn.functional.cosine_similarity(one, other, 1)
    return found


def size(first: Images, second: Images) -> PerImage:
    """Give the norm of maps as a share of that of others, for each image (N,)."""
    found: PerImage = first.double().flatten(1).norm(dim=1) / second.double().flatten(1).norm(dim=1)
    return found


def beyond(maps: Images, others: Sequence[Images]) -> Images:
    """Give what of maps (N, 1, H, W) no weighted sum of others, image by image, explains."""
    known = torch.stack([one.double().flatten(1) for one in others], 2)
    values = maps.double().flatten(1)[:, :, None]
    rest: Images = values - known @ torch.linalg.lstsq(known, values).solution
    return rest.view_as(maps)


def with_common_weights(network: nn.Module) -> nn.Module:
    """Give a copy whose last linear layer has one random vector, as long as a class's weights, added to all classes.

    Raises:
        InputError: the network has no linear layer.
    """
    moved = copy.deepcopy(network)
    linear = [module for module in moved.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InputError("the classifier has no linear layer at its end")
    weight = linear[-1].weight.data
    vector = torch.randn(weight.shape[1], generator=torch.Generator().manual_seed(0)).to(weight)
    weight += vector / vector.norm() * weight.norm(dim=1).mean()
    return moved


def _picture(examined: Examined, which: Tensor) -> Figure:
    """Draw each image's three top classes, a row each, and what the four contrasts show of them."""
    images = examined.images(which).repeat_interleave(TOP, 0)
    tops = examined.logits[which].topk(TOP).indices.flatten()
    answers: dict[str, Explanation] = {}
    for contrast in CONTRASTS:
        explainer = Attribution(examined.case.methods[0], contrast)
        answers["original" if contrast == "logit" else contrast] = explain_all(
            explainer, Subject(examined.network), images, tops
        )
    return draw_maps(answers, range(len(images)), examined.class_names, foils=False)
