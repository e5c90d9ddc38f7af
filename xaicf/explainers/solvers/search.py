"""The state of a search, the best point of each row so far, and what moves it on."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from xaicf.core import Flags, Labels, Latents, PerImage
from xaicf.explainers.solvers.problem import Linear, Problem


@dataclass(frozen=True)
class Solution:
    """Where a search has ended.

    Attributes:
        point: the nearest feasible point met, or where there was none the least infeasible (B, d).
        violation: the largest of |h| and every g there (B,).
        feasible: whether that is within the tolerance, less a margin (B,).
        evaluations: how often constraints and their gradients were computed (B,).
        fallback: whether the first solver left the row to another (B,).
    """

    point: Latents
    violation: PerImage
    feasible: Flags
    evaluations: PerImage
    fallback: Flags


class Search:
    """Looks at points of a problem, counts, and remembers the best one of each row.

    Args:
        problem: to solve.
        first: where rows begin (B, d); the problem's start if left out.

    Attributes:
        point: the nearest feasible point met, or where there was none the least infeasible (B, d).
        violation: there (B,), infinite before any point was looked at.
        distance: |z - start|² there (B,), infinite where none was feasible.
        evaluations: points looked at (B,).
    """

    def __init__(self, problem: Problem, first: Latents | None = None) -> None:
        self.problem = problem
        self.first = problem.start if first is None else first
        self.point = self.first.clone()
        self.violation = torch.full_like(self.first[:, 0], torch.inf)
        self.distance = torch.full_like(self.violation, torch.inf)
        self.evaluations = torch.zeros_like(self.violation)

    @property
    def feasible(self) -> Flags:
        """Which rows had a feasible point among those looked at (B,)."""
        return self.distance.isfinite()

    def look(self, points: Latents, rows: Labels, slack: float = 0.0) -> Linear:
        """Linearise at points (n, d) of some rows (n,); see :meth:`Problem.linearise`."""
        found = self.problem.linearise(points, rows, slack)
        self.offer(points, rows, found.violation)
        return found

    def offer(self, points: Latents, rows: Labels, violations: PerImage) -> None:
        """Count points (n, d) whose violations (n,) were computed, and keep those that are the best of their rows."""
        self.evaluations[rows] += 1
        distance = self.problem.distance(points, rows)
        feasible = self.problem.feasible(violations)
        self._keep(points.detach(), rows, violations, torch.where(feasible, distance, torch.inf))

    def adopt(self, other: "Search") -> None:
        """Take what another search of the same problem has found, and what it has cost."""
        self.evaluations += other.evaluations
        rows = torch.arange(len(other.point), device=other.point.device)
        self._keep(other.point, rows, other.violation, other.distance)

    def _keep(self, points: Latents, rows: Labels, violations: PerImage, distance: PerImage) -> None:
        nearer = distance < self.distance[rows]
        less_bad = distance.isinf() & ~self.feasible[rows] & (violations < self.violation[rows])
        better = nearer | less_bad
        kept = rows[better]
        self.point[kept], self.violation[kept] = points[better], violations[better]
        self.distance[kept] = distance[better]


class Solver(ABC):
    """Moves a search on."""

    @abstractmethod
    def __call__(self, search: Search, rows: Flags) -> None:
        """Search some rows (B,), in place."""
