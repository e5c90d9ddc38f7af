"""Nearest point under constraints by the method of multipliers."""

import torch
from torch import Tensor

from xaicf.core import Latents
from xaicf.explainers.solvers.problem import MARGIN, Constraints, Solution, violation


def augmented_lagrangian(
    solution: Solution,
    start: Latents,
    constraints: Constraints,
    tolerance: float = 0.01,
    step_size: float = 0.3,
    inner_steps: int = 10,
    outer_steps: int = 60,
    penalty: float = 1.0,
    penalty_growth: float = 1.01,
    required_decrease: float = 0.24,
    first: Latents | None = None,
) -> Solution:
    """Minimise |z - start|² subject to h(z) = 0 and g(z) <= 0, each row with its own multipliers.

    The augmented Lagrangian (CDeepEx, Algorithm 1; Bertsekas 1999, chapter 4) with multipliers λ, μ and
    penalty c:

        L = |z - start|² + λ h + (c/2) h² + (1/2c) Σ_j (max(0, μ_j + c g_j)² - μ_j²)

    is lowered by plain gradient descent; then λ ← λ + c h, μ ← max(0, μ + c g), and c ← growth · c where
    |h| did not fall below the required share of its last value. The paper prints h in place of g in
    the inequality terms; the sign and arguments here are the standard ones.

    The paper gives no step size. Here it is ``step_size`` over the curvature 1 + (c/2) |∇h|² of the terms
    in h, so that one number suits every classifier and generator. A row leaves the batch at its first
    feasible point.

    Args:
        solution: feasible rows stay; the others begin anew from ``first``.
        start: what a row stays near to (B, d).
        constraints: h and g.
        tolerance: largest |h| and g of a feasible point.
        step_size: in units of the inverse curvature.
        inner_steps: of gradient descent between two updates of the multipliers.
        outer_steps: updates of the multipliers.
        penalty: c at the start.
        penalty_growth: factor of c, β in the paper.
        required_decrease: share of |h| to be reached for c to stay, γ in the paper.
        first: where a row begins (B, d); ``start`` if left out.

    Returns:
        The first feasible points, and where there is none the least infeasible.
    """
    best, least = solution.point.clone(), solution.violation.clone()
    evaluations = solution.evaluations.clone()
    rows = (~solution.feasible(tolerance)).nonzero().flatten()
    z = (start if first is None else first)[rows]
    multiplier, c = torch.zeros_like(z[:, 0]), torch.full_like(z[:, 0], penalty)
    last_h = torch.full_like(c, torch.inf)
    inequality: Tensor | None = None
    for step in range(inner_steps * outer_steps + 1):
        if len(rows) == 0:
            break
        point = z.detach().requires_grad_()
        h, g = constraints(point, rows)
        evaluations[rows] += 1
        badness = violation(h.detach(), g.detach())
        better = badness < least[rows]
        best[rows[better]], least[rows[better]] = z[better], badness[better]
        if step == inner_steps * outer_steps:
            break
        (slope,) = torch.autograd.grad(h.sum(), point, retain_graph=True)
        inequality = torch.zeros_like(g) if inequality is None else inequality
        hinge = (inequality + c[:, None] * g).clamp(min=0)
        penalties = multiplier * h + c / 2 * h.square() + hinge.square().sum(1) / (2 * c)
        (gradient,) = torch.autograd.grad(penalties.sum(), point)
        with torch.no_grad():
            curvature = 1 + c / 2 * slope.square().sum(1)
            z = z - (step_size / curvature)[:, None] * (2 * (z - start[rows]) + gradient)
            if (step + 1) % inner_steps == 0:
                multiplier = multiplier + c * h
                inequality = hinge
                c = torch.where(h.abs() > required_decrease * last_h, penalty_growth * c, c)
                last_h = h.abs()
            going = badness > MARGIN * tolerance
            rows, z, multiplier, c = rows[going], z[going], multiplier[going], c[going]
            inequality, last_h = inequality[going].detach(), last_h[going]
    return Solution(best, least, evaluations)
