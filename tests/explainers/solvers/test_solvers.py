"""Solvers on problems whose nearest point is known in closed form."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from xaicf.explainers.solvers import Constraints, Solution, augmented_lagrangian, begin, polish, restore

TOLERANCE = 1e-3
Solver = Callable[[Tensor, Constraints], Solution]


class Counted:
    """Constraints that note the rows of every call."""

    def __init__(self, constraints: Constraints) -> None:
        self.constraints = constraints
        self.calls: list[list[int]] = []

    def __call__(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        assert len(points) == len(rows)
        self.calls.append(rows.tolist())
        return self.constraints(points, rows)

    def evaluations(self, count: int) -> list[int]:
        return [sum(row in call for call in self.calls) for row in range(count)]


def restored(start: Tensor, constraints: Constraints) -> Solution:
    return restore(begin(start), constraints, TOLERANCE)


def restored_and_polished(start: Tensor, constraints: Constraints) -> Solution:
    return polish(restored(start, constraints), start, constraints, TOLERANCE)


def multipliers(start: Tensor, constraints: Constraints) -> Solution:
    return augmented_lagrangian(begin(start), start, constraints, TOLERANCE)


def multipliers_and_polished(start: Tensor, constraints: Constraints) -> Solution:
    return polish(multipliers(start, constraints), start, constraints, TOLERANCE)


ALL = [restored, restored_and_polished, multipliers, multipliers_and_polished]
NEAREST = [restored_and_polished, multipliers_and_polished]


def starts(count: int = 8, size: int = 5) -> Tensor:
    return torch.randn(count, size, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


RADII = torch.linspace(0.5, 4, 8, dtype=torch.float64)


def sphere(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Give |z| - r with a radius for each row; no inequality."""
    return points.square().sum(1).sqrt() - RADII[rows], points.new_zeros(len(points), 0)


def corner(levels: Tensor, floors: Tensor, turn: Tensor) -> Constraints:
    """First coordinate at its level, second not under its floor, in turned coordinates."""

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        turned = points @ turn.T
        return turned[:, 0] - levels[rows], (floors[rows] - turned[:, 1])[:, None]

    return constraints


def corner_problem(start: Tensor) -> tuple[Constraints, Tensor, Tensor]:
    """Make a hyperplane with a half-space, its nearest points, and where the half-space binds."""
    source = torch.Generator().manual_seed(4)
    count, size = start.shape
    turn = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=source)).Q
    levels = 2 * torch.randn(count, dtype=torch.float64, generator=source)
    floors = torch.randn(count, dtype=torch.float64, generator=source)
    nearest = start @ turn.T
    binding = nearest[:, 1] < floors
    nearest[:, 0], nearest[:, 1] = levels, torch.maximum(nearest[:, 1], floors)
    assert 1 < binding.sum() < count - 1
    return corner(levels, floors, turn), nearest @ turn, binding


