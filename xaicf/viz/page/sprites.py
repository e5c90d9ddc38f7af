"""Many small pictures in few PNG files, inside the page or beside it, from which the page cuts them out again."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from xaicf.viz.page.palette import Bytes

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
        source: where it is: a data URL, or the name of its file beside the others.
    """

    width: int
    height: int
    columns: int
    source: str


class Sprites:
    """Collects pictures; those of one size and kind share sheets in the order in which they come.

    Args:
        folder: for the sheets' files, which is made; what earlier sheets it holds are removed. Without one they are
            kept as data URLs.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob("sheet_*.png"):
                old.unlink()
        self._sheets: list[Sheet | None] = []
        self._open: dict[tuple[tuple[int, ...], bytes | None], tuple[int, list[Bytes]]] = {}

    def add(self, pixels: Bytes, palette: bytes | None = None) -> int:
        """Add a picture.

        Args:
            pixels: grey or places in the palette (H, W), or colours (H, W, 3).
            palette: red, green, blue and opacity of each colour.

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
            image.putpalette(palette, "RGBA")
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        self._sheets[number] = Sheet(width, height, across, self._keep(number, buffer.getvalue()))

    def _keep(self, number: int, png: bytes) -> str:
        if self._folder is None:
            return f"data:image/png;base64,{base64.b64encode(png).decode()}"
        name = f"sheet_{number:06d}.png"
        (self._folder / name).write_bytes(png)
        return name


def columns(shape: tuple[int, ...]) -> int:
    """Give the pictures in a row of a sheet, and its rows."""
    return int(min(TILES**0.5, max(1, SHEET // max(shape[:2]))))
