"""Masks that stay in their files until a batch asks for them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from xaicf.core import DataError

BRIGHT = 128
"""Grey value, of 255, from which a pixel of a mask is true."""


class MaskFiles:
    """Stands in the place of masks (N, H, W) bool: an index decodes what it names, and nothing is kept.

    A mask is true where its picture is at least half as bright as white; one that knows no values but 0 and 1 where it
    is 1. It is turned upright, scaled and cut as its image is, so that it must be of the image's proportions, though
    it may be of another size.

    Args:
        paths: of the masks' files; where one is empty no pixel is true.
        images: paths of the images that they belong to.
        size: height and width.
    """

    def __init__(self, paths: Sequence[str], images: Sequence[str], size: tuple[int, int]) -> None:
        self.paths = paths
        self.images = images
        self.size = size

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
        masks = torch.zeros(len(index), *self.size, dtype=torch.bool)
        with ThreadPoolExecutor() as pool:
            for row, pixels in zip(masks.numpy(), pool.map(self._decode, index.tolist()), strict=True):
                row[...] = pixels
        return masks

    def subset(self, index: Tensor, /) -> "MaskFiles":
        """Choose some masks without decoding them."""
        places = index.tolist()
        return MaskFiles([self.paths[at] for at in places], [self.images[at] for at in places], self.size)

    def _decode(self, position: int) -> np.ndarray:
        path, image = self.paths[position], self.images[position]
        height, width = self.size
        if not path:
            return np.zeros(self.size, bool)
        try:
            with Image.open(path) as file:
                upright = ImageOps.exif_transpose(file).convert("L")
        except (Image.DecompressionBombError, OSError, SyntaxError, TypeError, ValueError) as error:
            raise DataError(f"mask cannot be read: {path}") from error
        try:
            with Image.open(image) as file:
                shape = ImageOps.exif_transpose(file).size
        except (Image.DecompressionBombError, OSError, SyntaxError, TypeError, ValueError) as error:
            raise DataError(f"image cannot be read: {image}") from error
        if abs(upright.width * shape[1] - upright.height * shape[0]) > max(*upright.size, *shape):
            raise DataError(
                f"mask must be of its image's proportions, {shape[0]} × {shape[1]}, "
                f"got {upright.width} × {upright.height}: {path}"
            )
        least = 1 if upright.getextrema()[1] == 1 else BRIGHT
        return np.asarray(ImageOps.fit(upright, (width, height), Image.Resampling.NEAREST)) >= least