def check_bookkeeping(solution: Solution, constraints: Constraints) -> None:
    """Violations belong to the points that are given."""
    h, g = constraints(solution.point, torch.arange(len(solution.point)))
    worst = torch.cat([h.abs()[:, None], g], 1).amax(1)
    torch.testing.assert_close(solution.violation, worst, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solve", ALL)
def test_nearest_point_of_a_sphere(solve: Solver) -> None:
    start = starts()
    found = solve(start, sphere)
    check_bookkeeping(found, sphere)
    assert found.feasible(TOLERANCE).all()
    nearest = RADII[:, None] * torch.nn.functional.normalize(start)
    assert (found.point - nearest).norm(dim=1).max() < 0.01


@pytest.mark.parametrize("solve", ALL)
def test_corner_is_reached(solve: Solver) -> None:
    start = starts(40)
    constraints, _, _ = corner_problem(start)
    found = solve(start, constraints)
    check_bookkeeping(found, constraints)
    assert found.feasible(TOLERANCE).all()


@pytest.mark.parametrize("solve", NEAREST)
def test_nearest_point_of_a_corner(solve: Solver) -> None:
    start = starts(40)
    constraints, nearest, _ = corner_problem(start)
    found = solve(start, constraints)
    assert (found.point - nearest).norm(dim=1).max() < 0.01


@pytest.mark.parametrize("solve", NEAREST)
def test_an_inequality_crossed_on_the_way_does_not_bind(solve: Solver) -> None:
    """The start violates g, the nearest point of the hyperplane satisfies it."""
    start = torch.tensor([[0.0, 0.0, 0.0]], dtype=torch.float64)

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return points[:, 0] - 1, (0.5 - points[:, 0] - 0.3 * points[:, 1])[:, None]

    found = solve(start, constraints)
    torch.testing.assert_close(found.point, torch.tensor([[1.0, 0, 0]], dtype=torch.float64), rtol=0, atol=0.01)


@pytest.mark.parametrize("solve", ALL)
def test_rows_without_a_feasible_point_are_reported(solve: Solver) -> None:
    """Row r has h = |z|² + 2 r - 1, which is never zero but for r = 0."""

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return points.square().sum(1) + 2 * rows - 1, points.new_zeros(len(points), 0)

    start = starts(3)
    found = solve(start, constraints)
    check_bookkeeping(found, constraints)
    assert found.feasible(TOLERANCE).tolist() == [True, False, False]
    assert found.point.isfinite().all()
    assert (found.violation[1:] >= torch.tensor([1.0, 3.0])).all()
    assert (found.violation[1:] < start[1:].square().sum(1) + torch.tensor([1.0, 3.0])).all()


@pytest.mark.parametrize("solve", ALL)
def test_constant_constraints(solve: Solver) -> None:
    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        none = 0 * points.sum(1)
        return none + 2, (none - 1)[:, None]

    start = starts(3)
    found = solve(start, constraints)
    assert not found.feasible(TOLERANCE).any()
    assert torch.equal(found.point, start)
    assert found.violation.tolist() == [2.0] * 3


@pytest.mark.parametrize("solve", ALL)
def test_values_that_are_not_finite_stay_out(solve: Solver) -> None:
    """Row 1 gives NaN at every point but its start."""
    start = starts(3)

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        h, g = sphere(points, rows)
        lost = (rows == 1) & (points.detach() != start[rows]).any(1)
        return torch.where(lost, torch.nan, h), g

    found = solve(start, constraints)
    assert found.point.isfinite().all()
    assert found.violation.isfinite().all()
    assert found.feasible(TOLERANCE).tolist() == [True, False, True]
    assert torch.equal(found.point[1], start[1])


@pytest.mark.parametrize("solve", ALL)
def test_solved_rows_leave(solve: Solver) -> None:
    """Row 0 begins on its sphere, row 1 near it, row 2 can never reach one."""
    radii = torch.tensor([1.0, 1.5, -1.0], dtype=torch.float64)

    def spheres(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return points.square().sum(1).sqrt() - radii[rows], points.new_zeros(len(points), 0)

    start = torch.nn.functional.normalize(starts(3))
    constraints = Counted(spheres)
    found = solve(start, constraints)
    counted = constraints.evaluations(3)
    assert found.evaluations.tolist() == counted
    if solve in {restored, multipliers}:
        assert 1 == counted[0] < counted[1] < counted[2]
    assert counted[2] == max(counted)
    assert found.feasible(TOLERANCE).tolist() == [True, True, False]
    assert torch.equal(found.point[0], start[0])
    assert all(call for call in constraints.calls)


@pytest.mark.parametrize("solve", ALL)
def test_all_solved_at_the_start_costs_little(solve: Solver) -> None:
    start = RADII[:, None] * torch.nn.functional.normalize(starts())
    found = solve(start, sphere)
    assert torch.equal(found.point, start)
    assert found.evaluations.max() <= 15


@pytest.mark.parametrize("solve", ALL)
def test_rows_do_not_depend_on_each_other(solve: Solver) -> None:
    start = starts(40)
    constraints, _, _ = corner_problem(start)
    whole = solve(start, constraints)
    for row in (0, 7, 39):
        alone = solve(start[[row]], lambda points, rows, row=row: constraints(points, rows + row))
        torch.testing.assert_close(alone.point[0], whole.point[row], rtol=0, atol=1e-9)
        assert alone.evaluations[0] == whole.evaluations[row]


def test_every_row_has_its_own_multipliers_and_penalty() -> None:
    """Rows leave at different times, so what belongs to a row must move with it."""
    start = 2 * starts(24)

    def solve(begun: Tensor) -> Solution:
        return augmented_lagrangian(begin(begun), begun, wavy, TOLERANCE, inner_steps=3, penalty_growth=2)

    whole = solve(start)
    assert whole.evaluations.unique().numel() > 4
    for row in range(24):
        alone = solve(start[[row]])
        torch.testing.assert_close(alone.point[0], whole.point[row], rtol=0, atol=1e-9)
        assert alone.evaluations[0] == whole.evaluations[row]


@pytest.mark.parametrize("again", [restore, augmented_lagrangian])
def test_feasible_rows_stay(again: Callable[..., Solution]) -> None:
    start = starts(40)
    constraints, _, _ = corner_problem(start)
    before = restore(begin(start), constraints, TOLERANCE)
    counted = Counted(constraints)
    arguments = (before, counted) if again is restore else (before, start, counted)
    after = again(*arguments, TOLERANCE)
    assert counted.calls == []
    assert torch.equal(after.point, before.point)
    assert torch.equal(after.evaluations, before.evaluations)


def test_restoration_steps_are_short() -> None:
    start = torch.zeros(1, 3, dtype=torch.float64)
    seen = []

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(points.detach().clone())
        return points[:, 0] - 3, points.new_zeros(1, 0)

    restore(begin(start), constraints, TOLERANCE, longest=0.25)
    lengths = torch.cat(seen).diff(dim=0).norm(dim=1)
    assert len(lengths) == 12
    assert lengths.max() <= 0.25 + 1e-12


def wavy(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Give a curved surface and curved inequalities."""
    h = points[:, 0] - points[:, 1:].sin().sum(1) - 1
    g = torch.stack([0.2 - (points[:, 1] - points[:, 2]).cos(), points[:, 3].square() - 1.5 - points[:, 0]], 1)
    return h, g


@pytest.mark.parametrize("first", [restored, multipliers])
def test_polish_never_goes_away(first: Solver) -> None:
    start = 2 * starts(64)
    before = first(start, wavy)
    after = polish(before, start, wavy, TOLERANCE)
    check_bookkeeping(after, wavy)
    solved = before.feasible(TOLERANCE)
    assert solved.sum() > 32
    assert (after.feasible(TOLERANCE) == solved).all()
    gone = (before.point - start).norm(dim=1) - (after.point - start).norm(dim=1)
    assert (gone >= 0).all()
    assert gone.max() > 0.01
    assert (after.evaluations >= before.evaluations).all()


def test_polish_leaves_infeasible_rows() -> None:
    start = starts(4)
    far = Solution(start + 1, torch.full((4,), 5.0, dtype=torch.float64), torch.arange(4.0, dtype=torch.float64))
    counted = Counted(sphere)
    after = polish(far, start, counted, TOLERANCE)
    assert counted.calls == []
    assert torch.equal(after.point, far.point)
    assert torch.equal(after.evaluations, far.evaluations)


def test_polish_finds_the_nearest_point_from_afar() -> None:
    """From a far feasible point, in one dimension more than there are constraints."""
    start = starts()
    away = RADII[:, None] * torch.nn.functional.normalize(start.roll(1, 1) + 0.1 * start)
    zeros = torch.zeros(8, dtype=torch.float64)
    found = polish(Solution(away, zeros, zeros), start, sphere, TOLERANCE)
    nearest = RADII[:, None] * torch.nn.functional.normalize(start)
    shortest, length = (nearest - start).norm(dim=1), (found.point - start).norm(dim=1)
    assert ((away - start).norm(dim=1) > 1.2 * shortest).all()
    assert found.feasible(TOLERANCE).all()
    assert (length / shortest - 1).abs().max() < 0.02


@pytest.mark.parametrize("solve", ALL)
def test_given_tensors_are_not_written_to(solve: Solver) -> None:
    start = starts()
    kept = start.clone()
    first = begin(start)
    solve(start, sphere)
    assert torch.equal(start, kept)
    assert not first.evaluations.any()
    assert torch.equal(first.point, kept)
