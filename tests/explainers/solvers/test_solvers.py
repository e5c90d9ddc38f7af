"""Solvers on problems whose nearest point is known in closed form."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from xaicf.core import InputError
from xaicf.explainers.solvers import (
    SOLVERS,
    AugmentedLagrangian,
    Constraints,
    Problem,
    Search,
    SequentialQuadratic,
    Solution,
    Solver,
    SolverName,
    solve,
)
from xaicf.explainers.solvers.augmented_lagrangian import Inner

TOLERANCE = 1e-3


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


def solved(
    start: Tensor, constraints: Constraints, solver: SolverName | Solver, first: Tensor | None = None
) -> Solution:
    return solve(Problem(start, constraints, TOLERANCE), solver, first)


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


@pytest.mark.parametrize("solver", SOLVERS)
def test_nearest_point_of_a_sphere(solver: SolverName) -> None:
    start = starts()
    found = solved(start, sphere, solver)
    check_bookkeeping(found, sphere)
    assert found.feasible.all()
    nearest = RADII[:, None] * torch.nn.functional.normalize(start)
    assert (found.point - nearest).norm(dim=1).max() < 0.01


@pytest.mark.parametrize("solver", SOLVERS)
def test_nearest_point_of_a_corner(solver: SolverName) -> None:
    start = starts(40)
    constraints, nearest, _ = corner_problem(start)
    found = solved(start, constraints, solver)
    assert (found.point - nearest).norm(dim=1).max() < 0.01


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_inequality_crossed_on_the_way_does_not_bind(solver: SolverName) -> None:
    """The start violates g, the nearest point of the hyperplane satisfies it."""
    start = torch.tensor([[0.0, 0.0, 0.0]], dtype=torch.float64)

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return points[:, 0] - 1, (0.5 - points[:, 0] - 0.3 * points[:, 1])[:, None]

    found = solved(start, constraints, solver)
    torch.testing.assert_close(found.point, torch.tensor([[1.0, 0, 0]], dtype=torch.float64), rtol=0, atol=0.01)


@pytest.mark.parametrize("solver", SOLVERS)
def test_rows_without_a_feasible_point_are_reported(solver: SolverName) -> None:
    """Row r has h = |z|² + 2 r - 1, which is never zero but for r = 0."""

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return points.square().sum(1) + 2 * rows - 1, points.new_zeros(len(points), 0)

    start = starts(3)
    found = solved(start, constraints, solver)
    check_bookkeeping(found, constraints)
    assert found.feasible.tolist() == [True, False, False]
    assert found.point.isfinite().all()
    assert (found.violation[1:] >= torch.tensor([1.0, 3.0])).all()
    assert (found.violation[1:] < start[1:].square().sum(1) + torch.tensor([1.0, 3.0])).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_constant_constraints(solver: SolverName) -> None:
    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        none = 0 * points.sum(1)
        return none + 2, (none - 1)[:, None]

    start = starts(3)
    found = solved(start, constraints, solver)
    assert not found.feasible.any()
    assert torch.equal(found.point, start)
    assert found.violation.tolist() == [2.0] * 3


@pytest.mark.parametrize("solver", SOLVERS)
def test_values_that_are_not_finite_stay_out(solver: SolverName) -> None:
    """Row 1 gives NaN at every point but its start."""
    start = starts(3)

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        h, g = sphere(points, rows)
        lost = (rows == 1) & (points.detach() != start[rows]).any(1)
        return torch.where(lost, torch.nan, h), g

    found = solved(start, constraints, solver)
    assert found.point.isfinite().all()
    assert found.violation.isfinite().all()
    assert found.feasible.tolist() == [True, False, True]
    assert torch.equal(found.point[1], start[1])


@pytest.mark.parametrize("solver", SOLVERS)
def test_solved_rows_leave(solver: SolverName) -> None:
    """Row 0 begins on its sphere, row 1 near it, row 2 can never reach one."""
    radii = torch.tensor([1.0, 1.5, -1.0], dtype=torch.float64)

    def spheres(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return points.square().sum(1).sqrt() - radii[rows], points.new_zeros(len(points), 0)

    start = torch.nn.functional.normalize(starts(3))
    constraints = Counted(spheres)
    found = solved(start, constraints, solver)
    counted = constraints.evaluations(3)
    assert found.evaluations.tolist() == counted
    assert counted[2] == max(counted)
    assert found.feasible.tolist() == [True, True, False]
    assert torch.equal(found.point[0], start[0])
    assert all(call for call in constraints.calls)


@pytest.mark.parametrize("solver", SOLVERS)
def test_all_solved_at_the_start_costs_little(solver: SolverName) -> None:
    start = RADII[:, None] * torch.nn.functional.normalize(starts())
    found = solved(start, sphere, solver)
    assert torch.equal(found.point, start)
    assert found.evaluations.max() <= 15


@pytest.mark.parametrize("solver", SOLVERS)
def test_rows_do_not_depend_on_each_other(solver: SolverName) -> None:
    start = starts(40)
    constraints, _, _ = corner_problem(start)
    whole = solved(start, constraints, solver)
    for row in (0, 7, 39):
        alone = solved(start[[row]], lambda points, rows, row=row: constraints(points, rows + row), solver)
        torch.testing.assert_close(alone.point[0], whole.point[row], rtol=0, atol=1e-9)
        assert alone.evaluations[0] == whole.evaluations[row]


def wavy(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Give a curved surface and curved inequalities."""
    h = points[:, 0] - points[:, 1:].sin().sum(1) - 1
    g = torch.stack([0.2 - (points[:, 1] - points[:, 2]).cos(), points[:, 3].square() - 1.5 - points[:, 0]], 1)
    return h, g


