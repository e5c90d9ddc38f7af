"""SVHN's own file format, in small: MATLAB files whose last dimension numbers the images, and a class 10."""

from pathlib import Path

import pytest
import torch
from official_data import publish, write_svhn
from scipy.io import loadmat
from torchvision import datasets

from xaicf.core import DataError
from xaicf.data import SVHN


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write 40 training, 20 test and 30 extra images, and take their checksums for the published ones."""
    write_svhn(tmp_path, 40, 20)
    publish(monkeypatch, tmp_path)
    return tmp_path


def test_reads_the_files(root: Path) -> None:
    data = SVHN(str(root))
    data.prepare_data()
    data.setup()
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 36, "val": 4, "test": 20}
    assert data.image_shape == (3, 32, 32)
    given = loadmat(root / "SVHN/test_32x32.mat")
    batch = data.samples(range(20), "test")
    for number in range(20):
        expected = torch.from_numpy(given["X"][..., number]).permute(2, 0, 1).float() / 255
        assert torch.equal(batch["image"][number], expected)
        digit = int(given["y"][number, 0])
        assert data.class_names[int(batch["label"][number])] == ("0" if digit == 10 else str(digit))
    assert 10 in given["y"]


def test_extra_images_are_for_training(root: Path) -> None:
    data = SVHN(str(root), extra=True)
    data.setup()
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 63, "val": 7, "test": 20}
    (root / "SVHN/extra_32x32.mat").unlink()
    SVHN(str(root)).setup()
    with pytest.raises(DataError, match=r"^SVHN not found: expected .*extra_32x32\.mat; set root, or download to true"):
        SVHN(str(root), extra=True).setup()


def test_files_that_are_missing_or_damaged(root: Path) -> None:
    file = root / "SVHN/train_32x32.mat"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"^SVHN is damaged: fetch the files in .*SVHN again"):
        SVHN(str(root)).setup()
    file.unlink()
    with pytest.raises(DataError, match=r"^SVHN not found: expected .*train_32x32\.mat; set root, or download to true"):
        SVHN(str(root)).setup()


def test_a_file_with_its_checksum_that_is_no_matlab_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {name: [url, file, None] for name, (url, file, _) in datasets.SVHN.split_list.items()}
    monkeypatch.setattr(datasets.SVHN, "split_list", listed)
    (root / "SVHN/test_32x32.mat").write_bytes(b"nothing that MATLAB knows" * 20)
    with pytest.raises(DataError, match=r"^SVHN is damaged: fetch the files in .*SVHN again"):
        SVHN(str(root)).setup()


def test_failed_download_is_the_user_s_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {
        name: [(tmp_path / "nowhere").as_uri(), file, md5] for name, (_, file, md5) in datasets.SVHN.split_list.items()
    }
    monkeypatch.setattr(datasets.SVHN, "split_list", listed)
    with pytest.raises(DataError, match=r"SVHN is not in .* and could not be downloaded"):
        SVHN(str(tmp_path), download=True).prepare_data()
