"""The same samples whichever the storage, with workers and without, and what is done about broken images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.demos.boring_classes import BoringModel
from PIL import Image
from torch import Tensor

from xaicf.core import Batch, DataError, InputError
from xaicf.data import AttributeFolder, ImageFolder
from xaicf.data.base import LabelledImages, Split, choose

STORAGES: Any = ("memory", "cache", "stream")
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write 24 and 16 images of noise into two class folders."""
    random = np.random.default_rng(0)
    for name, count in (("cat", 24), ("dog", 16)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(count):
            noise = Image.fromarray(random.integers(0, 256, (9, 8, 3), np.uint8))
            noise.save(tmp_path / "images" / name / f"{number:02}.png")
    return tmp_path / "images"


def break_some(root: Path) -> set[str]:
    """Make three images unreadable."""
    broken = {str(root / name) for name in ("cat/03.png", "dog/00.png", "dog/15.png")}
    for path in broken:
        Path(path).write_bytes(b"no image")
    return broken


class Watching(BoringModel):
    """Trains on nothing, draws as a model with noise does, and keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Batch] = []

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self.seen.append(batch)
        torch.rand(1)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.seen.append(batch)

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.seen.append(batch)
        return batch["index"]

    def on_train_epoch_start(self) -> None:
        torch.rand(1)


def trained(root: Path, **options: Any) -> list[Batch]:
    data = ImageFolder(str(root), 8, val_fraction=0.25, test_fraction=0.25, batch_size=6, **options)
    model = Watching()
    seed_everything(3, verbose=False)
    Trainer(max_epochs=3, num_sanity_val_steps=1, **QUIET).fit(model, datamodule=data)
    Trainer(**QUIET).predict(model, datamodule=data)
    return model.seen


def assert_same(expected: list[Batch], found: list[Batch]) -> None:
    assert len(expected) == len(found)
    for one, other in zip(expected, found, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert torch.equal(one[name], other[name])  # type: ignore[literal-required]


def test_batches_and_their_order_are_the_same(root: Path) -> None:
    expected = trained(root)
    orders = [torch.cat([batch["index"] for batch in expected[start : start + 4]]) for start in (1, 7)]
    assert not torch.equal(*orders)  # it is shuffled, each epoch in its own way
    for options in ({"storage": "stream"}, {"storage": "cache"}, {"storage": "stream", "workers": 2}):
        assert_same(expected, trained(root, **options))  # type: ignore[arg-type]


def test_workers_hand_over_a_batch_at_a_time(root: Path) -> None:
    data = ImageFolder(str(root), 8, test_fraction=1, storage="cache", workers=1, batch_size=7)
    data.setup()
    loader = data.predict_dataloader()
    assert (loader.num_workers, loader.persistent_workers) == (1, True)
    for _ in range(2):
        batches = list(loader)
        assert [len(batch["label"]) for batch in batches] == [7, 7, 7, 7, 7, 5]
        assert torch.equal(torch.cat([batch["index"] for batch in batches]), torch.arange(40))
    held = ImageFolder(str(root), 8, test_fraction=1, workers=1)
    held.setup()
    assert held.predict_dataloader().num_workers == 0  # what is in memory needs none


class Noting(Watching):
    """Writes down which samples its process is given."""

    def __init__(self, notes: Path) -> None:
        super().__init__()
        self.notes = notes

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        with (self.notes / str(self.global_rank)).open("a") as file:
            file.writelines(f"{index}\n" for index in batch["index"].tolist())
        return batch["index"]


@pytest.mark.parametrize("storage", ["cache", "stream"])
def test_two_processes_share_the_images_out(
    root: Path, tmp_path: Path, storage: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = break_some(root)
    data = ImageFolder(str(root), 8, test_fraction=1, storage=storage, on_error="skip", workers=1, batch_size=7)
    trainer = Trainer(strategy="ddp_fork", devices=2, **QUIET)
    trainer.predict(Noting(tmp_path), datamodule=data, return_predictions=False)
    shards = [set(map(int, (tmp_path / str(rank)).read_text().split())) for rank in (0, 1)]
    assert not shards[0] & shards[1]
    assert shards[0] | shards[1] == set(range(40 - len(broken)))
    said = capfd.readouterr().out
    assert said.count("images are decoded, once") == 1
    assert said.count("test: 3 of 40 images cannot be read and are left out") == 1


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_named_in_one_line(root: Path, storage: Any, workers: int) -> None:
    (root / "dog/04.png").write_bytes(b"")
    data = ImageFolder(str(root), 8, test_fraction=1, storage=storage, workers=workers)

    def read_all() -> None:
        data.setup()
        list(data.test_dataloader())

    with pytest.raises(DataError) as caught:
        read_all()
    assert str(caught.value).startswith(f"image cannot be read: {root / 'dog/04.png'}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("storage", STORAGES)
def test_broken_images_are_left_out_counted_and_listed(
    root: Path, storage: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options: Any = {"image_size": 8, "val_fraction": 0.25, "test_fraction": 0.25}
    whole = ImageFolder(str(root), storage="stream", **options)
    whole.setup()
    broken = break_some(root)
    data = ImageFolder(str(root), storage=storage, on_error="skip", **options)
    data.prepare_data()
    data.setup()
    (listed,) = (root / ".xaicf").rglob("broken.txt")
    assert set(listed.read_text().splitlines()) == broken
    said = capsys.readouterr().out.splitlines()
    for name in ("train", "val", "test"):
        files = whole.splits[name].images.paths  # type: ignore[index]
        good = [path for path in files if path not in broken]
        lines = [line for line in said if line.startswith(f"{name}: ")]
        assert len(lines) == (len(good) < len(files))
        assert all(f"{len(files) - len(good)} of {len(files)} images cannot be read" in line for line in lines)
        assert all(path in lines[0] for path in set(files) - set(good))
        batch = data.samples(range(len(data.splits[name])), name)  # type: ignore[index, arg-type]
        pixels = np.stack([np.asarray(Image.open(path).convert("RGB"))[:8] for path in good])
        assert len(batch["label"]) == len(good) == len(pixels)
        assert batch["label"].tolist() == [int("dog" in path) for path in good]
        assert batch["index"].tolist() == list(range(len(good)))
    if storage != "memory":  # a second start decodes nothing
        monkeypatch.setattr(Image, "open", None)
        ImageFolder(str(root), storage=storage, on_error="skip", **options).setup()


def test_a_split_of_broken_images_only_is_refused(root: Path) -> None:
    for path in root.rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"none of the 40 images of the test split can be read, see .*broken.txt"):
        ImageFolder(str(root), 8, test_fraction=1, on_error="skip").setup()


def test_all_broken_images_of_a_cache_are_counted(root: Path) -> None:
    first = min(break_some(root))
    with pytest.raises(DataError, match=rf"cannot be read: {first}, nor can 2 others; mend it, or set on_error"):
        ImageFolder(str(root), 8, storage="cache").setup()


def test_attributes_go_with_images_that_are_left(root: Path) -> None:
    break_some(root)
    rows = [f"{path.relative_to(root)},{int(path.stem) % 2},{int(path.stem) / 40}" for path in root.rglob("*.png")]
    (root / "attributes.csv").write_text("\n".join(["image,Odd,Number", *rows]) + "\n")
    data = AttributeFolder("Odd", str(root), image_size=8, test_fraction=1, storage="cache", on_error="skip")
    batch = data.samples(range(37), "test")
    numbers = (40 * batch["attributes"][:, 1]).round().long()
    assert torch.equal(batch["label"], numbers % 2)
    for image, path in zip(batch["image"], data.split("test").images.paths, strict=True):  # type: ignore[union-attr]
        assert torch.equal(
            image,
            ImageFolder(str(root), 8, test_fraction=1, storage="stream")
            .load()["test"]
            .images[torch.tensor([sorted(map(str, root.rglob("*.png"))).index(path)])][0]
            / 255,
        )


def test_masks_that_are_made_when_asked_for() -> None:
    class Diagonal:
        def __init__(self, rows: Tensor) -> None:
            self.rows = rows

        def __getitem__(self, index: Tensor) -> Tensor:
            return torch.eye(4, dtype=torch.bool)[self.rows[index]][:, None].expand(-1, 4, -1)

        def subset(self, index: Tensor) -> "Diagonal":
            return Diagonal(self.rows[index])

    data = LabelledImages(torch.zeros(4, 1, 4, 4, dtype=torch.uint8), torch.arange(4), Diagonal(torch.arange(4)))
    some = Split(choose(data, torch.tensor([3, 1])))
    assert some[1]["mask"].shape == (1, 4, 4)
    assert some.__getitems__([1, 0])["mask"].float().argmax(2)[:, 0].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"storage": "disk"}, "storage must be one of memory, cache, stream, got disk"),
        ({"on_error": "ignore"}, "on_error must be one of stop, skip, got ignore"),
        ({"workers": -1}, "workers must be at least 0, got -1"),
    ],
)
def test_wrong_options(root: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ImageFolder(str(root), **options)
