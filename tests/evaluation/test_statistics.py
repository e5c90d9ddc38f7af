"""Intervals and tests against scipy's own."""

import numpy as np
import pytest
from scipy import stats

from xaicf.evaluation import bootstrap_mean, compare


def test_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(0).exponential(size=300)
    found = bootstrap_mean(np.concatenate([values, [np.nan]]))
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
    first[7], second[9] = np.nan, np.nan
    found = compare(first, second)
    both = np.isfinite(first) & np.isfinite(second)
    assert found.n == 198
    assert found.p == pytest.approx(stats.wilcoxon(first[both], second[both]).pvalue)
    assert 0 < found.effect < 1
    assert compare(second, first).effect == pytest.approx(-found.effect)


def test_an_infinite_value_is_not_forgotten() -> None:
    assert bootstrap_mean(np.array([1.0, np.inf])).mean == np.inf
    found = compare(np.array([1.0, np.inf, 2.0, np.inf]), np.array([1.5, 3.0, 2.5, np.inf]))
    assert found.n == 3
    assert found.effect == pytest.approx(0)  # ranks 1.5, 1.5 and 3


def test_numbers_of_one_image_are_resampled_together() -> None:
    values = np.random.default_rng(0).normal(size=50)
    alone, nine_times = bootstrap_mean(values), bootstrap_mean(values.repeat(9), np.arange(50).repeat(9))
    assert nine_times.n == 450
    assert (nine_times.mean, nine_times.low, nine_times.high) == pytest.approx((alone.mean, alone.low, alone.high))


def test_extremes_of_the_effect() -> None:
    values = np.arange(10.0)
    assert compare(values + 1, values).effect == 1
    assert compare(values, values) == (10, 1.0, 0.0)
