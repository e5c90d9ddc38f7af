"""Two kinds of pictures in four folders."""

from pathlib import Path

import pytest
import torch
from official_data import write_domains

from xaicf.core import DataError, InputError
from xaicf.data import TwoDomains


def test_apples_and_oranges(tmp_path: Path) -> None:
    write_domains(tmp_path)
    data = TwoDomains(str(tmp_path), image_size=16)
    data.setup()
    assert data.class_names == ("apple", "orange")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 24, "val": 3, "test": 9}
    batch = data.samples(range(9), "test")
    assert batch["label"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert (255 * batch["image"][:, 0, 3, 3]).round().int().tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4]
    labels = torch.cat([data.split(name).labels for name in ("train", "val")])  # type: ignore[arg-type]
    assert labels.bincount().tolist() == [12, 15]


@pytest.mark.parametrize(
    ("folder", "names"), [("horse2zebra", ("horse", "zebra")), ("monet", ("A", "B")), ("a2b2c", ("A", "B"))]
)
def test_names_of_the_two(tmp_path: Path, folder: str, names: tuple[str, str]) -> None:
    write_domains(tmp_path, folder)
    assert TwoDomains(str(tmp_path), folder).class_names == names
    assert TwoDomains(str(tmp_path), folder, classes=["one", "other"]).class_names == ("one", "other")


def test_mistakes_are_told_in_one_line(tmp_path: Path) -> None:
    expected = r"^TwoDomains not found: .*trainA; unpack http\S*/datasets/apple2orange\.zip in .*; there is no download"
    with pytest.raises(DataError, match=expected):
        TwoDomains(str(tmp_path))
    with pytest.raises(InputError, match="classes must be two different names, got one, one"):
        TwoDomains(str(tmp_path), classes=["one", "one"])
    write_domains(tmp_path)
    with pytest.raises(InputError, match=r"val_fraction must be in \(0, 1\), got 1"):
        TwoDomains(str(tmp_path), val_fraction=1)
    for file in (tmp_path / "apple2orange/testB").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"apple2orange/testB holds no image"):
        TwoDomains(str(tmp_path)).setup()
