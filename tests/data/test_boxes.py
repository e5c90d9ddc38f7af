"""Masks drawn at the size of the image: against the images themselves, with the box painted into the file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from xaicf.core import DataError
from xaicf.data import ImageFiles
from xaicf.data.boxes import BoxMasks, DiscMasks, upright_size

BOX = (31, 22, 70, 58)


def painted(path: Path, size: tuple[int, int], points: list[tuple[float, float]] | None = None) -> str:
    """Write a picture that is white within the box, or near points, and black around."""
    across, down = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    left, top, right, bottom = BOX
    within = (across > left) & (across < right) & (down > top) & (down < bottom)
    if points is not None:
        within = np.any([(across - x) ** 2 + (down - y) ** 2 <= 12**2 for x, y in points], 0)
    Image.fromarray((255 * within).astype(np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize("size", [(90, 90), (120, 80), (80, 110)])
@pytest.mark.parametrize("side", [24, 90, 130])
@pytest.mark.parametrize("crop", [None, 60])
def test_a_box_is_where_the_image_shows_it(tmp_path: Path, size: tuple[int, int], side: int, crop: int | None) -> None:
    files = ImageFiles([painted(tmp_path / "box.png", size)], (1, side, side), crop)
    mask = BoxMasks(files, torch.tensor([BOX], dtype=torch.float64))[torch.tensor([0])]
    grey = files[torch.tensor([0])][:, 0]
    assert mask.dtype == torch.bool
    assert 0 < int(mask.sum()) < mask.numel()
    clear = (grey < 100) | (grey > 155)  # where no edge goes through the middle of a pixel
    assert int(clear.sum()) > 0.8 * clear.numel()
    assert int(((mask != (grey > 127)) & clear).sum()) <= 4  # a corner may show a quarter of a pixel


def test_discs_are_where_the_image_shows_them(tmp_path: Path) -> None:
    points = [(40.0, 35.0), (70.0, 50.0)]
    files = ImageFiles([painted(tmp_path / "discs.png", (110, 80), points)], (1, 60, 60))
    unseen = (float("nan"), float("nan"))
    masks = DiscMasks(files, torch.tensor([[*points, unseen]], dtype=torch.float64), radius=12 / 80)
    shown = files[torch.tensor([0])][:, 0] > 127
    mask = masks[torch.tensor([0])]
    assert int((mask != shown).sum()) <= 0.03 * int(shown.sum())
    nothing = DiscMasks(files, torch.tensor([[unseen]], dtype=torch.float64), radius=1)
    assert not nothing[torch.tensor([0])].any()


def test_an_image_on_its_side_is_turned(tmp_path: Path) -> None:
    turned = Image.open(painted(tmp_path / "box.png", (120, 80))).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    turned.save(tmp_path / "turned.png", exif=exif)
    paths = [str(tmp_path / name) for name in ("box.png", "turned.png")]
    masks = BoxMasks(ImageFiles(paths, (1, 40, 40)), torch.tensor([BOX, BOX], dtype=torch.float64))
    plain, upright = masks[torch.tensor([0, 1])]
    assert torch.equal(plain, upright)


def test_chosen_masks_are_those_of_their_images(tmp_path: Path) -> None:
    paths = [painted(tmp_path / f"{number}.png", (80 + number, 80)) for number in range(3)]
    boxes = torch.tensor([[0, 0, 20 * (number + 1), 80] for number in range(3)], dtype=torch.float64)
    masks = BoxMasks(ImageFiles(paths, (1, 20, 20)), boxes)
    chosen = masks.subset(torch.tensor([2, 0]))
    assert len(chosen) == 2
    assert torch.equal(chosen[torch.tensor([1, 0])], masks[torch.tensor([0, 2])])
    Path(paths[1]).unlink()
    masks[torch.tensor([0, 2])]
    with pytest.raises(DataError, match=r"image cannot be read: .*1\.png"):
        masks[torch.tensor([1])]


def test_a_size_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a picture of more pixels than Pillow takes."""
    large = painted(tmp_path / "large.png", (90, 90))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 90 * 90 // 3)
    with pytest.raises(DataError, match=f"image cannot be read: {large}"):
        upright_size(large)
