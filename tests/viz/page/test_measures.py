"""The table says what was measured, and calls an explainer best only where the intervals allow it."""

import pytest

from xaicf.viz.page.measures import MeasureRow, Value, measure_table, short
from xaicf.viz.page.summary import Summary

SUMMARIES = {"a_<b>": Summary(3, 1, 1, {"third_margin": (0.5, 3)}), "other": Summary(5, 0, 0, {})}


def row(higher: bool | None = True, **values: Value) -> MeasureRow:
    return MeasureRow("m", "g", higher, values)


@pytest.mark.parametrize(
    ("found", "best"),
    [
        (row(True, a=Value(2, 9, 1.5, 2.5), b=Value(1, 9, 0.5, 1.4)), "a"),
        (row(False, a=Value(2, 9, 1.5, 2.5), b=Value(1, 9, 0.5, 1.4)), "b"),
        (row(None, a=Value(2, 9, 1.5, 2.5), b=Value(1, 9, 0.5, 1.4)), None),
        (row(True, a=Value(2, 9, 1.5, 2.5), b=Value(1, 9, 0.5, 1.5)), None),
        (row(True, a=Value(2, 9, 1.8, 2.2), b=Value(1.5, 9, 1.4, 1.6), c=Value(1, 9, 0.1, 1.9)), None),
        (row(True, a=Value(2, 9, 1.5, 2.5)), None),
        (row(True, a=Value(2, 9, 1.5, 2.5), b=Value(1, 1, 1, 1)), None),
        (row(True, a=Value(2, 9, 1.5, 2.5), b=Value(float("nan"), 0, float("nan"), float("nan"))), None),
        (row(True, a=Value(2, 9), b=Value(1, 9)), None),
    ],
)
def test_the_best_overlaps_no_other(found: MeasureRow, best: str | None) -> None:
    assert found.best() == best


def test_cells_give_mean_interval_and_n_where_it_is_not_all() -> None:
    rows = [
        MeasureRow("cut_out", "G<", True, {"a_<b>": Value(0.12345, 4, 0.1, 0.15), "other": Value(0.5, 5, 0.4, 0.6)}),
        MeasureRow("frechet", "G<", False, {"other": Value(12.5, 5)}, "Distance <of> sets."),
        MeasureRow("never", "H", False, {"other": Value(float("nan"), 0, float("nan"), float("nan"))}),
    ]
    html = measure_table(SUMMARIES, rows)
    assert '<th scope="col">a_<wbr>&lt;b&gt;</th><th scope="col">other</th>' in html
    assert '<th scope="row">solved</th><td>3</td><td>5</td>' in html
    assert '<th scope="row">solved share</th><td>75.0%</td><td>100.0%</td>' in html
    assert "<td>0.123 <small>[0.1, 0.15]</small> <small>n 4</small></td>" in html
    assert "<td><strong>0.5 <small>[0.4, 0.6]</small></strong></td>" in html
    assert "<td>–</td><td>12.5 <small>n 5</small></td>" in html
    assert 'cut out <span role="img" aria-label="higher is better" title="higher is better">↑</span>' in html
    assert "<dt>frechet</dt><dd>Distance &lt;of&gt; sets.</dd>" in html
    assert '<th scope="row">third margin</th><td>0.5 <small>n 3</small></td><td>–</td>' in html
    assert "never" not in html
    assert "<b>" not in html


def test_without_measures_it_is_of_what_explainers_report() -> None:
    html = measure_table(SUMMARIES, [])
    assert '<th scope="row">third margin</th><td>0.5 <small>n 3</small></td><td>–</td>' in html
    assert '<th scope="row">not applicable</th><td>1</td><td>0</td>' in html
    assert "mean over solved questions" in html
    assert "interval" not in html


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.98765, "0.988"), (1234.5, "1,234"), (-0.25, "\N{MINUS SIGN}0.25"), (float("inf"), "∞"), (3e7, "3e+07")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text
