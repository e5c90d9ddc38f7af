"""ImageNet's folders and development kit in small."""

from pathlib import Path

import pytest
from official_data import write_imagenet

from xaicf.core import DataError
from xaicf.data import ILSVRC2012

WORDNET = ("n01440764", "n01443537", "n02012849", "n03126707")
OF_KIT = (2, 0, 3, 1)
"""Class of the synsets 1 to 4."""


@pytest.mark.parametrize("flat", [True, False])
def test_classes_are_in_the_order_of_wordnet(tmp_path: Path, flat: bool) -> None:
    write_imagenet(tmp_path, flat)
    data = ILSVRC2012(str(tmp_path), image_size=16, val_fraction=0.1)
    data.setup()
    assert data.class_names == ("tench", "goldfish", "crane (n02012849)", "crane (n03126707)")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 72, "val": 8, "test": 8}
    batch = data.samples(range(8), "test")
    for grey, label in zip((255 * batch["image"][:, 0, 4, 4]).round().int().tolist(), batch["label"], strict=True):
        number = (grey - 20) % 20
        assert grey == 20 * (number % 4 + 1) + number
        assert OF_KIT[number % 4] == int(label)
    for path, label in zip(data.splits["train"].images.paths, data.splits["train"].labels.tolist(), strict=True):  # type: ignore[union-attr]
        assert Path(path).parent.name == WORDNET[label]


def test_the_test_alone(tmp_path: Path) -> None:
    write_imagenet(tmp_path, train=False)
    data = ILSVRC2012(str(tmp_path), image_size=16)
    data.setup()
    assert {name: len(split) for name, split in data.splits.items()} == {"test": 8}


def test_mistakes_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"^ILSVRC2012 not found: expected .*imagenet/val; unpack ILSVRC2012_img_val.*; there is no download",
    ):
        ILSVRC2012(str(tmp_path))
    write_imagenet(tmp_path)
    kit = tmp_path / "imagenet/ILSVRC2012_devkit_t12/data"
    truth = kit / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("\n".join(truth.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(DataError, match=r"^ILSVRC2012 is damaged: .*val has 8 images, .*ground_truth.txt has 7 rows$"):
        ILSVRC2012(str(tmp_path)).setup()
    truth.unlink()
    with pytest.raises(DataError, match=r"^ILSVRC2012 is damaged: fetch the files in .*ground_truth.txt"):
        ILSVRC2012(str(tmp_path)).setup()
    meta = kit / "meta.mat"
    meta.write_bytes(meta.read_bytes()[:300])
    with pytest.raises(DataError, match=r"^ILSVRC2012 is damaged: fetch the files in "):
        ILSVRC2012(str(tmp_path))
    meta.unlink()
    with pytest.raises(DataError, match=r"^ILSVRC2012 not found: expected .*meta.mat; "):
        ILSVRC2012(str(tmp_path))


def test_a_class_without_images(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    for file in (tmp_path / "imagenet/train/n01443537").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"class folder .*train/n01443537 holds no image"):
        ILSVRC2012(str(tmp_path)).setup()
