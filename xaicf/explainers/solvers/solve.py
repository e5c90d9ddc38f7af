"""Solvers by name."""

from typing import Literal

import torch

from xaicf.core import InputError, Latents
from xaicf.explainers.solvers.augmented_lagrangian import AugmentedLagrangian
from xaicf.explainers.solvers.problem import Problem
from xaicf.explainers.solvers.search import Search, Solution, Solver
from xaicf.explainers.solvers.sequential_quadratic import SequentialQuadratic

SolverName = Literal["sequential_quadratic", "augmented_lagrangian"]

SOLVERS: dict[SolverName, Solver] = {
    "sequential_quadratic": SequentialQuadratic(),
    "augmented_lagrangian": AugmentedLagrangian(),
}
"""The solvers with their own options, by name."""


def solver_of(solver: SolverName | Solver) -> Solver:
    """Give a solver by its name, or as it is.

    Raises:
        InputError: no solver has the name.
    """
    if isinstance(solver, Solver):
        return solver
    if solver not in SOLVERS:
        raise InputError(f"solver must be {' or '.join(SOLVERS)}, got {solver}")
    return SOLVERS[solver]


def solve(
    problem: Problem, solver: SolverName | Solver = "sequential_quadratic", first: Latents | None = None
) -> Solution:
    """Find the point nearest to the start under constraints, for a batch of rows.

    What the solver finds no feasible point for is left to ``augmented_lagrangian``, which is CDeepEx's. The points of
    the latter are refined by ``sequential_quadratic``.

    Example:
        The point of a circle nearest to another point::

            def circle(points, rows):
                return points.norm(dim=1) - 1, points.new_zeros(len(points), 0)

            solve(Problem(torch.tensor([[3.0, 4.0]]), circle)).point  # 0.6, 0.8

    Args:
        problem: to solve.
        solver: that begins.
        first: where rows begin (B, d); the problem's start if left out.

    Raises:
        InputError: no solver has the name, or ``first`` has another shape than the start.
    """
    if first is not None and first.shape != problem.start.shape:
        raise InputError(f"first must have the start's shape {tuple(problem.start.shape)}, got {tuple(first.shape)}")
    begun, patient, fast = solver_of(solver), SOLVERS["augmented_lagrangian"], SOLVERS["sequential_quadratic"]
    assert isinstance(fast, SequentialQuadratic)
    with torch.inference_mode(False), torch.enable_grad():
        search = Search(problem, first)
        begun(search, torch.ones_like(search.feasible))
        left = ~search.feasible & (not isinstance(begun, AugmentedLagrangian))
        patient(search, left)
        fast.refine(search, left | (not isinstance(begun, SequentialQuadratic)))
    return Solution(search.point, search.violation, search.feasible, search.evaluations, left)
