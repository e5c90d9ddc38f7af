"""Aircraft, food, flowers and cars in small, in their own formats, against a reading by torchvision."""

from pathlib import Path
from typing import Any

import pytest
import torch
from official_data import write_aircraft, write_cars, write_flowers, write_food
from PIL import Image
from torchvision import datasets

from xaicf.core import DataError, SplitName
from xaicf.data import FGVCAircraft, Flowers102, Food101, StanfordCars
from xaicf.data.fine_grained import FineGrained

SETS = {
    FGVCAircraft: (write_aircraft, {"train": 6, "val": 6, "test": 6}),
    Food101: (write_food, {"train": 22, "val": 2, "test": 12}),
    Flowers102: (write_flowers, {"train": 102, "val": 102, "test": 102}),
    StanfordCars: (write_cars, {"train": 22, "val": 2, "test": 12}),
}


@pytest.fixture(params=SETS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[FineGrained]:
    """Write a set; torchvision looks for the published checksums of Flowers102's files alone."""
    found: type[FineGrained] = request.param
    SETS[found][0](tmp_path)
    monkeypatch.setattr(datasets.Flowers102, "_check_integrity", lambda self: True)
    return found


def read(kind: type[FineGrained], root: Path, split: str) -> Any:
    """Read a split by torchvision."""
    return getattr(datasets, kind.__name__)(str(root), split)


def test_splits_images_and_labels(kind: type[FineGrained], tmp_path: Path) -> None:
    data = kind(str(tmp_path), image_size=16)
    data.setup()
    sizes = SETS[kind][1]
    assert {name: len(data.splits[name]) for name in sizes} == sizes  # type: ignore[index]
    given: dict[str, list[tuple[int, int]]] = {}
    for name in sizes:
        batch = data.samples(range(sizes[name]), name)  # type: ignore[arg-type]
        assert batch["index"].tolist() == list(range(sizes[name]))
        greys = (255 * batch["image"][:, 0, 8, 8]).round().int().tolist()
        given[name] = list(zip(greys, batch["label"].tolist(), strict=True))
    official = ("train", "val", "test") if kind in {FGVCAircraft, Flowers102} else ("train", "test")
    for name in official:
        theirs = read(kind, tmp_path, name)
        expected = [(image.getpixel((8, 8))[0], label) for image, label in theirs]
        ours = given[name] + (given["val"] if name == "train" and "val" not in official else [])
        assert sorted(ours) == sorted(expected)
        if hasattr(theirs, "classes"):
            assert [name.replace("_", " ") for name in theirs.classes] == list(data.class_names)


@pytest.mark.parametrize(("kind", "file"), [(FGVCAircraft, "1000000"), (StanfordCars, "00001")], indirect=["kind"])
def test_boxes_count_pixels_from_one(kind: type[FineGrained], file: str, tmp_path: Path) -> None:
    data = kind(str(tmp_path), image_size=30, val_fraction=0.01 if kind is FGVCAircraft else 0.04)
    data.setup()
    split: SplitName = "train"
    rows = [row for row, path in enumerate(data.splits[split].images.paths) if file in path]  # type: ignore[union-attr]
    (row,) = rows
    with Image.open(data.splits[split].images.paths[row]) as image:  # type: ignore[union-attr]
        assert image.size == (40, 30)  # of which columns 5 to 35 are seen, as they are
    left, top, right, bottom = (1, 3, 20, 25) if kind is FGVCAircraft else (2, 4, 25, 28)
    expected = torch.zeros(30, 30, dtype=torch.bool)
    expected[top - 1 : bottom, max(left - 1 - 5, 0) : right - 5] = True
    assert torch.equal(data.samples([row], split)["mask"][0], expected)


def test_files_that_are_missing_or_damaged(kind: type[FineGrained], tmp_path: Path) -> None:
    listing = tmp_path / kind.within / kind.needs[-2 if kind is not Flowers102 else 0]
    if kind is StanfordCars:
        listing = tmp_path / kind.within / "devkit/cars_train_annos.mat"
    content = listing.read_bytes()
    listing.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=rf"^{kind.title} is damaged: fetch the files in .* again \([^\n]*\)$"):
        kind(str(tmp_path)).setup()
    listing.unlink()
    how = "nothing can download it" if kind is StanfordCars else "set root, or download to true"
    with pytest.raises(DataError, match=rf"^{kind.title} not found: expected .*{listing.name}; [^\n]*{how}"):
        kind(str(tmp_path))


def test_cars_cannot_be_downloaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Stanford Cars is not in .* and could not be downloaded: its site is gone"):
        StanfordCars(str(tmp_path), download=True)


@pytest.mark.parametrize("kind", [FGVCAircraft, Food101, Flowers102])
def test_failed_download(kind: type[FineGrained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", fails)
    with pytest.raises(DataError, match=rf"^{kind.title} is not in .* and could not be downloaded: [^\n]*no network"):
        kind(str(tmp_path), download=True)
