"""Intervals and tests against scipy's own."""

import numpy as np
import pytest
from scipy import stats

from xaicf.evaluation import bootstrap_mean, compare


def test_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(0).exponential(size=300)
    found = bootstrap_mean(np.concatenate([values, [np.nan, np.inf]]))
    expected = stats.bootstrap((values,), np.mean, method="percentile", rng=1).confidence_interval
    assert found.n == 300
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=0.02)


def test_no_value_gives_no_mean() -> None:
    found = bootstrap_mean(np.full(3, np.nan))
    assert found.n == 0
    assert np.isnan(found.mean)


def test_paired_comparison() -> None:
    random = np.random.default_rng(0)
    first = random.normal(size=200)
    second = first - 0.2 + 0.5 * random.normal(size=200)
    first[7], second[9] = np.nan, np.inf
    found = compare(first, second)
    both = np.isfinite(first) & np.isfinite(second)
    assert found.n == 198
    assert found.p == pytest.approx(stats.wilcoxon(first[both], second[both]).pvalue)
    assert 0 < found.effect < 1
    assert compare(second, first).effect == pytest.approx(-found.effect)


def test_extremes_of_the_effect() -> None:
    values = np.arange(10.0)
    assert compare(values + 1, values).effect == 1
    assert compare(values, values) == (10, 1.0, 0.0)
