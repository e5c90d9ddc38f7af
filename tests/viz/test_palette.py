"""The colours of the palette are those of the heatmap, rounded to the nearest step."""

import numpy as np
import torch

from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR, heatmap
from xaicf.viz.palette import GREYS, STRENGTHS, indices, palette

COLOURS = np.frombuffer(palette(), np.uint8).reshape(-1, 3)


def test_the_palette_fits_a_byte_and_ends_in_the_two_colours() -> None:
    assert len(COLOURS) == STRENGTHS * GREYS <= 256
    for end, colour in ((0, FOIL_COLOUR), (-1, FACT_COLOUR)):
        assert np.abs(COLOURS[end] - 255 * np.array(colour)).max() <= 0.5


def test_zero_is_grey_and_the_two_sides_are_as_strong() -> None:
    found = indices(torch.tensor([[[-2.0, -1.0, 0.0, 1.0, 2.0]]]), torch.zeros(1, 1, 5), 2.0)[0]
    assert len(set(COLOURS[found[2]])) == 1
    middle = STRENGTHS // 2
    steps = (found // GREYS).astype(int) - middle
    assert steps.tolist() == [-middle, -8, 0, 8, middle]  # half of 15 steps is rounded to the even one


def test_every_colour_is_close_to_that_of_the_heatmap() -> None:
    torch.manual_seed(0)
    attribution, image = torch.randn(3, 9, 7), torch.rand(3, 9, 7)
    drawn = COLOURS[indices(attribution, image, 4.0)] / 255
    assert np.abs(drawn - heatmap(attribution, image, 4.0)).max() < 0.5 / 15 + 0.28 * 0.5 / 7 + 0.5 / 255
