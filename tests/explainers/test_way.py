"""The straight way between two points, as it is drawn and classified."""

import pytest
import torch

from xaicf.core import InputError
from xaicf.explainers.way import check_frames, way


def test_frames_are_even_and_end_at_both_points() -> None:
    start, end = torch.zeros(2, 3), torch.tensor([[3.0, 6.0, -3.0], [0.0, 0.3, 9.0]])
    offset = torch.tensor([1.0, 2.0])
    found = way(start, end, 4, lambda points, rows: points + offset[rows, None], lambda pictures: pictures * 2)
    assert found is not None
    torch.testing.assert_close(found["points"][:, 1], end / 3)
    assert torch.equal(found["points"][:, -1], end)
    torch.testing.assert_close(found["images"], found["points"] + offset[:, None, None])
    torch.testing.assert_close(found["probabilities"], (found["images"] * 2).softmax(2))


def test_no_frames_are_no_way() -> None:
    assert way(torch.zeros(1, 2), torch.ones(1, 2), 0, lambda points, rows: points, lambda pictures: pictures) is None


@pytest.mark.parametrize("frames", [-1, 1])
def test_frames_out_of_range(frames: int) -> None:
    with pytest.raises(InputError, match=f"frames must be 0 or at least 2, got {frames}"):
        check_frames(frames)
