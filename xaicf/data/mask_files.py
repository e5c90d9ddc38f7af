"""Masks that stay in their files until a batch asks for them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from xaicf.core import DataError
from xaicf.data.boxes import seen, upright_size
from xaicf.data.files import UNREADABLE, ImageFiles

BRIGHT = 128
"""Grey value, of 255, from which a pixel of a mask is true."""


class MaskFiles:
    """Stands in the place of masks (N, H, W) bool: an index decodes what it names, and nothing is kept.

    A mask is true where its picture is at least half as bright as white; one that knows no values but 0 and 1 where it
    is 1. It is turned upright, scaled and cut as its image is, so that it must be of the image's proportions, though
    it may be of another size. One that cannot be read is an error when it is asked for, whatever ``on_error`` says of
    images.

    Args:
        paths: of the masks' files; where one is empty no pixel is true.
        files: the images that they belong to, of which only the sizes are read.
    """

    def __init__(self, paths: Sequence[str], files: ImageFiles) -> None:
        self.paths = paths
        self.files = files

    def __len__(self) -> int:
        """Give the number of masks."""
        return len(self.paths)

    def __getitem__(self, index: Tensor, /) -> Tensor:
        """Decode some masks.

        Args:
            index: (B,) int64, positions in [0, N).

        Returns:
            (B, H, W) bool.

        Raises:
            DataError: a file cannot be read, or is of other proportions than its image.
        """
        masks = torch.zeros(len(index), *self.files.shape[1:], dtype=torch.bool)
        with ThreadPoolExecutor() as pool:
            for row, pixels in zip(masks.numpy(), pool.map(self._decode, index.tolist()), strict=True):
                row[...] = pixels
        return masks

    def subset(self, index: Tensor, /) -> "MaskFiles":
        """Choose some masks without decoding them."""
        return MaskFiles([self.paths[position] for position in index.tolist()], self.files.subset(index))

    def _decode(self, position: int) -> np.ndarray:
        path = self.paths[position]
        _, height, width = self.files.shape
        if not path:
            return np.zeros((height, width), bool)
        try:
            with Image.open(path) as file:
                upright = ImageOps.exif_transpose(file).convert("L")
        except UNREADABLE as error:
            raise DataError(f"mask cannot be read: {path}; mend it or empty its cell, on_error skips none") from error
        wide, high = upright_size(self.files.paths[position])
        if abs(upright.width * high - upright.height * wide) > max(*upright.size, wide, high):
            raise DataError(
                f"mask must be of its image's proportions, {wide} × {high}, "
                f"got {upright.width} × {upright.height}: {path}"
            )
        across, down = upright.width / wide, upright.height / high
        left, top, seen_wide, seen_high = seen((wide, high), self.files)
        part = (left * across, top * down, (left + seen_wide) * across, (top + seen_high) * down)
        least = 1 if upright.getextrema()[1] == 1 else BRIGHT
        return np.asarray(upright.resize((width, height), Image.Resampling.NEAREST, part)) >= least