def test_every_row_has_its_own_multipliers_and_penalty() -> None:
    """Rows leave at different times, so what belongs to a row must move with it."""
    start = 2 * starts(24)
    solver = AugmentedLagrangian(inner_steps=3, penalty_growth=2)

    def search(begun: Tensor) -> Search:
        found = Search(Problem(begun, wavy, TOLERANCE))
        solver(found, torch.ones_like(found.feasible))
        return found

    whole = search(start)
    assert whole.evaluations.unique().numel() > 4
    for row in range(24):
        alone = search(start[[row]])
        torch.testing.assert_close(alone.point[0], whole.point[row], rtol=0, atol=1e-9)
        assert alone.evaluations[0] == whole.evaluations[row]


def test_the_augmented_lagrangian_leaves_solved_rows() -> None:
    start = starts(40)
    constraints, _, _ = corner_problem(start)
    counted = Counted(constraints)
    search = Search(Problem(start, counted, TOLERANCE))
    some = torch.arange(40) % 2 == 0
    SequentialQuadratic()(search, some)
    assert torch.equal(search.feasible, some)
    assert torch.equal(search.evaluations == 0, ~some)
    point, evaluations = search.point.clone(), search.evaluations.clone()
    counted.calls.clear()
    AugmentedLagrangian()(search, torch.ones_like(some))
    assert all(row % 2 for call in counted.calls for row in call)
    assert search.feasible.all()
    assert torch.equal(search.point[some], point[some])
    assert torch.equal(search.evaluations[some], evaluations[some])


@pytest.mark.parametrize("inner", ["scaled", "descent", "adam"])
def test_inner_descents_reach_the_sphere(inner: Inner) -> None:
    start = starts()
    search = Search(Problem(start, sphere, TOLERANCE))
    AugmentedLagrangian(inner, outer_steps=100)(search, torch.ones_like(search.feasible))
    assert search.feasible.all()
    nearest = RADII[:, None] * torch.nn.functional.normalize(start)
    assert (search.point - nearest).norm(dim=1).max() < 0.03  # the first feasible point, not refined


def test_patience_goes_on_after_the_first_point() -> None:
    """From far away the first feasible point is not the nearest; a run that goes on is nearer, and ends."""
    start = 2 * starts(24)
    found = []
    for patience in (0, 40):
        search = Search(Problem(start, wavy, TOLERANCE), first=start + 1)
        AugmentedLagrangian(patience=patience)(search, torch.ones_like(search.feasible))
        found.append(search)
    hasty, patient = found
    both = hasty.feasible & patient.feasible
    assert both.sum() > 12
    assert (patient.distance <= hasty.distance)[both].all()
    assert (patient.distance < 0.999 * hasty.distance)[both].any()
    assert (patient.evaluations >= hasty.evaluations + 40)[both].all()
    assert patient.evaluations.max() <= 601


