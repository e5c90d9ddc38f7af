"""CelebA in small, in torchvision's layout: what is read, how it is cut, and without its checksums."""

from pathlib import Path

import numpy as np
import pytest
import torch
from official_data import CELEBA, write_celeba, write_celeba_tables
from PIL import Image

from xaicf.core import DataError, InputError
from xaicf.data import CelebA, CelebAHair, ImageFiles
from xaicf.data.celeba import ATTGAN


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write 9 faces, white within 170 × 170 pixels and black around; of the attributes every n-th face has some."""
    pixels = np.zeros((218, 178, 3), np.uint8)
    pixels[24:194, 4:174] = 255
    (tmp_path / "celeba/img_align_celeba").mkdir(parents=True)
    for number in range(1, 10):
        Image.fromarray(pixels).save(tmp_path / f"celeba/img_align_celeba/{number:06}.jpg", quality=95)
    faces = np.arange(1, 10)[:, None]
    had = faces % (np.arange(len(CELEBA)) % 7 + 1) == 0
    had[:, CELEBA.index("Young")] = faces[:, 0] % 2 == 1
    write_celeba_tables(tmp_path, had, [0] * 5 + [1] * 2 + [2] * 2)
    return tmp_path


def test_faces_with_the_attributes_of_attgan(root: Path) -> None:
    data = CelebA(str(root), image_size=32)
    data.prepare_data()
    data.setup()
    assert data.class_names == ("not Young", "Young")
    assert data.attribute_names == ATTGAN
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 5, "val": 2, "test": 2}
    assert all(isinstance(split.images, ImageFiles) for split in data.splits.values())
    batch = data.samples(range(2), "val")  # faces 6 and 7
    assert batch["label"].tolist() == [0, 1]
    assert batch["attributes"].shape == (2, 13)
    # Of 40, Bald is the 5th, Bangs the 6th, Black_Hair the 9th and so on; the 9th is had by every second face.
    assert batch["attributes"][:, :6].tolist() == [[0, 1, 1, 1, 0, 1], [0] * 6]
    assert torch.equal(batch["attributes"][:, -1], batch["label"].float())
    assert batch["image"].shape == (2, 3, 32, 32)
    assert (batch["image"] > 0.95).all()  # the black around was cut off, but for what JPEG makes of an edge


def test_another_label(root: Path) -> None:
    data = CelebA(str(root), label="Big_Lips", attributes=["Bangs"], image_size=8)
    assert data.attribute_names == ("Bangs", "Big_Lips")
    assert data.samples([0, 1])["label"].tolist() == [0, 1]
    assert data.samples([0, 1])["attributes"].tolist() == [[1, 0], [0, 1]]


def test_files_that_are_missing_or_wrong(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"has no attribute Old, only 5_o_Clock_Shadow, .* and 32 more"):
        CelebA(str(root), label="Old").setup()
    partition = root / "celeba/list_eval_partition.txt"
    partition.write_text("000001.jpg 0\n")
    with pytest.raises(DataError, match=r"names no split for 8 images, the first 000002.jpg"):
        CelebA(str(root)).setup()
    partition.unlink()
    with pytest.raises(DataError, match=r"CelebA not found: expected .*list_eval_partition.txt; set root, or download"):
        CelebA(str(root)).setup()

    def fails(*arguments: object, **options: object) -> None:
        raise RuntimeError("no network")

    monkeypatch.setattr("torchvision.datasets.CelebA.download", fails)
    with pytest.raises(DataError, match=r"CelebA is not in .* and could not be downloaded: no network"):
        CelebA(str(root), download=True).prepare_data()


def test_a_missing_face_is_skipped(root: Path) -> None:
    (root / "celeba/img_align_celeba/000006.jpg").unlink()
    data = CelebA(str(root), image_size=8, storage="memory", on_error="skip")
    assert data.samples([0], "val")["label"].tolist() == [1]
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 5, "val": 1, "test": 2}
    with pytest.raises(DataError, match=r"names 1 images that are not in .*, the first 000006\.jpg"):
        CelebA(str(root), image_size=8).setup()


def test_wrong_options() -> None:
    with pytest.raises(InputError, match="attributes must differ, got Male, Male"):
        CelebA(attributes=["Male", "Male"])
    with pytest.raises(InputError, match="image_size must be at least 1, got 0"):
        CelebA(image_size=0)


def test_hair(tmp_path: Path) -> None:
    write_celeba(tmp_path, 120)
    data = CelebAHair(str(tmp_path), image_size=8)
    data.setup()
    assert data.class_names == ("blonde female", "dark-haired male", "dark-haired female")
    lines = (tmp_path / "celeba/list_attr_celeba.txt").read_text().splitlines()
    names = lines[1].split()
    expected: dict[str, list[tuple[int, int]]] = {"train": [], "val": [], "test": []}
    for number, line in enumerate(lines[2:]):
        has = {name: value == "1" for name, value in zip(names, line.split()[1:], strict=True)}
        dark = has["Black_Hair"] or has["Brown_Hair"]
        split = ("train", "train", "train", "train", "val", "test")[number % 6]
        if has["Blond_Hair"] and not dark and not has["Male"]:
            expected[split].append((number, 0))
        elif dark and not has["Blond_Hair"]:
            expected[split].append((number, 1 if has["Male"] else 2))
    for name, rows in expected.items():
        batch = data.samples(range(len(data.splits[name])), name)  # type: ignore[arg-type, index]
        greys = (255 * batch["image"][:, 0, 4, 4]).round().int().tolist()
        assert list(zip(greys, batch["label"].tolist(), strict=True)) == rows
        blond = batch["attributes"][:, data.attribute_names.index("Blond_Hair")]
        assert torch.equal(blond == 1, batch["label"] == 0)
    only_black = CelebAHair(str(tmp_path), dark=["Black_Hair"], image_size=8)
    only_black.setup()
    assert len(only_black.split("train")) != len(data.split("train"))
    with pytest.raises(InputError, match="dark must name an attribute or more, got none"):
        CelebAHair(dark=[])
