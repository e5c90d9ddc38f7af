"""Images that stay in their files until a batch asks for them."""

import math
import mmap
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import get_worker_info

from xaicf.core import DataError, ImageShape

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's name for so many channels."""

DEEP = 2**16
"""Values of 16 bits."""

UNREADABLE = (Image.DecompressionBombError, OSError, SyntaxError, TypeError, ValueError)
"""What Pillow raises at a file that it cannot read; a TypeError at a TIFF whose tags are damaged."""


class ImageFiles:
    """Stands in the place of images (N, C, H, W) uint8: an index decodes what it names, and nothing is kept.

    Each image is turned as its EXIF entry says, scaled so that its shorter side fits, and cut to a
    centred square; before, perhaps, to a smaller one. Of an animation it is the first picture. Where opacity is not
    asked for, what is transparent is laid on white, as most programs show it: the colours beneath are often garbage.
    Where it is, nothing is cut off: an image is made a square by transparent pixels around it.

    Args:
        paths: of the files, as strings, which take a tenth of the memory of path objects.
        shape: channels, 1 for grey, 3 for colour and 4 for colour and opacity, height, width.
        crop: side in pixels of a centred square that is cut out before scaling, or all of an image's side if that is
            smaller; nothing is cut out before if left out.
    """

    def __init__(self, paths: Sequence[str], shape: ImageShape, crop: int | None = None) -> None:
        self.paths = paths
        self.shape = shape
        self.crop = crop

    def __len__(self) -> int:
        """Give the number of images."""
        return len(self.paths)

    def __getitem__(self, index: Tensor) -> Tensor:
        """Decode some images.

        Args:
            index: (B,) int64, positions in [0, N).

        Returns:
            (B, C, H, W) uint8.

        Raises:
            DataError: a file cannot be read.
        """
        images, unread = self.read(index)
        if unread:
            raise unread[min(unread)]
        return images

    def read(self, index: Tensor) -> tuple[Tensor, dict[int, DataError]]:
        """Decode some images, as far as they can be.

        Args:
            index: (B,) int64, positions in [0, N).

        Returns:
            (B, C, H, W) uint8, and for each place in the batch that is black, because its file cannot be read, why.
        """
        paths = self.subset(index).paths
        shape = (len(paths), *self.shape)
        if paths and get_worker_info() is not None:  # one of several processes, which have enough to do
            # Memory of its own goes back to the system once it is sent; malloc would keep some hundred MB of it.
            own = mmap.mmap(-1, math.prod(shape))
            images = torch.frombuffer(own, dtype=torch.uint8).view(shape)
            return images, _put(images, map(self._attempt, paths))
        images = torch.zeros(shape, dtype=torch.uint8)
        with ThreadPoolExecutor() as pool:
            return images, _put(images, pool.map(self._attempt, paths))

    def subset(self, index: Tensor) -> "ImageFiles":
        """Choose some images without decoding them."""
        return ImageFiles([self.paths[position] for position in index.tolist()], self.shape, self.crop)

    def _attempt(self, path: str) -> np.ndarray | DataError:
        try:
            return self._decode(path)
        except DataError as error:
            return error

    def _decode(self, path: str) -> np.ndarray:
        channels, height, width = self.shape
        try:
            with Image.open(path) as file:
                upright = _eight_bits(ImageOps.exif_transpose(file))
                if channels != 4 and upright.has_transparency_data:
                    upright = _on_white(upright)
                upright = upright.convert(MODES[channels])
        except UNREADABLE as error:
            raise DataError(f"image cannot be read: {path}{_why(error, path)}") from error
        if self.crop is not None:
            upright = _centre(upright, min(self.crop, *upright.size))
        if channels == 4:
            upright = _whole(upright)
        square = ImageOps.fit(upright, (width, height), Image.Resampling.BILINEAR)
        return np.asarray(square).reshape(height, width, channels)


def is_dim(path: str) -> bool:
    """Tell whether a picture is of 16 bits and none of its values reaches an eighth of their range.

    So come the 12 bits of many instruments where they are stored as they are: nearly black.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with Image.open(path) as file:
            return _is_deep(file) and int(np.asarray(file).max()) < DEEP // 8
    except UNREADABLE as error:
        raise DataError(f"image cannot be read: {path}{_why(error, path)}") from error


def _is_deep(image: Image.Image) -> bool:
    return image.mode == "I" or image.mode.startswith("I;16")


def _put(images: Tensor, decoded: Iterable[np.ndarray | DataError]) -> dict[int, DataError]:
    """Put pixels (H, W, C) into images (B, C, H, W); give what is none."""
    unread: dict[int, DataError] = {}
    for place, (row, pixels) in enumerate(zip(images.permute(0, 2, 3, 1).numpy(), decoded, strict=True)):
        if isinstance(pixels, DataError):
            unread[place] = pixels
        else:
            row[...] = pixels
    return unread


def _centre(image: Image.Image, side: int) -> Image.Image:
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _whole(image: Image.Image) -> Image.Image:
    """Put an image in the middle of a transparent square."""
    side = max(image.size)
    if image.size == (side, side):
        return image
    square = Image.new("RGBA", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def _on_white(image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))


def _why(error: Exception, path: str) -> str:
    """Give the reason in brackets, where it says more than that the file is none that Pillow knows."""
    said = " ".join(str(error).split())
    return "" if not said or path in said else f" ({said})"


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey, which Pillow would cut off at 255, and refuse numbers of which nobody knows what is white."""
    if image.mode == "F":
        raise ValueError("grey values must be whole numbers, not floating-point ones")
    if not _is_deep(image):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() >= DEEP:
        raise ValueError("grey values must have at most 16 bits")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))
