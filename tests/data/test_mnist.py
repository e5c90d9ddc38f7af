"""MNIST's own file format, in small and in full."""

from pathlib import Path

import numpy as np
import pytest
import torch
from real_data import real_data

from xaicf.core import DataError
from xaicf.data import MNIST, FashionMNIST


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write the IDX format: two zeros, 8 for bytes, the number of dimensions, big-endian sizes, data."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture(params=[MNIST, FashionMNIST])
def family(request: pytest.FixtureRequest) -> type[MNIST]:
    kind: type[MNIST] = request.param
    return kind


@pytest.fixture
def raw(tmp_path: Path, family: type[MNIST]) -> Path:
    """Write 40 training and 12 test images, each with its number in one corner and 255 in another."""
    folder = tmp_path / family.__name__ / "raw"
    folder.mkdir(parents=True)
    for prefix, first, count in (("train", 0, 40), ("t10k", 100, 12)):
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 0, 27] = np.arange(first, first + count)
        images[:, 27, 0] = 255
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", images[:, 0, 27] % 10)
    return folder


def test_reads_the_files(raw: Path, family: type[MNIST], tmp_path: Path) -> None:
    data = family(str(tmp_path))
    numbers = {}
    for name, size in (("train", 36), ("val", 4), ("test", 12)):
        batch = data.samples(range(size), name)  # type: ignore[arg-type]
        assert len(data.splits[name]) == size  # type: ignore[index]
        assert batch["image"].shape[1:] == data.image_shape == (1, 28, 28)
        numbers[name] = (255 * batch["image"][:, 0, 0, 27]).round().long()
        assert torch.equal(batch["label"], numbers[name] % 10)
        assert (batch["image"][:, 0, 27, 0] == 1).all()
    assert sorted(torch.cat([numbers["train"], numbers["val"]]).tolist()) == list(range(40))
    assert numbers["test"].tolist() == list(range(100, 112))
    assert data.num_classes == 10


def test_root_comes_from_the_environment(
    raw: Path, family: type[MNIST], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XAICF_DATA", str(tmp_path))
    assert len(family().samples([0])["label"]) == 1


def test_missing_files_name_the_folder(family: type[MNIST], tmp_path: Path) -> None:
    data = family(str(tmp_path))
    data.prepare_data()
    with pytest.raises(DataError, match=f"{family.__name__} not found") as caught:
        data.setup()
    assert str(tmp_path / family.__name__ / "raw") in str(caught.value)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("kept", [0, 9, 15])
def test_truncated_file(raw: Path, family: type[MNIST], tmp_path: Path, name: str, kept: int) -> None:
    path = raw / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=family.__name__) as caught:
        family(str(tmp_path)).setup()
    assert "not found" not in str(caught.value)


def test_failed_download_is_the_user_s_mistake(
    family: type[MNIST], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family.source, "mirrors", [(tmp_path / "nowhere").as_uri() + "/"])
    with pytest.raises(DataError, match="could not be downloaded"):
        family(str(tmp_path), download=True).prepare_data()


def test_the_real_files(family: type[MNIST]) -> None:
    data = family(real_data(f"{family.__name__}/raw"))
    data.setup()
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 54000,
        "val": 6000,
        "test": 10000,
    }
    assert data.splits["test"].labels[:5].tolist() == ([7, 2, 1, 0, 4] if family is MNIST else [9, 2, 1, 1, 6])
    labels = torch.cat([data.splits[name].labels for name in ("train", "val")])
    fewest = 5421 if family is MNIST else 6000
    assert labels.bincount(minlength=10).min() == fewest