def test_adam_is_that_of_torch() -> None:
    """On |z - start|² alone, with rows that never leave."""
    start, first = starts(3), starts(3) + 2

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return 0 * points.sum(1) + 1, points.new_zeros(len(points), 0)

    looked = []

    def noted(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        looked.append(points.detach().clone())
        return constraints(points, rows)

    search = Search(Problem(start, noted, TOLERANCE), first)
    AugmentedLagrangian("adam", inner_steps=3, outer_steps=4)(search, torch.ones_like(search.feasible))
    point = first.clone().requires_grad_()
    optimizer = torch.optim.Adam([point], lr=0.05)
    for seen in looked:
        torch.testing.assert_close(seen, point.detach())
        optimizer.zero_grad()
        (point - start).square().sum().backward()
        optimizer.step()
    assert len(looked) == 13


def test_steps_are_bounded() -> None:
    """The second search, from the other side, has the double bound."""
    start = torch.zeros(1, 3, dtype=torch.float64)
    counted, seen = Counted(lambda points, rows: (points[:, 0] - 3, points.new_zeros(1, 0))), []

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(points.detach().clone())
        return counted(points, rows)

    found = solved(start, constraints, SequentialQuadratic(longest=0.25))
    assert found.feasible.all()
    lengths = torch.cat(seen[:13]).diff(dim=0).norm(dim=1)
    assert lengths.max() <= 0.25 + 1e-12
    assert lengths[:12].min() >= 0.25 - 1e-12


def test_the_second_search_finds_the_nearer_side() -> None:
    """A well that draws the first search to the far branch: h = 0 at z = 4, and at z = -1 beyond a low hill."""
    start = torch.tensor([[0.0]], dtype=torch.float64)

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        z = points[:, 0]
        return (z + 1) * (z - 4) * (1 + z.square()) / 10 * torch.where(z < -0.5, 1.0, (z + 2).exp()), points[:, :0]

    one = solved(start, constraints, SequentialQuadratic(doubt=torch.inf))
    two = solved(start, constraints, SequentialQuadratic())
    assert two.feasible.all()
    assert two.point.item() == pytest.approx(-1, abs=0.01)
    assert one.point.abs().item() >= two.point.abs().item() - 1e-9


def test_refining_never_goes_away() -> None:
    start = 2 * starts(64)
    search = Search(Problem(start, wavy, TOLERANCE))
    AugmentedLagrangian()(search, torch.ones_like(search.feasible))
    point, feasible, distance = search.point.clone(), search.feasible.clone(), search.distance.clone()
    evaluations = search.evaluations.clone()
    assert feasible.sum() > 32
    SequentialQuadratic().refine(search, feasible)
    assert torch.equal(search.feasible, feasible)
    assert (search.distance <= distance)[feasible].all()
    assert (search.distance < 0.99 * distance)[feasible].any()
    assert torch.equal(search.point[~feasible], point[~feasible])
    assert torch.equal(search.evaluations[~feasible], evaluations[~feasible])


def test_refining_finds_the_nearest_point_from_afar() -> None:
    """From a far feasible point, in one dimension more than there are constraints."""
    start = starts()
    away = RADII[:, None] * torch.nn.functional.normalize(start.roll(1, 1) + 0.1 * start)
    search = Search(Problem(start, sphere, TOLERANCE), away)
    SequentialQuadratic().refine(search, torch.ones_like(search.feasible))
    nearest = RADII[:, None] * torch.nn.functional.normalize(start)
    shortest, length = (nearest - start).norm(dim=1), (search.point - start).norm(dim=1)
    assert ((away - start).norm(dim=1) > 1.2 * shortest).all()
    assert search.feasible.all()
    assert (length / shortest - 1).abs().max() < 0.02


def test_rows_that_the_fast_solver_cannot_do_go_to_the_faithful_one() -> None:
    """H has no slope at the start of row 0, so that a linearisation says nothing; the inequality has one."""

    def constraints(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        flat = torch.where(rows == 0, points[:, 0].clamp(min=1) - 2, points[:, 0] - 2)
        return flat, (1.5 - points[:, :1])

    start = torch.zeros(2, 3, dtype=torch.float64)
    found = solved(start, constraints, SequentialQuadratic(steps=1))
    assert found.feasible.all()
    assert found.fallback.all()
    assert not solved(start, constraints, "augmented_lagrangian").fallback.any()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AugmentedLagrangian("newton"), "inner must be scaled, descent, adam, got newton"),  # type: ignore[arg-type]
        (lambda: AugmentedLagrangian(inner_steps=0), "inner_steps and outer_steps must be at least 1"),
        (lambda: AugmentedLagrangian(penalty_growth=0.5), "penalty_growth at least 1"),
        (lambda: SequentialQuadratic(steps=0), "steps and slots must be at least 1"),
        (lambda: SequentialQuadratic(longest=0), "longest > 0"),
        (lambda: SequentialQuadratic(doubt=-1), "must be at least 0"),
        (lambda: Problem(starts(), sphere, 0), "tolerance must be > 0"),
        (lambda: Problem(torch.ones(2, 3, dtype=torch.int64), sphere), "start must hold floating-point numbers"),
        (lambda: SequentialQuadratic(doubt=torch.nan), "must be at least 0"),
        (lambda: AugmentedLagrangian(step_size=torch.nan), "step_size must be > 0"),
        (lambda: AugmentedLagrangian(required_decrease=-5), "required_decrease must be > 0"),
        (
            lambda: solve(Problem(starts(), sphere), "newton"),
            "solver must be sequential_quadratic or augmented_lagrangian",
        ),  # type: ignore[arg-type]
    ],
)
def test_mistakes(make: Callable[[], object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize("solver", SOLVERS)
def test_solved_whatever_mode_the_caller_is_in(solver: SolverName) -> None:
    start = torch.tensor([[3.0, 4.0]])

    def circle(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return points.norm(dim=1) - 1, points.new_zeros(len(points), 0)

    wanted = solve(Problem(start, circle), solver).point
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert torch.equal(solve(Problem(start, circle), solver).point, wanted)
    with pytest.raises(InputError, match=r"first must have the start's shape \(1, 2\), got \(2, 2\)"):
        solve(Problem(start, circle), solver, torch.zeros(2, 2))


@pytest.mark.parametrize("solver", SOLVERS)
def test_given_tensors_are_not_written_to(solver: SolverName) -> None:
    start = starts()
    kept = start.clone()
    first = start + 1
    begun = first.clone()
    solved(start, sphere, solver, first)
    assert torch.equal(start, kept)
    assert torch.equal(first, begun)
