"""Explainers in one table: how many questions each solved, and the means of its scalars."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from xaicf.core import Status
from xaicf.viz.page.names import heading

CAPTION = (
    "Means over the questions that an explainer solved. Unsolved and not applicable questions enter no mean; the "
    "solved share is solved / (solved + unsolved). Explainers that solved different questions are averaged over "
    "different images."
)


@dataclass(frozen=True)
class Summary:
    """One explainer's row.

    Attributes:
        solved: number of questions.
        unsolved: likewise.
        not_applicable: likewise.
        means: of each scalar over solved questions where it is finite, and the number of those.
    """

    solved: int
    unsolved: int
    not_applicable: int
    means: dict[str, tuple[float, int]]

    @property
    def asked(self) -> int:
        """Count the questions."""
        return self.solved + self.unsolved + self.not_applicable

    @property
    def share(self) -> str:
        """Write the share of solved questions among those that apply."""
        applicable = self.solved + self.unsolved
        if not applicable:
            return "–"
        share = f"{self.solved / applicable:.1%}"
        return f"{self.solved / applicable:.2%}" if self.unsolved and share == "100.0%" else share


def summarise(status: npt.NDArray[np.int64], scalars: Mapping[str, npt.NDArray[np.floating]]) -> Summary:
    """Count and average.

    Args:
        status: a :class:`Status` per question (N,).
        scalars: values (N,) by name.
    """
    solved = status == Status.SOLVED
    means = {}
    for name, values in scalars.items():
        found = values[solved & np.isfinite(values)].astype(np.float64)
        if len(found):
            means[name] = float(found.mean()), len(found)
    unsolved, not_applicable = (int((status == one).sum()) for one in (Status.UNSOLVED, Status.NOT_APPLICABLE))
    return Summary(int(solved.sum()), unsolved, not_applicable, means)


def summary_table(summaries: Mapping[str, Summary]) -> str:
    """Write the table as HTML, every name escaped.

    Args:
        summaries: by explainer.
    """
    scalars = list(dict.fromkeys(name for summary in summaries.values() for name in summary.means))
    head = ["questions", "solved", "unsolved", "not applicable", "solved share"]
    heads = "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in [*head, *scalars])
    rows = "".join(_row(name, summary, scalars) for name, summary in summaries.items())
    return (
        '<div class="summary" role="region" tabindex="0" aria-label="Table of explainers">'
        f'<table aria-describedby="means"><thead><tr><th scope="col">explainer</th>{heads}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p id="means">{escape(CAPTION)}</p>'
    )


def _row(name: str, summary: Summary, scalars: list[str]) -> str:
    cells = [summary.asked, summary.solved, summary.unsolved, summary.not_applicable, summary.share]
    cells += [_mean(summary, scalar) for scalar in scalars]
    return f"<tr>{heading('row', name)}" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _mean(summary: Summary, scalar: str) -> str:
    if scalar not in summary.means:
        return "–"
    mean, rows = summary.means[scalar]
    return f"{mean:.3g}" if rows == summary.solved else f"{mean:.3g} <small>({rows} finite)</small>"
