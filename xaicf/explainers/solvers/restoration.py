"""Reach the constraints by short Newton steps."""

import torch
from torch import Tensor

from xaicf.core import Latents
from xaicf.explainers.solvers.problem import (
    MARGIN,
    Constraints,
    Solution,
    least_norm,
    linearise,
    violation,
)


def restore(
    solution: Solution, constraints: Constraints, tolerance: float = 0.01, steps: int = 20, longest: float = 0.5
) -> Solution:
    """Take Newton steps of least length towards h = 0 and, where it is violated, the worst g = 0.

    Args:
        solution: points to start from; feasible rows stay.
        constraints: h and g.
        tolerance: largest |h| and g of a feasible point.
        steps: at most.
        longest: bound on the length of a step.

    Returns:
        The feasible points reached; rows that fail keep the least infeasible point met.
    """
    point, least = solution.point.clone(), solution.violation.clone()
    evaluations = solution.evaluations.clone()
    rows = (~solution.feasible(tolerance)).nonzero().flatten()
    trial = point[rows]
    for step in range(steps + 1):
        if len(rows) == 0:
            break
        values, jacobian = linearise(constraints, trial, rows)
        evaluations[rows] += 1
        badness = violation(values[:, 0], values[:, 1:])
        better = badness < least[rows]
        point[rows[better]], least[rows[better]] = trial[better], badness[better]
        going = badness > MARGIN * tolerance
        if step == steps:
            break
        rows, trial = rows[going], (trial + newton_step(values, jacobian, longest))[going]
    return Solution(point, least, evaluations)


def newton_step(values: Tensor, jacobian: Tensor, longest: float = torch.inf) -> Latents:
    """Give the shortest step (n, d) to the linearised constraints, cut to a length.

    Args:
        values: h and the largest g (n, 2).
        jacobian: their gradients (n, 2, d).
        longest: bound on the length.
    """
    direction = -least_norm(jacobian, values[:, 1] > 0, values)
    length = direction.square().sum(1).sqrt()
    return direction * (longest / length.clamp(min=1e-12)).clamp(max=1)[:, None]
