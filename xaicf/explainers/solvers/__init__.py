"""Solvers for the nearest point under constraints, batched over independent problems."""

from xaicf.explainers.solvers.augmented_lagrangian import augmented_lagrangian
from xaicf.explainers.solvers.polish import polish
from xaicf.explainers.solvers.problem import Constraints, Solution, begin
from xaicf.explainers.solvers.restoration import restore

__all__ = ["Constraints", "Solution", "augmented_lagrangian", "begin", "polish", "restore"]
