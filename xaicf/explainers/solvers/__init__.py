"""Solvers for the nearest point under constraints, batched over independent problems."""

from xaicf.explainers.solvers.augmented_lagrangian import AugmentedLagrangian
from xaicf.explainers.solvers.problem import Constraints, Problem
from xaicf.explainers.solvers.search import Search, Solution, Solver
from xaicf.explainers.solvers.sequential_quadratic import SequentialQuadratic
from xaicf.explainers.solvers.solve import SOLVERS, SolverName, solve, solver_of

__all__ = [
    "SOLVERS",
    "AugmentedLagrangian",
    "Constraints",
    "Problem",
    "Search",
    "SequentialQuadratic",
    "Solution",
    "Solver",
    "SolverName",
    "solve",
    "solver_of",
]
