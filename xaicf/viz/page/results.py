"""Results of studies as tables: what was found where the answer is known, and what was to be reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from xaicf.viz.page.measures import ARROWS, short

OPEN = 40
"""Rows up to which a table stands open."""

VERDICTS = {True: "met", False: "missed", None: ""}


@dataclass(frozen=True)
class Finding:
    """A number of a study.

    Attributes:
        measure: what it is.
        ours: the number; None where there is none.
        low: lower end of its spread.
        high: upper end.
        n: over how many.
        published: the paper's.
        goal: what it was to reach.
        higher_is_better: None where neither way is.
        met: whether the goal is reached; None without one.
    """

    measure: str
    ours: float | None
    low: float | None
    high: float | None
    n: int | None
    published: float | None
    goal: float | None
    higher_is_better: bool | None
    met: bool | None


@dataclass(frozen=True)
class Study:
    """A study's result.

    Attributes:
        title: its question.
        about: how it was made.
        spread: what stands in brackets.
        findings: its numbers.
    """

    title: str
    about: str
    spread: str
    findings: Sequence[Finding]


def results_section(studies: Sequence[Study]) -> str:
    """Write the results as HTML, every name escaped; nothing without a study."""
    if not studies:
        return ""
    return (
        '<section id="results" aria-labelledby="results-title"><h2 id="results-title">Where the answer is known</h2>'
        "<p>Studies plant a cause, or take data whose answer is known, and count how often explanations show it. "
        "Published is what the paper reports, goal what was to be reached.</p>"
        f"{''.join(_table(study) for study in studies)}</section>"
    )


def _table(study: Study) -> str:
    heads = ("measure", f"ours [{study.spread}]", "n", "published", "goal", "verdict")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    rows = "".join(_row(finding) for finding in study.findings)
    title = escape(study.title)
    return (
        f"<details{' open' if len(study.findings) <= OPEN else ''}><summary>{title}</summary>"
        f"<p>{escape(study.about)}</p>"
        f'<div class="summary" role="region" tabindex="0" aria-label="{title}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _row(finding: Finding) -> str:
    interval = "" if finding.low is None or finding.high is None else f" [{short(finding.low)}, {short(finding.high)}]"
    cells = (
        _number(finding.ours) + interval,
        "" if finding.n is None else f"{finding.n:,}",
        "" if finding.published is None else short(finding.published),
        "" if finding.goal is None else short(finding.goal),
        VERDICTS[finding.met],
    )
    name = f"{finding.measure} {ARROWS[finding.higher_is_better]}".strip()
    return f'<tr><th scope="row">{escape(name)}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _number(value: float | None) -> str:
    return "–" if value is None else short(value)
