"""The solvers against independent ones: enumeration of active sets, and scipy's SLSQP."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from xaicf.explainers.solvers import SOLVERS, Problem, SequentialQuadratic, SolverName, solve

COUNT = 100


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def nearest_by_enumeration(start: Tensor, normal: Tensor, level: Tensor, slopes: Tensor, limits: Tensor) -> Tensor:
    """Project one point (d,) onto normal·z = level, slopes·z <= limits, trying every set of binding inequalities."""
    best, distance = start, np.inf
    for size in range(len(limits) + 1):
        for chosen in itertools.combinations(range(len(limits)), size):
            rows = torch.stack([normal, *slopes[list(chosen)]])
            wanted = torch.stack([level, *limits[list(chosen)]])
            point = start + torch.linalg.pinv(rows) @ (wanted - rows @ start)
            holds = (slopes @ point <= limits + 1e-9).all() and (rows @ point - wanted).abs().max() < 1e-9
            if holds and (point - start).norm() < distance:
                best, distance = point, float((point - start).norm())
    assert distance < np.inf
    return best


def test_polyhedra_are_projected_on_to_a_millionth() -> None:
    rows, size, inequalities = 50, 6, 4
    normal, slopes = drawn(rows, size, seed=0), drawn(rows, inequalities, size, seed=1)
    inside = drawn(rows, size, seed=2)
    level = (normal * inside).sum(1)
    limits = (slopes * inside[:, None]).sum(2) + 0.2
    start = inside + 2 * drawn(rows, size, seed=3)

    def constraints(points: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        return (normal[index] * points).sum(1) - level[index], (slopes[index] * points[:, None]).sum(2) - limits[index]

    found = solve(Problem(start, constraints, tolerance=1e-9), SequentialQuadratic(smallest_gain=1e-12))
    assert found.feasible.all()
    problems = zip(start, normal, level, slopes, limits, strict=True)
    wanted = torch.stack([nearest_by_enumeration(*problem) for problem in problems])
    binding = ((slopes * wanted[:, None]).sum(2) > limits - 1e-9).sum(1)
    assert binding.unique().numel() >= 3  # none, one and several bind
    assert (found.point - wanted).abs().max() < 1e-6


class Curved:
    """h and three g, each linear plus quadratic plus a sine, with numbers of its own for each row."""

    def __init__(self, size: int) -> None:
        self.slopes, self.bends = drawn(COUNT, 4, size, seed=5), 0.3 * drawn(COUNT, 4, size, seed=6)
        self.turns, self.levels = drawn(COUNT, 4, size, seed=7), drawn(COUNT, 4, seed=8).abs()

    def __call__(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        z = points[:, None]
        linear, square = (self.slopes[rows] * z).sum(2), (self.bends[rows] * z.square()).sum(2)
        values = linear + square + 0.3 * (self.turns[rows] * z).sin().sum(2)
        return values[:, 0] - self.levels[rows, 0], values[:, 1:] - self.levels[rows, 1:]


@pytest.mark.parametrize("solver", SOLVERS)
def test_slsqp_is_hardly_ever_nearer(solver: SolverName) -> None:
    size, tolerance = 5, 1e-6
    curved, start = Curved(size), drawn(COUNT, size, seed=9)
    found = solve(Problem(start, curved, tolerance), solver)
    assert found.feasible.double().mean() >= 0.95
    worse = compared = 0
    for row in range(COUNT):

        def values(z: np.ndarray, row: int = row) -> np.ndarray:
            h, g = curved(torch.from_numpy(z)[None], torch.tensor([row]))
            return torch.cat([h, -g[0]]).numpy()

        theirs = minimize(
            lambda z, row=row: float(np.square(z - start[row].numpy()).sum()),
            start[row].numpy(),
            jac=lambda z, row=row: 2 * (z - start[row].numpy()),
            method="SLSQP",
            constraints=[
                {"type": "eq", "fun": lambda z: values(z)[0]},
                {"type": "ineq", "fun": lambda z: values(z)[1:]},
            ],
            options={"ftol": 1e-10, "maxiter": 300},
        )
        held = values(theirs.x)
        if not theirs.success or abs(held[0]) > tolerance or held[1:].min() < -tolerance:
            continue
        compared += 1
        mine = float((found.point[row] - start[row]).square().sum())
        worse += not found.feasible[row] or mine > 1.01 * theirs.fun
    print(solver, worse, compared, found.evaluations.median(), found.fallback.sum())
    assert compared >= 90
    assert worse <= 5
