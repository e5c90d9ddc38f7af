"""Means with intervals, and whether two explainers differ on the same images."""

from typing import NamedTuple

import numpy as np
from scipy import stats

RESAMPLES = 2000


class Mean(NamedTuple):
    """A mean over ``n`` images with its bootstrap interval of 95 %."""

    n: int
    mean: float
    low: float
    high: float


class Comparison(NamedTuple):
    """Two explainers on the ``n`` images that both have: Wilcoxon's p and the rank-biserial effect in [-1, 1]."""

    n: int
    p: float
    effect: float


def bootstrap_mean(values: np.ndarray, seed: int = 0) -> Mean:
    """Give mean and percentile interval of the finite values; NaN where there is none."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return Mean(0, np.nan, np.nan, np.nan)
    random = np.random.default_rng(seed)
    means = [values[random.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Mean(len(values), float(values.mean()), float(low), float(high))


def compare(first: np.ndarray, second: np.ndarray) -> Comparison:
    """Test the paired differences first - second; an effect above 0 says that the first is larger.

    Reference: Wilcoxon 1945; rank-biserial correlation, Kerby 2014.
    """
    difference = (first - second)[np.isfinite(first - second)]
    moved = difference[difference != 0]
    if len(moved) == 0:
        return Comparison(len(difference), 1.0, 0.0)
    ranks = stats.rankdata(np.abs(moved))
    effect = float((ranks[moved > 0].sum() - ranks[moved < 0].sum()) / ranks.sum())
    return Comparison(len(difference), float(stats.wilcoxon(moved).pvalue), effect)
