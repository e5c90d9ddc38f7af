"""Measures of strokes against closed forms and scikit-image."""

import math

import numpy as np
import pytest
import torch
from real_data import real_data
from scipy.ndimage import distance_transform_edt
from scipy.stats import spearmanr
from skimage.morphology import skeletonize
from skimage.transform import AffineTransform, warp

from xaicf.data import MNIST
from xaicf.data.morphometrics import intensity, measure_strokes, moments, thickness


def bar(width: int, height: int, grey: float = 1.0) -> torch.Tensor:
    """Draw an upright bar (1, 60, 50), off the centre."""
    image = torch.zeros(1, 60, 50, dtype=torch.float64)
    image[:, 7 : 7 + height, 11 : 11 + width] = grey
    return image


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    images = MNIST(real_data("MNIST/raw"))._read(train=False).images
    assert isinstance(images, torch.Tensor)
    return images[:500, 0].double() / 255


@pytest.mark.parametrize("grey", [1.0, 0.3])
@pytest.mark.parametrize(("width", "height"), [(1, 40), (3, 40), (6, 50), (30, 4)])
def test_a_bar_has_its_sizes(width: int, height: int, grey: float) -> None:
    found = measure_strokes(bar(width, height, grey))
    corners = 4 - 2 * math.sqrt(2)  # by so much a rounded perimeter is shorter than that of the bar
    assert found.thickness.item() == pytest.approx(2 * width * height / (2 * (width + height) - corners), rel=1e-5)
    assert found.slant.item() == pytest.approx(0, abs=1e-9)
    assert found.width.item() == pytest.approx(width)
    assert found.height.item() == pytest.approx(height)
    assert found.intensity.item() == pytest.approx(grey)


@pytest.mark.parametrize("degrees", [0, 10, 22.5, 45, 70])
def test_a_long_stroke_is_as_thick_in_every_direction(degrees: float) -> None:
    """Drawn with soft edges, as strokes of pens are."""
    down, right = torch.meshgrid(torch.arange(201.0) - 100, torch.arange(201.0) - 100, indexing="ij")
    angle = math.radians(degrees)
    across, along = (
        right * math.cos(angle) + down * math.sin(angle),
        down * math.cos(angle) - right * math.sin(angle),
    )
    stroke = (2.5 - across.abs()).clamp(0, 1) * (80.5 - along.abs()).clamp(0, 1)
    assert thickness(stroke[None]).item() == pytest.approx(4 * 160 / (4 + 160), rel=0.03)


def test_a_disc_is_half_as_thick_as_its_diameter() -> None:
    down, right = torch.meshgrid(torch.arange(101.0) - 50, torch.arange(101.0) - 50, indexing="ij")
    disc = (40.5 - torch.hypot(down, right)).clamp(0, 1)
    assert thickness(disc[None]).item() == pytest.approx(40, rel=0.02)


@pytest.mark.parametrize("degrees", [-35, -10, 0, 20, 40])
def test_a_shear_is_recovered(digits: torch.Tensor, degrees: float) -> None:
    """By scikit-image's warp; the tangents of slants add, and width and height stay, but for the warp's blur."""
    lean = math.tan(math.radians(degrees))
    roomy = torch.nn.functional.pad(digits[:40], (20, 20, 20, 20))
    middle = (roomy.shape[1] - 1) / 2
    back = AffineTransform(matrix=np.array([[1, lean, -lean * middle], [0, 1, 0], [0, 0, 1]]))
    sheared = torch.from_numpy(np.stack([warp(image, back) for image in roomy.numpy()]))
    slant, width, height = moments(roomy)
    found, found_width, found_height = moments(sheared)
    torch.testing.assert_close(found.tan(), slant.tan() + lean, atol=0.01, rtol=0)
    blur = (found_width.square() - width.square()) / 12  # between two pixels, a variance of 1 / 4 at most
    assert (blur > -0.02).all()
    assert (blur < 0.27).all()
    torch.testing.assert_close(found_height, height, atol=0.01, rtol=0)


def test_thickness_follows_the_distance_to_the_edge(digits: torch.Tensor) -> None:
    expected = []
    for image in digits.numpy():
        ink = image > 0.5
        expected.append(2 * distance_transform_edt(ink)[skeletonize(ink)].mean())
    assert spearmanr(expected, thickness(digits)).statistic > 0.93


def test_a_dimmer_image_has_the_same_shape(digits: torch.Tensor) -> None:
    bright, dim = measure_strokes(digits), measure_strokes(0.4 * digits)
    for name in ("thickness", "slant", "width", "height"):
        torch.testing.assert_close(getattr(dim, name), getattr(bright, name), atol=0, rtol=1e-6)
    torch.testing.assert_close(dim.intensity, 0.4 * bright.intensity)


def test_a_blank_image_has_numbers() -> None:
    blank = torch.zeros(2, 9, 8, requires_grad=True)
    found = torch.stack(measure_strokes(blank), 1)
    assert found.tolist() == [[0, 0, 1, 1, 0]] * 2
    found.sum().backward()
    assert blank.grad is not None
    assert blank.grad.isfinite().all()


@pytest.mark.parametrize("measure", [thickness, intensity, lambda images: torch.stack(moments(images))])
def test_gradients(measure: object) -> None:
    images = torch.rand(2, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(measure, images.requires_grad_())  # type: ignore[arg-type]  # one of three
