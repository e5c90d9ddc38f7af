"""CUB-200-2011 in small: which birds are in which split, where they are, and a user's mistakes."""

from pathlib import Path

import pytest
import torch
from official_data import write_cub
from PIL import Image

from xaicf.core import DataError, InputError
from xaicf.data import CUB200


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write 24 images of 3 species; every other is to train."""
    write_cub(tmp_path)
    return tmp_path


def test_birds_and_their_boxes(root: Path) -> None:
    data = CUB200(str(root), image_size=32, val_fraction=0.25)
    data.setup()
    assert data.class_names == ("Bird number 0", "Bird number 1", "Bird number 2")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 9, "val": 3, "test": 12}
    batch = data.samples(range(12), "test")
    numbers = [2 * number for number in range(12)]  # those whose row says 0
    assert batch["label"].tolist() == [number // 8 for number in numbers]
    assert (255 * batch["image"][:, :, 9, 9]).round().int().tolist() == [[number] * 3 for number in numbers]
    for mask, number in zip(batch["mask"], numbers, strict=True):
        with Image.open(
            root / f"CUB_200_2011/images/{number // 8 + 1:03}.Bird_number_{number // 8}" / f"Bird_{number % 8:04}.jpg"
        ) as image:
            width, height = image.size
        side = min(width, height)
        by_hand = torch.zeros(32, 32, dtype=torch.bool)
        for row in range(32):
            for column in range(32):
                x = (width - side) / 2 + (column + 0.5) * side / 32
                y = (height - side) / 2 + (row + 0.5) * side / 32
                by_hand[row, column] = 0 <= x - (5 + number % 8) < 20 and 0 <= y - (4 + number // 8) < 16
        assert torch.equal(mask, by_hand)
    both = [data.samples(range(size), name) for name, size in (("train", 9), ("val", 3))]  # type: ignore[arg-type]
    greys = (255 * torch.cat([one["image"][:, 0, 9, 9] for one in both])).round().int().tolist()
    assert sorted(greys) == [2 * number + 1 for number in range(12)]


def test_parts_that_are_seen(root: Path) -> None:
    data = CUB200(str(root), masks="parts", radius=0.025, image_size=36, storage="memory")
    mask = data.samples([0], "test")["mask"][0]  # of an image of 40 × 30, scaled by 1.2
    for part in range(15):
        x, y = (6 + part - 5) * 1.2, (5 + part) * 1.2
        assert bool(mask[int(y), int(x)]) == bool(part % 2)


def test_mistakes_are_told_in_one_line(root: Path) -> None:
    with pytest.raises(InputError, match="masks must be one of box, parts, got head"):
        CUB200(str(root), masks="head")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="radius must be above 0, got 0"):
        CUB200(str(root), radius=0)
    folder = root / "CUB_200_2011"
    boxes = folder / "bounding_boxes.txt"
    text = boxes.read_text()
    boxes.write_text(text[: len(text) // 2])
    with pytest.raises(DataError, match=r"^CUB-200-2011 is damaged: fetch the files in .*2011 again \([^\n]*\)$"):
        CUB200(str(root)).setup()
    boxes.write_text(text)
    (folder / "images/001.Bird_number_0/Bird_0000.jpg").unlink()
    with pytest.raises(DataError, match=r"^CUB-200-2011 lacks 1 of its images, the first .*Bird_0000\.jpg; unpack"):
        CUB200(str(root)).setup()
    boxes.unlink()
    with pytest.raises(DataError, match=r"^CUB-200-2011 not found: expected .*bounding_boxes\.txt; set root, or downl"):
        CUB200(str(root))


def test_failed_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xaicf.data.cub.ARCHIVE", (tmp_path / "nowhere.tgz").as_uri())
    with pytest.raises(DataError, match=r"^CUB-200-2011 is not in .* and could not be downloaded: [^\n]*$"):
        CUB200(str(tmp_path), download=True)
