"""The fast solver: sequential quadratic programming, all rows at once."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from xaicf.core import Flags, InputError, Labels, Latents, PerImage
from xaicf.explainers.solvers.problem import ByRow, Linear
from xaicf.explainers.solvers.projection import Active, project
from xaicf.explainers.solvers.search import Search, Solver

PULLED = 12
"""Points that a row looks at before it stops pulling towards the start and only heads for the constraints."""

PATIENCE = 4
"""Points without a gain after which a row ends; after half of them it tries the constraints alone."""

CURVATURE = (0.4, 8.0)
"""Bounds of the curvature along a step that a row believes in, in units of the objective's."""


class _Step(NamedTuple):
    """Where rows go (n, d), and the multipliers of h (n,) and of the active inequalities (n, slots)."""

    move: Latents
    equality: PerImage
    inequality: Tensor


@dataclass
class _Rows(ByRow):
    """Of the rows that go on (n,): where they are, how far they may step, and what they have learned."""

    index: Labels
    at: Linear
    active: Active
    radius: PerImage
    curvature: PerImage
    idle: Tensor


@dataclass(frozen=True)
class SequentialQuadratic(Solver):
    """Projects the start onto linearised constraints, again and again.

    Each quadratic programme has the objective's own Hessian, scaled by the curvature σ of the Lagrangian along the
    last step, and so is the projection of z + (start - z) / σ onto the linearised constraints: one step along them and
    back to them. The curvature comes from values alone, since h(z + d) - h(z) - ∇h·d is half of it, times |d|².

    Until a row has a feasible point every finite step is taken, only the worst inequality counts and those whose
    gradients proved right, and after some steps the pull towards the start ends. From then on a step is kept when its
    end is feasible and nearer, or lowers the merit |z - start|² / 2 + ρ max(|h|, g), with ρ above the multipliers;
    else the next one is shorter. A row ends when a step promises little, when several in turn gained little, or after
    ``steps``.

    The problem is not convex. Rows whose point is far, compared with the first Newton step, or that have none are
    searched once more from the other side of the start, with longer steps; the nearer point counts, and is refined.

    The defaults are for points whose numbers are of the order of 1 and of which a few inequalities bind. A search
    reaches no farther than ``steps`` times ``longest``, so that where distances are of another order ``longest`` must
    follow; and where more inequalities bind than ``slots``, which is as many as keep their gradients, rows zigzag,
    end some per cent too far, or find nothing.

    Reference: Nocedal and Wright 2006, "Numerical optimization", chapter 18.

    Args:
        steps: of each of the two searches and of the refinement, at most.
        longest: bound on the length of a step, twice that in the second search.
        slots: inequalities whose gradients are kept.
        slack: below which no gradient of an inequality is computed, in the unit of g.
        smallest_gain: relative fall of the squared distance that is worth a step in the end.
        first_gain: the same while searching.
        doubt: squared distance, in squares of the first Newton step, above which a row is searched a second time.

    Raises:
        InputError: a number is out of its range.
    """

    steps: int = 60
    longest: float = 0.5
    slots: int = 4
    slack: float = 2.0
    smallest_gain: float = 3e-3
    first_gain: float = 0.1
    doubt: float = 0.5

    def __post_init__(self) -> None:
        if min(self.steps, self.slots) < 1 or not 0 < self.longest < torch.inf:
            raise InputError(
                f"steps and slots must be at least 1 and longest > 0, got {self.steps}, {self.slots} and {self.longest}"
            )
        if not all(one >= 0 for one in (self.slack, self.smallest_gain, self.first_gain, self.doubt)):
            raise InputError("slack, smallest_gain, first_gain and doubt must be at least 0")

    def __call__(self, search: Search, rows: Flags) -> None:
        """Search rows (B,), from where ``search`` begins."""
        newton = self._descend(search, rows, self.longest, self.first_gain)
        doubtful = rows & ~(search.distance <= self.doubt * newton)
        other = Search(search.problem, 2 * search.problem.start - search.point)
        self._descend(other, doubtful, 2 * self.longest, self.first_gain)
        search.adopt(other)
        self.refine(search, rows & search.feasible)

    def refine(self, search: Search, rows: Flags) -> None:
        """Search rows (B,) from their best points until little is gained."""
        self._descend(search, rows, self.longest, self.smallest_gain)

    def _descend(self, search: Search, chosen: Flags, longest: float, gain: float) -> PerImage:
        """Search rows (B,) from their best points; give the squared length of each one's first Newton step (B,)."""
        newton = torch.zeros_like(search.violation)
        index = chosen.nonzero().flatten()
        if len(index) == 0:
            return newton
        at = search.look(search.point[index], index, self.slack)
        newton[index] = at.newton.square()
        rows = _Rows(
            index,
            at,
            Active(at, self.slots),
            torch.full_like(at.h, longest),
            torch.ones_like(at.h),
            torch.zeros_like(index),
        )
        for _ in range(self.steps):
            step = _plan(search, rows)
            going = _goes_on(search, rows, step, gain)
            if not going.any():
                break
            if not going.all():
                rows, step = rows[going], _Step(*(part[going] for part in step))
            _take(search, rows, step, longest, self.slack, gain)
        return newton


