"""An explainer in numbers: how many questions it solved, and the means of its scalars."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xaicf.core import Status


@dataclass(frozen=True)
class Summary:
    """What one explainer reports.

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
