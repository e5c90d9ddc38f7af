"""Laid over a pale grey image, the colours of the palette are those of the heatmap, rounded to the nearest step."""

import numpy as np
import torch

from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR, heatmap
from xaicf.viz.page.palette import STEPS, indices, palette

COLOURS = np.frombuffer(palette(), np.uint8).reshape(-1, 4)


def test_the_palette_fits_a_byte_and_ends_in_the_two_colours() -> None:
    assert len(COLOURS) == 2 * STEPS + 1 <= 256
    for end, colour in ((0, FOIL_COLOUR), (-1, FACT_COLOUR)):
        assert np.abs(COLOURS[end] - 255 * np.array([*colour, 1])).max() <= 0.5


def test_zero_is_clear_and_the_two_sides_are_as_strong() -> None:
    found = indices(torch.tensor([[[-2.0, -1.0, 0.0, 1.0, 9.0]]]), 2.0)[0]
    assert found.tolist() == [0, STEPS // 2, STEPS, STEPS + STEPS // 2, 2 * STEPS]
    assert COLOURS[found, 3].tolist() == [255, 128, 0, 128, 255]


def test_every_colour_is_close_to_that_of_the_heatmap() -> None:
    torch.manual_seed(0)
    attribution, image = torch.randn(3, 9, 7), torch.rand(3, 9, 7)
    over = COLOURS[indices(attribution, 4.0)] / 255
    beneath = 0.72 + 0.28 * image.mean(0).numpy()[..., None]
    drawn = beneath * (1 - over[..., 3:]) + over[..., :3] * over[..., 3:]
    assert np.abs(drawn - heatmap(attribution, image, 4.0)).max() < 0.5 / STEPS + 1 / 255
