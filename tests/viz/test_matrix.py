"""The table of what images were redrawn as."""

import numpy as np
import torch

from xaicf.viz.matrix import CELL, GAP, LEFT, TOP, matrix


def test_a_matrix_shows_each_image_in_its_place_and_frames_what_is_not_of_the_class() -> None:
    inputs = torch.tensor([0.2, 0.4]).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    made = torch.tensor([[0.5, 0.6, 0.7], [0.8, 0.9, 1.0]]).view(2, 3, 1, 1, 1).expand(2, 3, 1, 8, 8)
    valid = torch.tensor([[True, False, True], [True, True, True]])
    drawn = matrix(inputs, made, ["Trouser on coral_reef", "1"], ["a", "Ankle boot on coral_reef", "c"], valid)
    step = CELL + GAP
    red = np.argwhere(drawn[:, :, 0] > drawn[:, :, 1] + 0.3)
    left = LEFT + 2 * step + 2 * GAP  # the only one that is not of its class
    np.testing.assert_array_equal([red.min(0), red.max(0)], [(TOP - 3, left - 3), (TOP + CELL + 2, left + CELL + 2)])
    for row in range(2):
        top = TOP + step * row
        for place, value in enumerate((inputs[row, 0, 0, 0], *made[row, :, 0, 0, 0])):
            left = LEFT + step * place + (2 * GAP if place else 0)
            np.testing.assert_allclose(drawn[top : top + CELL, left : left + CELL], float(value), atol=1 / 255)
