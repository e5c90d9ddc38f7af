"""Means with intervals, and whether two explainers differ on the same images."""

from typing import NamedTuple

import numpy as np
from scipy import stats

RESAMPLES = 2000


class Mean(NamedTuple):
    """A mean over ``n`` numbers with its bootstrap interval of 95 %."""

    n: int
    mean: float
    low: float
    high: float


class Comparison(NamedTuple):
    """Two explainers on the ``n`` images that both have: Wilcoxon's p and the rank-biserial effect in [-1, 1]."""

    n: int
    p: float
    effect: float


def bootstrap_mean(values: np.ndarray, images: np.ndarray | None = None, seed: int = 0) -> Mean:
    """Give mean and percentile interval of the values but NaN; NaN where there is none.

    One infinite value makes the mean infinite.

    Args:
        values: (N,).
        images: which image each is of (N,), for several of one, which are resampled together; all differ if left out.
        seed: of the resampling.
    """
    known = ~np.isnan(values)
    kept = values[known]
    if len(kept) == 0:
        return Mean(0, np.nan, np.nan, np.nan)
    if np.isinf(kept).any():
        return Mean(len(kept), float(kept.mean()), np.nan, np.nan)
    image = np.arange(len(kept)) if images is None else np.unique(images[known], return_inverse=True)[1]
    sums, counts = np.bincount(image, kept), np.bincount(image)
    random = np.random.default_rng(seed)
    draws = (random.integers(len(sums), size=len(sums)) for _ in range(RESAMPLES))
    means = [sums[drawn].sum() / counts[drawn].sum() for drawn in draws]
    low, high = np.quantile(means, [0.025, 0.975])
    return Mean(len(kept), float(kept.mean()), float(low), float(high))


def wilson(count: int, total: int) -> tuple[float, float]:
    """Give the interval of 95 % of a share (Wilson 1927)."""
    z = 1.959964
    middle, width = (count + z * z / 2) / (total + z * z), z * np.sqrt(count * (total - count) / total + z * z / 4)
    width /= total + z * z
    # At the ends rounding would leave the share itself outside.
    return (0.0 if count == 0 else float(middle - width)), (1.0 if count == total else float(middle + width))


def compare(first: np.ndarray, second: np.ndarray) -> Comparison:
    """Test the paired differences first - second; an effect above 0 says that the first is larger.

    Reference: Wilcoxon 1945; rank-biserial correlation, Kerby 2014.
    """
    with np.errstate(invalid="ignore"):  # infinity less infinity is no difference that is known
        difference = first - second
    difference = difference[~np.isnan(difference)]
    moved = difference[difference != 0]
    if len(moved) == 0:
        return Comparison(len(difference), 1.0, 0.0)
    ranks = stats.rankdata(np.abs(moved))
    effect = float((ranks[moved > 0].sum() - ranks[moved < 0].sum()) / ranks.sum())
    # Signed ranks in place of the differences, which may be infinite, give the same test.
    return Comparison(len(difference), float(stats.wilcoxon(np.sign(moved) * ranks).pvalue), effect)
