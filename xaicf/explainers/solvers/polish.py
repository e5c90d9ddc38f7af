"""Slide feasible points along their constraints towards the start."""

import torch
from torch import Tensor

from xaicf.core import Flags, Labels, Latents
from xaicf.explainers.solvers.problem import MARGIN, Constraints, Solution, evaluate, least_norm, linearise, violation
from xaicf.explainers.solvers.restoration import newton_step


def polish(
    solution: Solution,
    start: Latents,
    constraints: Constraints,
    tolerance: float = 0.01,
    steps: int = 60,
    restoration_steps: int = 3,
    smallest_gain: float = 1e-3,
) -> Solution:
    """Lower |z - start|² along h(z) = 0, g(z) <= 0, from feasible points.

    Each step goes against z - start within the tangent space of the binding constraints (Rosen 1961,
    gradient projection) and returns to them by Newton steps of least length. A step is kept when its end
    is feasible and nearer, and the next one is longer; otherwise it is halved. A row leaves the batch
    when its step is short or a full step gains little.

    Args:
        solution: points to improve; rows that are not feasible stay as they are.
        start: what each row stays near to (B, d).
        constraints: h and g.
        tolerance: largest |h| and g of a feasible point.
        steps: at most.
        restoration_steps: new linearisations on the way back to the constraints, at most.
        smallest_gain: relative fall of the squared distance under which a full step ends the row.

    Returns:
        Points at most as far as the given ones.
    """
    point, badness = solution.point.clone(), solution.violation.clone()
    evaluations = solution.evaluations.clone()
    rows = solution.feasible(tolerance).nonzero().flatten()
    if len(rows) == 0:
        return solution
    values, jacobian = linearise(constraints, point[rows], rows)
    evaluations[rows] += 1
    length = torch.ones_like(badness[rows])
    for _ in range(steps):
        pull = start[rows] - point[rows]
        along = (jacobian * pull[:, None]).sum(2)
        # An inequality binds where the pull along h = 0 would cross it.
        free = pull - least_norm(jacobian, torch.zeros_like(rows, dtype=torch.bool), along)
        binding = values[:, 1] + (jacobian[:, 1] * free).sum(1) > 0
        tangent = pull - least_norm(jacobian, binding, along)
        trial = point[rows] + length[:, None] * tangent
        there, slopes = _return(trial, rows, constraints, tolerance, restoration_steps, evaluations)
        worst = violation(there[:, 0], there[:, 1:])
        before, after = pull.square().sum(1), (trial - start[rows]).square().sum(1)
        kept = (worst <= MARGIN * tolerance) & (after < before)
        point[rows[kept]], badness[rows[kept]] = trial[kept], worst[kept]
        # A kept trial is the next point, and a linearisation near it is known.
        values = torch.where(kept[:, None], there, values)
        jacobian = torch.where(kept[:, None, None], slopes, jacobian)
        moves = tangent.square().sum(1) > 1e-9 * before
        going = moves & _goes_on(kept, 1 - after / before > smallest_gain, length)
        length = torch.where(kept, (2 * length).clamp(max=1), length / 2)
        rows, values, jacobian, length = rows[going], values[going], jacobian[going], length[going]
        if len(rows) == 0:
            break
    return Solution(point, badness, evaluations)


def _goes_on(kept: Flags, gains: Flags, length: Tensor) -> Flags:
    return torch.where(kept, gains | (length < 1), length > 1 / 32)


def _return(
    trial: Latents, rows: Labels, constraints: Constraints, tolerance: float, steps: int, evaluations: Tensor
) -> tuple[Tensor, Tensor]:
    """Bring ``trial`` back to the constraints in place; give the values where it ends and the last linearisation."""
    values, jacobian = linearise(constraints, trial, rows)
    evaluations[rows] += 1
    for step in range(steps + 1):
        pending = (violation(values[:, 0], values[:, 1:]) > MARGIN * tolerance).nonzero().flatten()
        if len(pending) == 0:
            break
        if step:  # the first step follows the gradients of the trial itself, and mostly does
            values[pending], jacobian[pending] = linearise(constraints, trial[pending], rows[pending])
            evaluations[rows[pending]] += 1
        trial[pending] += newton_step(values[pending], jacobian[pending])
        with torch.no_grad():
            values[pending] = evaluate(constraints, trial[pending], rows[pending])
    return values, jacobian
