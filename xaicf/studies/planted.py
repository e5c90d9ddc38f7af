"""Whether explanations show a planted square, on images that have none."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from xaicf.core import Explanation, Status

VISIBLE = 0.15
"""Mean grey that an explanation adds in the square, from which on it is seen."""


@dataclass(frozen=True)
class Found:
    """What an explainer has shown of the square, over images that have none.

    Attributes:
        solved: share of images.
        distance: median squared latent distance.
        third: share of images where a third class is above the two.
        rank: of the square among all windows of its size, by the sum of the mean signed map in them; 1 is the
            strongest in favour of the foil.
        overlap: of the strongest window with the square, intersection over union.
        focus: share of the absolute map in the square over its share of the area, in the median image.
        visible: share of images whose counterfactual is lighter by more than :data:`VISIBLE` in the square.
        images: how many there are.
        known: how many of them are solved, which rank, overlap, focus, distance and third are over.
    """

    solved: float
    distance: float
    third: float
    rank: float
    overlap: float
    focus: float
    visible: float
    images: int
    known: int


def measure(explanation: Explanation, square: tuple[slice, slice]) -> Found:
    """Measure what an explanation (N) shows of a square (rows, columns)."""
    assert explanation.attribution is not None
    maps = explanation.attribution.double().sum(1)
    inside = torch.zeros(maps.shape[1:], dtype=torch.bool)
    inside[square] = True
    scalars, solved = explanation.scalars, explanation.status == Status.SOLVED
    searched = "latent_distance" in scalars
    shares = (maps.abs() * inside).sum((1, 2)) / maps.abs().sum((1, 2)).clamp(min=1e-12)
    added = -explanation.attribution.double().mean(1)[:, inside].mean(1)
    nothing = float("nan")
    rank, overlap = _rank(maps[solved].mean(0), inside, square) if solved.any() else (nothing, nothing)
    return Found(
        solved=float(solved.double().mean()),
        distance=float(scalars["latent_distance"][solved].double().median()) if searched else nothing,
        third=float((scalars["third_class_margin"] < 0)[solved].double().mean())
        if "third_class_margin" in scalars
        else nothing,
        rank=rank,
        overlap=overlap,
        focus=float(shares[solved].median() / inside.double().mean()),
        visible=float((added > VISIBLE).double().mean()) if searched else nothing,
        images=len(maps),
        known=int(solved.sum()),
    )


def _rank(mean: Tensor, inside: Tensor, square: tuple[slice, slice]) -> tuple[float, float]:
    """Give the square's place among all windows of its size by what speaks for the foil, and the first one's overlap.

    The overlap of the strongest window with the square is intersection over union.
    """
    height, width = (side.stop - side.start for side in square)
    windows = -functional.avg_pool2d(mean[None, None], (height, width), stride=1)[0, 0]
    own = -mean[inside].mean()
    top, left = divmod(int(windows.argmax()), windows.shape[1])
    strongest = torch.zeros_like(inside)
    strongest[top : top + height, left : left + width] = True
    overlap = (strongest & inside).sum() / (strongest | inside).sum()
    return 1 + float((windows > own + 1e-12).sum()), float(overlap)
