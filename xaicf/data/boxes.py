"""Masks that are drawn when a batch asks for them: bounding boxes, and discs around points."""

from abc import ABC, abstractmethod
from typing import Self

import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from xaicf.core import DataError
from xaicf.data.files import UNREADABLE, ImageFiles

ORIENTATION = 0x0112
"""Number of the EXIF entry that says how an image lies; from 5 on, on its side."""


class DrawnMasks(ABC):
    """Stands in the place of masks (N, H, W) bool: an index draws what it names, and nothing is kept.

    What is known in pixels of a file is drawn at the size of the decoded image, through the same cut to a centred
    square. A pixel is in a mask where its middle is.

    Args:
        files: the images, of which only the sizes are read.
    """

    def __init__(self, files: ImageFiles) -> None:
        self.files = files

    def __len__(self) -> int:
        """Give the number of masks."""
        return len(self.files)

    def __getitem__(self, index: Tensor) -> Bool[Tensor, "batch height width"]:
        """Draw the masks of some images.

        Args:
            index: (B,) int64, positions in [0, N).

        Raises:
            DataError: a file cannot be read.
        """
        _, height, width = self.files.shape
        masks = torch.zeros(len(index), height, width, dtype=torch.bool)
        for mask, position in zip(masks, index.tolist(), strict=True):
            left, top, wide, high = seen(upright_size(self.files.paths[position]), self.files)
            across = left + (torch.arange(width) + 0.5) * (wide / width)
            down = top + (torch.arange(height) + 0.5) * (high / height)
            mask[:] = self.inside(position, across[None, :], down[:, None], wide)
        return masks

    @abstractmethod
    def inside(self, position: int, across: Tensor, down: Tensor, side: float) -> Bool[Tensor, "height width"]:
        """Tell which points of an image are in its mask.

        Args:
            position: of the image, in [0, N).
            across: (1, W), from the left edge, in pixels of the file.
            down: (H, 1), from the top edge, likewise.
            side: of the square that is seen, likewise.
        """

    @abstractmethod
    def subset(self, index: Tensor) -> Self:
        """Choose some masks, at positions (M,), without drawing them."""


class BoxMasks(DrawnMasks):
    """Rectangles.

    Args:
        files: the images, of which only the sizes are read.
        boxes: (N, 4), left, top, right and bottom edge in pixels of the file; a pixel's own edges are whole numbers.
    """

    def __init__(self, files: ImageFiles, boxes: Float[Tensor, "images 4"]) -> None:
        super().__init__(files)
        self.boxes = boxes

    def inside(self, position: int, across: Tensor, down: Tensor, side: float) -> Bool[Tensor, "height width"]:
        """Tell which points are between the edges."""
        left, top, right, bottom = self.boxes[position].tolist()
        within: Tensor = (across >= left) & (across < right) & (down >= top) & (down < bottom)
        return within

    def subset(self, index: Tensor) -> "BoxMasks":
        """Choose some masks, at positions (M,), without drawing them."""
        return BoxMasks(self.files.subset(index), self.boxes[index])


class DiscMasks(DrawnMasks):
    """Discs around points.

    Args:
        files: the images, of which only the sizes are read.
        points: (N, P, 2), from the left and from the top edge in pixels of the file; NaN where there is none.
        radius: as a share of the side of the square that is seen.
    """

    def __init__(self, files: ImageFiles, points: Float[Tensor, "images points 2"], radius: float) -> None:
        super().__init__(files)
        self.points = points
        self.radius = radius

    def inside(self, position: int, across: Tensor, down: Tensor, side: float) -> Bool[Tensor, "height width"]:
        """Tell which places are near a point."""
        known = self.points[position]
        known = known[~known.isnan().any(1), :, None, None]
        near: Tensor = (across - known[:, 0]) ** 2 + (down - known[:, 1]) ** 2 <= (self.radius * side) ** 2
        return near.any(0)

    def subset(self, index: Tensor) -> "DiscMasks":
        """Choose some masks, at positions (M,), without drawing them."""
        return DiscMasks(self.files.subset(index), self.points[index], self.radius)


def upright_size(path: str) -> tuple[int, int]:
    """Read the width and height of an image, turned as its EXIF entry says, without decoding it.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            on_its_side = image.getexif().get(ORIENTATION, 1) >= 5
    except UNREADABLE as error:
        raise DataError(f"image cannot be read: {path}") from error
    return (height, width) if on_its_side else (width, height)


def seen(size: tuple[int, int], files: ImageFiles) -> tuple[float, float, float, float]:
    """Give the part of an image, upright and of a width and height, that :class:`ImageFiles` keeps of it.

    Returns:
        Left and top edge, width and height, in pixels of the file.
    """
    left, top = 0, 0
    width, height = size
    if files.crop is not None:
        side = min(files.crop, width, height)
        left, top = (width - side) // 2, (height - side) // 2
        width, height = side, side
    ratio = files.shape[2] / files.shape[1]
    wide, high = min(width, height * ratio), min(height, width / ratio)
    return left + (width - wide) / 2, top + (height - high) / 2, wide, high