def _plan(search: Search, rows: _Rows) -> _Step:
    """Solve the quadratic programme of each row, and cut its step."""
    at, found = rows.at, search.feasible[rows.index]
    values = rows.active.values(at.g)
    # Old gradients mislead a row that is still far from the constraints.
    fresh = (rows.active.place == at.worst[:, None]) & (values > 0)
    values = values.masked_fill(~(found[:, None] | fresh | rows.active.trusted), -torch.inf)
    pulled = torch.where(found, rows.idle < PATIENCE // 2, search.evaluations[rows.index] <= PULLED)
    pull = (search.problem.start[rows.index] - at.point) * (pulled / rows.curvature)[:, None]
    aim = project(at.point + pull, at, rows.active, values)
    move = aim.point - at.point
    size = move.square().sum(1).sqrt()
    move = move * (rows.radius / size.clamp(min=1e-12)).clamp(max=1)[:, None]
    # Multipliers of the objective as it is, not as it was scaled.
    return _Step(move, aim.equality * rows.curvature, aim.inequality * rows.curvature[:, None])


def _goes_on(search: Search, rows: _Rows, step: _Step, gain: float) -> Flags:
    promised = search.problem.distance(rows.at.point + step.move, rows.index)
    worth = promised < (1 - gain) * search.distance[rows.index]
    worth |= ~search.problem.feasible(rows.at.violation)
    worth &= rows.idle < PATIENCE
    moves = step.move.isfinite().all(1) & (step.move != 0).any(1)
    return moves & (worth | ~search.feasible[rows.index])


def _take(search: Search, rows: _Rows, step: _Step, longest: float, slack: float, gain: float) -> None:
    """Look at the end of a step, and go there or shorten the next one; ``rows`` is changed in place."""
    index, at, active = rows.index, rows.at, rows.active
    found, before = search.feasible[index], search.distance[index]
    trial = search.look(at.point + step.move, index, slack)
    violations = [one.violation.clamp(min=0) for one in (at, trial)]
    weight = 2 * (step.equality.abs() + step.inequality.sum(1))
    merits = [
        search.problem.distance(one.point, index) / 2 + weight * bad
        for one, bad in zip((at, trial), violations, strict=True)
    ]
    nearer = search.distance[index] < before
    anywhere = ~found | (rows.idle >= PATIENCE // 2)
    kept = nearer | torch.where(anywhere, violations[1].isfinite(), merits[1] < merits[0])
    square = step.move.square().sum(1).clamp(min=1e-20)
    bend = step.equality * (trial.h - at.h - (at.slope * step.move).sum(1))
    bend = bend + (step.inequality * active.bends(at.g, trial.g, step.move)).sum(1)
    rows.curvature = (1 + 2 * bend / square).clamp(*CURVATURE)
    length = square.sqrt()
    longer = torch.maximum(rows.radius, 2 * length).clamp(max=longest)
    rows.radius = torch.where(kept, longer, length / 3)
    gained = search.distance[index] < (1 - gain) * before
    gained |= kept & ~search.problem.feasible(trial.violation)
    rows.idle = torch.where(gained | ~found, 0, rows.idle + 1)
    rows.at = at.replaced(kept, trial)
    active.learn(trial)
