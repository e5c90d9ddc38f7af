"""Factors do to digits what their names say."""

import pytest
import torch
from real_data import real_data

from xaicf.data import MNIST
from xaicf.data.morphing import ATTRIBUTES, STROKES, draw
from xaicf.data.morphometrics import measure_strokes


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    images = MNIST(real_data("MNIST/raw"))._read(train=False).images
    assert isinstance(images, torch.Tensor)
    return images[:200, 0].float() / 255


def neutral(count: int) -> torch.Tensor:
    """Give factors that leave strokes, in red and without a mark."""
    return torch.tensor([[0.5, 0.5, 0.5, 0.5, 1, 0, 0]]).repeat(count, 1)


def test_neutral_factors_leave_a_digit(digits: torch.Tensor) -> None:
    drawn = draw(digits, neutral(len(digits)))
    torch.testing.assert_close(drawn[:, 0], digits, atol=1e-4, rtol=0)
    assert not drawn[:, 1:].any()


def test_without_variation_strokes_stay(digits: torch.Tensor) -> None:
    factors = torch.rand(len(digits), len(ATTRIBUTES), generator=torch.Generator().manual_seed(0))
    factors[:, ATTRIBUTES.index("mark")] = 0
    torch.testing.assert_close(draw(digits, factors, variation=0).sum(1), digits, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", STROKES)
def test_a_factor_moves_its_measure_and_hardly_another(digits: torch.Tensor, name: str) -> None:
    measured = []
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        factors = neutral(len(digits))
        factors[:, STROKES.index(name)] = value
        measured.append(torch.stack(measure_strokes(draw(digits, factors)[:, 0]), 1))
    course = torch.stack(measured)
    own = course[..., STROKES.index(name)].mean(1)
    assert (own.diff() > 0).all()
    moved = (course[-1] - course[0]).mean(0).abs() / torch.tensor([1.0, 0.3, 4.0, 4.0, 0.2])  # of usual variation
    assert moved.argmax() == STROKES.index(name)
    assert moved[STROKES.index(name)] > 1


def test_slant_is_the_shear(digits: torch.Tensor) -> None:
    factors = neutral(len(digits))
    factors[:, STROKES.index("slant")] = 0.7
    before = measure_strokes(digits).slant
    after = measure_strokes(draw(digits, factors)[:, 0]).slant
    torch.testing.assert_close(after.tan() - before.tan(), torch.full_like(after, 0.2), atol=0.03, rtol=0)


def test_paint_and_mark(digits: torch.Tensor) -> None:
    factors = neutral(3)
    factors[:, 5:] = torch.tensor([[1.0, 0], [0, 1], [0.25, 0]])
    blue, marked, between = draw(digits[:3], factors)
    assert not blue[:2].any()
    torch.testing.assert_close(between[0], 3 * between[2])
    assert (marked[:, 1:4, 1:4] == 1).all()
    assert marked[:, :5, :5].sum() == 27


def test_images_are_drawn_one_by_one(digits: torch.Tensor) -> None:
    factors = torch.rand(6, len(ATTRIBUTES), generator=torch.Generator().manual_seed(1))
    one_by_one = torch.cat([draw(digits[row : row + 1], factors[row : row + 1]) for row in range(6)])
    torch.testing.assert_close(draw(digits[:6], factors), one_by_one)
