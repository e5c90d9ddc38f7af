"""Signed maps are centred on zero: equal strength for both signs, and zero shows the image."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from xaicf.viz import grid, heatmap, picture
from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR, scale_of


def strength(pixels: npt.NDArray[np.float32], beneath: npt.NDArray[np.float32], colour: Tensor) -> Tensor:
    """How much of a colour lies over the image: w in beneath · (1 - w) + colour · w, by least squares."""
    over, under = torch.from_numpy(pixels).double(), torch.from_numpy(beneath).double()
    way = colour - under
    return ((over - under) * way).sum(-1) / way.square().sum(-1)


@pytest.mark.parametrize("channels", [1, 3])
def test_both_signs_have_equal_strength(channels: int) -> None:
    image = torch.rand(channels, 5, 6)
    values = torch.linspace(-1, 1, 30).view(1, 5, 6)
    beneath = heatmap(torch.zeros(1, 5, 6), image)
    fact = torch.tensor(FACT_COLOUR, dtype=torch.float64)
    foil = torch.tensor(FOIL_COLOUR, dtype=torch.float64)
    for sign in (1, -1):
        pixels = heatmap(sign * values, image)
        positive = (sign * values[0]) > 0
        red, blue = strength(pixels, beneath, fact), strength(pixels, beneath, foil)
        torch.testing.assert_close(red[positive], values[0].abs()[positive].double(), rtol=0, atol=1e-5)
        torch.testing.assert_close(blue[~positive], values[0].abs()[~positive].double(), rtol=0, atol=1e-5)


def test_the_scale_is_common_to_both_signs() -> None:
    # The largest value is 4 on the negative side; +1 is a quarter of full red, not full red.
    pixels = heatmap(torch.tensor([[[1.0, -4.0]]]), torch.ones(1, 1, 2))
    np.testing.assert_allclose(pixels[0, 1], FOIL_COLOUR, atol=1e-6)
    np.testing.assert_allclose(pixels[0, 0], 0.75 + 0.25 * np.array(FACT_COLOUR), atol=1e-6)


def test_zero_shows_the_image_in_pale_grey() -> None:
    image = torch.rand(3, 4, 4)
    pixels = heatmap(torch.zeros(3, 4, 4), image)
    assert np.ptp(pixels, axis=2).max() == 0
    grey = image.mean(0).numpy()
    np.testing.assert_allclose(np.corrcoef(pixels[..., 0].ravel(), grey.ravel())[0, 1], 1, atol=1e-6)


def test_channels_are_summed_before_colouring() -> None:
    attribution = torch.tensor([2.0, -1.0, -1.0]).view(3, 1, 1).expand(3, 2, 2)
    image = torch.full((3, 2, 2), 0.5)
    np.testing.assert_array_equal(heatmap(attribution, image, 1.0), heatmap(torch.zeros(1, 2, 2), image, 1.0))
    assert scale_of(torch.tensor([[[1.0]], [[-4.0]]])) == 3


def test_a_given_scale_cuts() -> None:
    pixels = heatmap(torch.tensor([[[5.0, 1.0, -5.0]]]), torch.ones(1, 1, 3), scale=1.0)
    np.testing.assert_allclose(pixels[0], [FACT_COLOUR, FACT_COLOUR, FOIL_COLOUR], atol=1e-6)


def test_picture_cuts_to_the_visible_range_and_repeats_grey() -> None:
    pixels = picture(torch.tensor([[[-1.0, 0.25, 2.0]]]))
    np.testing.assert_array_equal(pixels, np.repeat([[[0], [0.25], [1]]], 3, axis=2))


def test_grid_lays_images_out_in_rows() -> None:
    images = torch.stack([torch.full((1, 4, 4), value) for value in (0.0, 0.25, 0.5)])
    pixels = grid(images, columns=2)
    assert pixels.shape == (2 * 4 + 3 * 2, 2 * 4 + 3 * 2, 3)  # two pixels between images and around them
    assert [float(pixels[y, x, 0]) for y, x in ((3, 3), (3, 9), (9, 3))] == [0.0, 0.25, 0.5]
