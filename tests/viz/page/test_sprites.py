"""What goes onto a sheet can be cut out of it again, byte for byte."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xaicf.viz.page.palette import Bytes
from xaicf.viz.page.sprites import SHEET, TILES, Sheet, Sprites, columns


def opened(sheet: Sheet) -> Image.Image:
    head, _, data = sheet.source.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def cut(sheets: list[Sheet], number: int) -> Bytes:
    sheet, place = sheets[number // TILES], number % TILES
    left, top = place % sheet.columns * sheet.width, place // sheet.columns * sheet.height
    return np.asarray(opened(sheet).crop((left, top, left + sheet.width, top + sheet.height)))


@pytest.mark.parametrize("shape", [(28, 28), (5, 9), (100, 60, 3), (600, 2)])
def test_pictures_come_back_in_their_kind(shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(0)
    pictures = [numbers.integers(0, 256, shape, np.uint8) for _ in range(columns(shape) ** 2 + 2)]
    sprites = Sprites()
    found = [sprites.add(picture) for picture in pictures]
    sheets = sprites.sheets()
    assert len(set(found)) == len(pictures)
    assert len(sheets) > 1
    for number, picture in zip(found, pictures, strict=True):
        assert np.array_equal(cut(sheets, number), picture)


def test_sizes_and_palettes_that_alternate_lie_on_sheets_of_their_own() -> None:
    palette = bytes(range(40))
    sprites, pictures = Sprites(), [np.full((3 + n % 2, 3), n, np.uint8) for n in range(8)]
    found = [sprites.add(picture, palette if n < 4 else None) for n, picture in enumerate(pictures)]
    sheets = sprites.sheets()
    assert len(sheets) == 4
    for number, picture in zip(found, pictures, strict=True):
        assert np.array_equal(cut(sheets, number), picture)
    first = opened(sheets[0])
    assert first.mode == "P"
    colours = np.frombuffer(palette, np.uint8).reshape(-1, 4)
    assert np.array_equal(np.asarray(first.convert("RGBA")), colours[np.asarray(first)])


def test_a_sheet_stays_small() -> None:
    for side in (1, 28, 112, 2000):
        assert columns((side, side)) ** 2 <= TILES
        assert columns((side, side)) * side <= max(SHEET, side)


def test_sheets_in_a_folder_replace_those_before(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "page_files"
    pictures = [np.full((3, 3), n % 256, np.uint8) for n in range(TILES + 1)]
    for some in (pictures, pictures[:1]):
        sprites = Sprites(folder)
        for picture in some:
            sprites.add(picture)
        sheets = sprites.sheets()
        assert sorted(file.name for file in folder.iterdir()) == [sheet.source for sheet in sheets]
        assert len(sheets) == -(-len(some) // TILES)
    assert np.array_equal(np.asarray(Image.open(folder / sheets[0].source))[:3, :3], pictures[0])
