"""Images left in their files: the same pixels, decoded when they are asked for and not before."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel
from PIL import Image

from xaicf.core import Batch, DataError
from xaicf.data import ImageFiles, ImageFolder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write 15 and 12 images of noise, of as many sizes, into two class folders."""
    random = np.random.default_rng(0)
    for name, count in (("cat", 15), ("dog", 12)):
        (tmp_path / name).mkdir()
        for number in range(count):
            size = (6 + number, 20 - number, 3)
            noise = Image.fromarray(random.integers(0, 256, size, np.uint8))
            noise.save(tmp_path / name / f"{number:02}.{'jpg' if number % 2 else 'png'}")
    return tmp_path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which files are opened as images."""
    names: list[str] = []
    really_open = Image.open

    def noting(path: str, *arguments: Any) -> Image.Image:
        names.append("/".join(Path(path).parts[-2:]))
        return really_open(path, *arguments)

    monkeypatch.setattr(Image, "open", noting)
    return names


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_are_those_in_memory(root: Path, channels: Any) -> None:
    held, left = (
        ImageFolder(str(root), 8, channels, val_fraction=0.3, test_fraction=0.2, storage=storage, seed=3)
        for storage in ("memory", "stream")
    )
    held.setup()
    left.setup()
    for split in ("train", "val", "test"):
        size = len(held.splits[split])
        assert size == len(left.splits[split])
        ids = torch.randperm(size, generator=torch.Generator().manual_seed(0)).tolist()
        expected, found = (data.samples([*ids, ids[0]], split) for data in (held, left))
        assert expected.keys() == found.keys()
        for name in expected:
            assert torch.equal(expected[name], found[name])  # type: ignore[literal-required]
    assert len(torch.cat([left.samples(range(5), split)["image"] for split in left.splits]).unique(dim=0)) == 15


def test_nothing_is_decoded_before_it_is_asked_for(root: Path, opened: list[str]) -> None:
    data = ImageFolder(str(root), 8, test_fraction=1, storage="stream")
    data.setup()
    assert isinstance(data.splits["test"].images, ImageFiles)
    assert opened == []
    data.samples([2, 16, 2], "test")
    assert sorted(opened) == ["cat/02.png", "cat/02.png", "dog/01.jpg"]
    opened.clear()
    data.samples([2], "test")
    assert opened == ["cat/02.png"]


def test_an_epoch_decodes_each_image_once(root: Path, opened: list[str]) -> None:
    seen: list[Batch] = []

    class Watching(BoringModel):
        def test_step(self, batch: Batch, batch_idx: int) -> None:
            seen.append(batch)

    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    data = ImageFolder(str(root), 8, test_fraction=1, storage="stream", batch_size=10)
    Trainer(accelerator="cpu", **quiet).test(Watching(), datamodule=data, verbose=False)
    assert sorted(opened) == [f"{path.parent.name}/{path.name}" for path in sorted(root.rglob("*.*"))]
    expected = ImageFolder(str(root), 8, test_fraction=1).samples(range(27), "test")["image"]
    assert torch.equal(torch.cat([batch["image"] for batch in seen]), expected)


def test_none_asked_for(root: Path) -> None:
    assert ImageFiles([str(root / "cat" / "00.png")], (3, 8, 4))[torch.tensor([], dtype=torch.int64)].shape == (
        0,
        3,
        8,
        4,
    )


@pytest.mark.parametrize(("crop", "size"), [(6, 6), (10, 10), (50, 12)])
def test_the_middle_is_cut_out_first(tmp_path: Path, crop: int, size: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 12, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    files = ImageFiles([str(tmp_path / "noise.png")] * 2, (3, size, size), crop).subset(torch.tensor([1]))
    top, left = (16 - size) // 2, (12 - size) // 2
    expected = torch.from_numpy(pixels[top : top + size, left : left + size]).permute(2, 0, 1)
    assert torch.equal(files[torch.tensor([0])][0], expected)


def test_a_file_that_has_gone_is_named(root: Path) -> None:
    data = ImageFolder(str(root), 8, test_fraction=1, storage="stream")
    data.setup()
    (root / "dog" / "04.png").unlink()
    data.samples(range(19), "test")
    with pytest.raises(DataError, match=r"image cannot be read: .*dog.04\.png"):
        data.samples(range(27), "test")
