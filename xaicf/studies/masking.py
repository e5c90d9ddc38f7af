"""Keep what a map calls positive, or negative, hide the rest, and see which of two classes the classifier prefers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeVar

import torch
from torch import Tensor

from xaicf.core import Images, Labels, PerImage, Subject
from xaicf.explainers import Attribution
from xaicf.explainers.baselines.plain import FILLS
from xaicf.explainers.contrast import Contrast
from xaicf.explainers.methods import Method
from xaicf.studies.asking import explain_all, logits_of
from xaicf.studies.case import Examined

Area = Literal["by sign", "equal area"]
"""Whether all features of a sign are kept, or of each contrast as many pixels as of the one that has fewest."""

Kept = Literal["positive", "negative"]

Fill = Literal["blur", "zero", "mean"]
"""What hides: see :mod:`xaicf.explainers.baselines`; zero is so before any normalisation, the mean near it after."""

Key = TypeVar("Key")

CONTRASTS: tuple[Contrast, ...] = ("logit", "mean", "max", "weighted")


@dataclass(frozen=True)
class Cell:
    """What is done to an image.

    Attributes:
        method: that makes the map.
        contrast: likewise.
        fill: what hides.
        area: how much is kept.
        top: 0 for a map of the class that the classifier prefers, 1 for the next.
        kept: what the map says of what stays.
    """

    method: Method
    contrast: Contrast
    fill: Fill
    area: Area
    top: int
    kept: Kept


@dataclass(frozen=True)
class Masked:
    """What came of some images.

    Attributes:
        preferences: e^{y_t} / (e^{y_1} + e^{y_2}) of each masked image (N,), for the class t of the map.
        plain: the same of the images as they are, by class.
        areas: share of pixels that a map calls positive (N,), by method, contrast and class.
    """

    preferences: Mapping[Cell, PerImage]
    plain: Mapping[int, PerImage]
    areas: Mapping[tuple[Method, Contrast, int], PerImage]


def masked(examined: Examined, which: Tensor, methods: Sequence[Method], fills: Sequence[Fill]) -> Masked:
    """Mask chosen images by every method and contrast, for each of their two top classes.

    Args:
        examined: the classifier and its images.
        which: positions of the images (N,).
        methods: that make maps.
        fills: that hide.
    """
    parts: list[Masked] = []
    for rows, images in examined.blocks(which):
        tops = examined.logits[rows].topk(2).indices
        plain = {top: _preference(examined.logits[rows], tops, top) for top in (0, 1)}
        preferences: dict[Cell, PerImage] = {}
        areas: dict[tuple[Method, Contrast, int], PerImage] = {}
        for method, top in product(methods, (0, 1)):
            maps = maps_of(examined, images, method, tops[:, top])
            areas |= {(method, contrast, top): (one > 0).double().mean((1, 2, 3)) for contrast, one in maps.items()}
            for kept in ("positive", "negative"):
                for area, shown in (("by sign", by_sign(maps, kept)), ("equal area", equally(maps, kept))):
                    for fill, (contrast, keep) in product(fills, shown.items()):
                        changed = torch.where(keep, images, FILLS[fill](images))
                        cell = Cell(method, contrast, fill, area, top, kept)  # type: ignore[arg-type]  # literals of a tuple that a loop goes through
                        preferences[cell] = _preference(logits_of(examined.network, changed), tops, top)
        parts.append(Masked(preferences, plain, areas))
    joined = (_joined([getattr(part, name) for part in parts]) for name in ("preferences", "plain", "areas"))
    return Masked(*joined)


def maps_of(examined: Examined, images: Images, method: Method, fact: Labels) -> dict[Contrast, Images]:
    """Give the maps (N, 1, H, W) of each contrast."""
    found = {}
    for contrast in CONTRASTS:
        answer = explain_all(Attribution(method, contrast), Subject(examined.network), images, fact).attribution
        assert answer is not None
        found[contrast] = answer.sum(1, keepdim=True)
    return found


def by_sign(maps: Mapping[Contrast, Images], kept: Kept) -> dict[Contrast, Tensor]:
    """Keep all pixels of a sign: flags (N, 1, H, W)."""
    return {contrast: (one > 0 if kept == "positive" else one < 0) for contrast, one in maps.items()}


def equally(maps: Mapping[Contrast, Images], kept: Kept) -> dict[Contrast, Tensor]:
    """Keep of each map its most positive, or negative, pixels, as many as the map has that has fewest of that sign."""
    count = torch.stack([one.flatten(1).sum(1) for one in by_sign(maps, kept).values()]).amin(0)
    sign = 1 if kept == "positive" else -1
    ranks = {contrast: (-sign * one).flatten(1).argsort(1).argsort(1) for contrast, one in maps.items()}
    return {contrast: (one < count[:, None]).view_as(maps[contrast]) for contrast, one in ranks.items()}


def _preference(logits: Tensor, tops: Tensor, top: int) -> PerImage:
    return logits.double().gather(1, tops).softmax(1)[:, top]


def _joined(parts: Sequence[Mapping[Key, PerImage]]) -> dict[Key, PerImage]:
    return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
