"""CIFAR-10's own file format, in small: pickled batches, each image a row of red, green and blue."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from official_data import publish, write_cifar10
from torchvision import datasets

from xaicf.core import DataError
from xaicf.data import CIFAR10


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write five batches of ten images and one of test images, and take their checksums for the published ones."""
    write_cifar10(tmp_path, 10)
    publish(monkeypatch, tmp_path)
    return tmp_path


def read(root: Path, *names: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Read batches by hand."""
    found = [pickle.loads((root / "cifar-10-batches-py" / name).read_bytes()) for name in names]
    images = np.concatenate([one["data"] for one in found]).reshape(-1, 3, 32, 32)
    return torch.from_numpy(images).float() / 255, torch.tensor([label for one in found for label in one["labels"]])


def test_reads_the_batches(root: Path) -> None:
    data = CIFAR10(str(root))
    data.prepare_data()
    data.setup()
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 45, "val": 5, "test": 10}
    assert data.image_shape == (3, 32, 32)
    assert list(data.class_names) == datasets.CIFAR10(str(root)).classes
    images, labels = read(root, "test_batch")
    batch = data.samples(range(10), "test")
    assert torch.equal(batch["image"], images)
    assert torch.equal(batch["label"], labels)
    images, labels = read(root, *(f"data_batch_{number}" for number in range(1, 6)))
    both = [data.samples(range(size), name) for name, size in (("train", 45), ("val", 5))]  # type: ignore[arg-type]
    found, of_class = (torch.cat([batch[key] for batch in both]) for key in ("image", "label"))  # type: ignore[literal-required]
    order = [int((images == image).flatten(1).all(1).nonzero()) for image in found]
    assert sorted(order) == list(range(50))
    assert torch.equal(labels[order], of_class)


def test_files_that_are_missing_or_damaged(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(DataError, match=r"^CIFAR10 not found: expected .*data_batch_1; set root, or download to true$"):
        CIFAR10(str(tmp_path_factory.mktemp("empty"))).setup()
    batch = root / "cifar-10-batches-py/data_batch_3"
    batch.write_bytes(batch.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"^CIFAR10 is damaged: fetch the files in .*cifar-10-batches-py again"):
        CIFAR10(str(root)).setup()
    batch.unlink()
    with pytest.raises(DataError, match=r"^CIFAR10 not found: expected .*data_batch_3; "):
        CIFAR10(str(root)).setup()


def test_failed_download_is_the_user_s_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.CIFAR10, "url", (tmp_path / "nowhere").as_uri() + "/a.tar.gz")
    with pytest.raises(DataError, match=r"CIFAR10 is not in .* and could not be downloaded"):
        CIFAR10(str(tmp_path), download=True).prepare_data()
