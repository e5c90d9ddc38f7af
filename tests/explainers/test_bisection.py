"""The smallest change against closed forms in the plane, a fine grid of weights, and itself one image at a time."""

from typing import Any

import pytest
import torch
from torch import Tensor

from xaicf.core import InputError
from xaicf.explainers.bisection import Bisected, smallest_change

WEIGHT = torch.tensor([[2.0, -0.5], [-1.0, 1.0]], dtype=torch.float64)
BIAS = torch.tensor([0.3, -0.2], dtype=torch.float64)
OPTIONS: dict[str, Any] = {"low": 1e-2, "high": 1e3, "bisections": 14, "steps": 150, "step_size": 0.05}


def starts(count: int = 12) -> Tensor:
    """Points of class 0, so that the foil is class 1."""
    points = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return points[margin(points) > 0.2][:count]


def classify(points: Tensor) -> Tensor:
    return points @ WEIGHT.T + BIAS


def margin(points: Tensor) -> Tensor:
    logits = classify(points)
    return logits[:, 0] - logits[:, 1]


def search(start: Tensor, order: float = 2, **changes: Any) -> Bisected:
    return smallest_change(
        lambda points, rows: points,
        classify,
        lambda points, pictures, rows: torch.linalg.vector_norm(points - start[rows], order, dim=1),
        start,
        torch.ones(len(start), dtype=torch.int64),
        **{**OPTIONS, **changes},
    )


SLOPE = WEIGHT[0] - WEIGHT[1]


@pytest.mark.parametrize(
    ("order", "slope"), [(2, SLOPE.norm()), (1, SLOPE.abs().max())], ids=["euclidean", "manhattan"]
)
def test_distance_to_a_plane(order: float, slope: Tensor) -> None:
    start = starts()
    found = search(start, order)
    assert found.reached.all()
    assert (margin(found.point) < 0).all()
    apart = torch.linalg.vector_norm(found.point - start, order, dim=1)
    nearest = margin(start) / slope
    assert (apart >= nearest - 1e-12).all()
    assert (apart < nearest + 0.3 * OPTIONS["step_size"]).all()
    assert found.evaluations.unique().tolist() == [15 * 151]


def test_bisection_is_as_good_as_a_fine_grid_of_weights() -> None:
    start = starts(6)
    found = search(start, steps=80, bisections=12)
    ways = [
        search(start, steps=80, bisections=0, high=10**exponent)
        for exponent in torch.linspace(-1.9, 3, 60, dtype=torch.float64).tolist()
    ]
    apart = torch.stack(
        [torch.where(way.reached, (way.point - start).norm(dim=1), torch.tensor(torch.inf)) for way in ways]
    )
    assert apart.isinf().any()  # the grid begins below what reaches the foil
    ours = (found.point - start).norm(dim=1)
    assert (ours <= 1.01 * apart.amin(0)).all()


def test_what_is_held_stays_to_the_bit_and_bounds_are_kept() -> None:
    start = starts()
    ends: list[Tensor] = []

    def project(points: Tensor, rows: Tensor) -> Tensor:
        ends.append(points)
        return torch.stack([points[:, 0].clamp(0.1, 1.0), start[rows, 1]], 1)

    found = search(start, project=project)
    assert torch.equal(found.point[:, 1], start[:, 1])
    assert (found.point[:, 0] >= 0.1).all()
    reachable = start[:, 0] - margin(start) / SLOPE[0] > 0.1
    assert torch.equal(found.reached, reachable)
    assert 0 < reachable.sum() < len(start)
    apart = (found.point - start).norm(dim=1)
    assert ((apart / (margin(start) / SLOPE[0]))[reachable] < 1.02).all()
    # Where the foil cannot be reached, as near to it as the bounds allow, after one descent.
    torch.testing.assert_close(found.point[~reachable, 0], torch.full_like(found.point[~reachable, 0], 0.1))
    assert found.evaluations[~reachable].unique().tolist() == [151]
    assert found.weight[~reachable].unique().tolist() == [1000]
    assert len(ends) == 15 * 150


def test_images_do_not_depend_on_each_other() -> None:
    start = starts()
    together = search(start, project=lambda points, rows: points.clamp(0.4, 1.0))
    assert not together.reached.all()
    for row, one in enumerate(start.split(1)):
        alone = search(one, project=lambda points, rows: points.clamp(0.4, 1.0))
        for whole, single in zip(together, alone, strict=True):
            torch.testing.assert_close(whole[row : row + 1], single, rtol=1e-9, atol=1e-12)


def test_rows_say_which_images_points_belong_to() -> None:
    """Images whose points lie elsewhere, each by an offset of its own, change alike."""
    start = starts()
    offset = torch.arange(len(start), dtype=torch.float64)[:, None] * 8  # exact in binary
    found = smallest_change(
        lambda points, rows: points - offset[rows],
        classify,
        lambda points, pictures, rows: torch.linalg.vector_norm(pictures - start[rows], dim=1),
        start + offset,
        torch.ones(len(start), dtype=torch.int64),
        **OPTIONS,
        project=lambda points, rows: (points - offset[rows]).clamp(0.4, 1.0) + offset[rows],
    )
    plain = search(start, project=lambda points, rows: points.clamp(0.4, 1.0))
    assert torch.equal(found.reached, plain.reached)
    assert not found.reached.all()
    torch.testing.assert_close(found.point - offset, plain.point, rtol=1e-3, atol=1e-3)


def test_a_start_that_is_the_foil_is_the_point() -> None:
    start = torch.tensor([[-1.0, 2.0]], dtype=torch.float64)
    found = search(start)
    assert found.reached.all()
    assert torch.equal(found.point, start)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"low": 0.0}, "weights must be positive, finite and the smaller first, got 0.0 and 1000.0"),
        ({"low": 2e3}, "weights must be positive"),
        ({"high": float("nan")}, "weights must be positive"),
        ({"high": float("inf")}, "weights must be positive"),
        ({"bisections": -1}, "bisections must be >= 0"),
        ({"steps": 0}, "steps at least 1"),
        ({"step_size": 0.0}, "step_size > 0"),
    ],
)
def test_numbers_out_of_range(changes: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        search(starts(), **changes)
