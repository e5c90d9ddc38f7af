"""Explainers in one table: measures in groups, one a row, and a column for each explainer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from xaicf.viz.page.names import heading
from xaicf.viz.page.summary import Summary

ARROWS = {True: "↑", False: "↓", None: ""}
"""By whether higher is better."""

MINUS = "\N{MINUS SIGN}"

REPORTED = "Reported by the explainer itself"
"""Group of the scalars."""

SOLVED = (
    "Most measures leave unsolved questions out, so explainers that solved different questions are averaged over "
    "different images; the solved share is solved / (solved + unsolved)."
)

MEASURED = (
    "Each cell is a mean [95 % interval of the mean], with n where it is not the number of questions; what is measured "
    "of a whole set has n and no interval. ↑ higher is better, ↓ lower is better. Bold is the best explainer of a row, "
    "and only where its interval overlaps no other one. "
)

NOT_MEASURED = "Each cell is a mean over solved questions, with n where that is not the number of questions. "


@dataclass(frozen=True)
class Value:
    """A mean over ``n`` images with its interval; None where a measure has none, being one of the whole set."""

    mean: float
    n: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class MeasureRow:
    """One measure of all explainers.

    Attributes:
        name: of the measure.
        group: heading that it stands under.
        higher_is_better: None where neither way is.
        values: by explainer; one that was not measured is absent.
        meaning: a sentence.
    """

    name: str
    group: str
    higher_is_better: bool | None
    values: Mapping[str, Value]
    meaning: str = ""

    @property
    def of_whole_set(self) -> bool:
        """Tell whether it is no mean over images."""
        return self.group != REPORTED and all(value.low is None for value in self.values.values())

    def best(self) -> str | None:
        """Name the best explainer; None unless its interval is known and overlaps no other."""
        sign = -1 if self.higher_is_better is False else 1
        spans = {
            name: sorted((sign * value.low, sign * value.high))
            # One image says nothing about how far the mean may move.
            if value.low is not None and value.high is not None and value.n > 1
            else [-math.inf, math.inf]
            for name, value in self.values.items()
            if value.n
        }
        if self.higher_is_better is None or len(spans) < 2:
            return None
        first = max(spans, key=lambda name: spans[name][0])
        others = [span[1] for name, span in spans.items() if name != first]
        return first if spans[first][0] > max(others) else None


def measure_table(summaries: Mapping[str, Summary], measures: Sequence[MeasureRow]) -> str:
    """Write the table as HTML, every name escaped.

    Args:
        summaries: by explainer; of their scalars those that no measure of the explainer replaces.
        measures: rows of one group may stand apart; one without a value is left out. With none the table is of what the
            explainers report.
    """
    names = list(summaries)
    rows = [row for row in measures if any(value.n for value in row.values.values())]
    groups = {row.group: [one for one in rows if one.group == row.group] for row in rows}
    reported = dict.fromkeys(name for summary in summaries.values() for name in summary.means)
    if reported:
        groups[REPORTED] = groups.pop(REPORTED, []) + [_reported(name, summaries) for name in reported]
    heads = "".join(heading(name) for name in names)
    bodies = _group("Questions", len(names), _counts(list(summaries.values())))
    for group, found in groups.items():
        bodies += _group(group, len(names), "".join(_line(row, summaries) for row in found))
    caption = escape((MEASURED if rows else NOT_MEASURED) + SOLVED)
    return (
        '<div class="summary" role="region" tabindex="0" aria-label="Table of explainers">'
        f'<table class="measures" aria-describedby="means"><thead><tr><th scope="col">measure</th>{heads}</tr></thead>'
        f'{bodies}</table></div><p id="means">{caption}</p>{_meanings(rows)}'
    )


def short(value: float) -> str:
    """Write a number in three digits, or all those before the point."""
    text = f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}".replace("inf", "∞")
    return text.replace("-", MINUS)


def _group(name: str, columns: int, rows: str) -> str:
    head = f'<tr class="group"><th scope="rowgroup">{escape(name)}</th><td colspan="{columns}"></td></tr>'
    return f"<tbody>{head}{rows}</tbody>"


def _counts(summaries: Sequence[Summary]) -> str:
    lines = {
        "questions": [f"{one.asked:,}" for one in summaries],
        "solved": [f"{one.solved:,}" for one in summaries],
        "unsolved": [f"{one.unsolved:,}" for one in summaries],
        "not applicable": [f"{one.not_applicable:,}" for one in summaries],
        "solved share": [one.share for one in summaries],
    }
    return "".join(
        f'<tr><th scope="row">{name}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        for name, cells in lines.items()
    )


def _line(row: MeasureRow, summaries: Mapping[str, Summary]) -> str:
    best = row.best()
    cells = ""
    for name, summary in summaries.items():
        cell = _cell(row.values.get(name), None if row.of_whole_set else summary.asked)
        cells += f"<td><strong>{cell}</strong></td>" if name == best else f"<td>{cell}</td>"
    way = {True: "higher is better", False: "lower is better", None: ""}[row.higher_is_better]
    arrow = f' <span role="img" aria-label="{way}" title="{way}">{ARROWS[row.higher_is_better]}</span>' if way else ""
    return f'<tr><th scope="row">{escape(row.name.replace("_", " "))}{arrow}</th>{cells}</tr>'


def _cell(value: Value | None, asked: int | None) -> str:
    if value is None or not value.n or math.isnan(value.mean):
        return "–"
    text = short(value.mean)
    if value.low is not None and value.high is not None:
        text += f" <small>[{short(value.low)}, {short(value.high)}]</small>"
    return text if value.n == asked else f"{text} <small>n {value.n:,}</small>"


def _reported(name: str, summaries: Mapping[str, Summary]) -> MeasureRow:
    values = {
        explainer: Value(*summary.means[name]) for explainer, summary in summaries.items() if name in summary.means
    }
    return MeasureRow(name, REPORTED, None, values)


def _meanings(rows: Sequence[MeasureRow]) -> str:
    known = [row for row in rows if row.meaning]
    terms = "".join(f"<dt>{escape(row.name.replace('_', ' '))}</dt><dd>{escape(row.meaning)}</dd>" for row in known)
    return (
        f'<details class="meanings"><summary>What the measures mean</summary><dl>{terms}</dl></details>'
        if known
        else ""
    )
