"""Many small pictures in few PNG files, from which a page cuts them out again."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from xaicf.viz.palette import Bytes

TILES = 400
"""Most pictures on a sheet, and what a picture's number is counted by."""

SHEET = 560
"""Pixels along the side of a sheet, where more than one picture fits."""


@dataclass(frozen=True)
class Sheet:
    """One PNG, its pictures in rows from the top left.

    Attributes:
        width: of each picture.
        height: of each picture.
        columns: pictures in a row.
        png: the file in base64.
    """

    width: int
    height: int
    columns: int
    png: str


class Sprites:
    """Collects pictures; those of one size and kind share sheets in the order in which they come."""

    def __init__(self) -> None:
        self._sheets: list[Sheet | None] = []
        self._open: dict[tuple[tuple[int, ...], bytes | None], tuple[int, list[Bytes]]] = {}

    def add(self, pixels: Bytes, palette: bytes | None = None) -> int:
        """Add a picture.

        Args:
            pixels: grey or places in the palette (H, W), or colours (H, W, 3).
            palette: red, green and blue of each colour.

        Returns:
            Its number: ``TILES`` times the sheet, plus the place on it.
        """
        key = pixels.shape, palette
        if key not in self._open:
            self._open[key] = len(self._sheets), []
            self._sheets.append(None)
        sheet, tiles = self._open[key]
        tiles.append(pixels)
        number = sheet * TILES + len(tiles) - 1
        if len(tiles) == columns(pixels.shape) ** 2:
            self._close(key)
        return number

    def sheets(self) -> list[Sheet]:
        """Close every sheet and give them all."""
        for key in list(self._open):
            self._close(key)
        return [sheet for sheet in self._sheets if sheet is not None]

    def _close(self, key: tuple[tuple[int, ...], bytes | None]) -> None:
        number, tiles = self._open.pop(key)
        (height, width, *rest), palette = key
        across = columns(key[0])
        canvas = np.zeros((height * -(-len(tiles) // across), width * across, *rest), np.uint8)
        for place, tile in enumerate(tiles):
            top, left = place // across * height, place % across * width
            canvas[top : top + height, left : left + width] = tile
        image = Image.fromarray(canvas)
        if palette is not None:
            image.putpalette(palette)
        buffer = io.BytesIO()
        image.save(buffer, "PNG", optimize=True)
        self._sheets[number] = Sheet(width, height, across, base64.b64encode(buffer.getvalue()).decode())


def columns(shape: tuple[int, ...]) -> int:
    """Give the pictures in a row of a sheet, and its rows."""
    return int(min(TILES**0.5, max(1, SHEET // max(shape[:2]))))
