"""Verification finds what is missing, what has changed, and what was never true."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer, seed_everything
from torch import Tensor, nn

from xaicf import load_frozen
from xaicf.core import CheckpointError, ClassifierError, DataError, Explanation, Status, UserError
from xaicf.nn import TwoConv
from xaicf.store import Folder, Manifest, Part, part_name, read, read_part, verify, write_part
from xaicf.store.manifest import file_digests
from xaicf.tasks import Classifier

SHAPE = (1, 16, 16)
BLOCKS, ROWS = 3, 8


def certified(classifier: nn.Module, first: int) -> Part:
    """Give images with the residual and margin that the classifier has at them."""
    images = torch.rand(ROWS, *SHAPE, generator=torch.Generator().manual_seed(first))
    with torch.no_grad():
        llh: Tensor = classifier(images).log_softmax(1)
    values, order = llh.topk(3)
    (high, low, third), classes = values.T, order.T.contiguous()
    explanation = Explanation(
        images,
        classes[0],
        classes[1],
        torch.full((ROWS,), Status.SOLVED),
        counterfactual=images,
        scalars={"boundary_residual": high - low, "third_class_margin": low - third},
    )
    index = torch.arange(first, first + ROWS)
    return Part(explanation, index, classes[0])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoint of a classifier and a store of certificates for it."""
    home = tmp_path_factory.mktemp("verify")
    seed_everything(0)
    task = Classifier(partial(TwoConv, channels=(4, 8), hidden=8, mean=[0.5], std=[0.5]), SHAPE, 10).eval()
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(task)
    trainer.save_checkpoint(home / "best.ckpt")
    write(home, task, Folder(home / "store"))
    return home


def write(home: Path, classifier: nn.Module, folder: Folder) -> None:
    seat = {"class_path": "xaicf.load_frozen", "init_args": {"path": str(home / "best.ckpt")}}
    settings = {"model": {"init_args": {"classifier": seat}}}
    names, ids = [str(number) for number in range(10)], list(range(BLOCKS * ROWS))
    manifest = Manifest(["cdeepex"], "test", ids, ROWS, 4, names, 0, settings, file_digests(settings))
    manifest.write(folder)
    for block in range(BLOCKS):
        write_part(folder / "cdeepex", part_name(block), certified(classifier, block * ROWS))


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return Path(shutil.copytree(made / "store", tmp_path / "store"))


def change(store: Path, block: int, rows: slice = slice(None), **changed: float) -> None:
    """Write a part again, with its hashes, after adding to some of its scalars."""
    folder, name = Folder(store / "cdeepex"), part_name(block)
    part = read_part(folder, name)
    scalars = {key: tensor.clone() for key, tensor in part.explanation.scalars.items()}
    for key, by in changed.items():
        scalars[key][rows] += by
    write_part(folder, name, replace(part, explanation=replace(part.explanation, scalars=scalars)))


@pytest.mark.parametrize(("certify", "certified"), [(0, 0), (1, 3), (6, 6), (7, 9), (24, 24), (256, 24)])
def test_a_store_that_is_whole_is_counted(certify: int, certified: int, store: Path) -> None:
    found = verify(store, certify)
    assert (found.parts, found.rows, found.certified) == (BLOCKS, BLOCKS * ROWS, certified)


def test_a_store_at_a_url(made: Path) -> None:
    url = "memory://verify/store"
    write(made, certifier(made), Folder(url))
    assert verify(url).certified == BLOCKS * ROWS
    folder = Folder(url) / "cdeepex"
    data = bytearray(folder.read("part_000002.safetensors"))
    data[-1] ^= 1
    folder.write("part_000002.safetensors", bytes(data))
    with pytest.raises(DataError, match=r"part_000002\.safetensors is damaged"):
        verify(url)


def certifier(made: Path) -> nn.Module:
    return load_frozen(made / "best.ckpt")


@pytest.mark.parametrize("suffix", ["json", "parquet", "safetensors"])
def test_a_missing_file_is_found(suffix: str, store: Path) -> None:
    (store / f"cdeepex/part_000001.{suffix}").unlink()
    said = "lacks 1 parts of cdeepex, first part_000001" if suffix == "json" else rf"part_000001\.{suffix} is missing"
    with pytest.raises(DataError, match=said):
        verify(store)


@pytest.mark.parametrize("suffix", ["parquet", "safetensors"])
@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_flipped_bit_is_found(suffix: str, block: int, store: Path) -> None:
    path = store / f"cdeepex/part_00000{block}.{suffix}"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"part_00000{block}\.{suffix} is damaged: its SHA-256"):
        verify(store, certify=0)


@pytest.mark.parametrize("name", ["boundary_residual", "third_class_margin"])
@pytest.mark.parametrize("by", [0.1, -0.1])
def test_a_tampered_certificate_is_found(name: str, by: float, store: Path) -> None:
    change(store, 1, **{name: by})
    with pytest.raises(DataError, match=r"part_000001 holds certificates that are 0\.1 nats off"):
        verify(store)
    assert verify(store, certify=0).rows == BLOCKS * ROWS  # its hashes are right


@pytest.mark.parametrize("by", [torch.nan, torch.inf])
def test_a_certificate_that_is_no_number_is_found(by: float, store: Path) -> None:
    change(store, 1, boundary_residual=by)
    with pytest.raises(DataError, match="part_000001 holds certificates"):
        verify(store)


def test_a_margin_that_was_made_infinite_is_found(store: Path) -> None:
    change(store, 1, third_class_margin=torch.inf)
    with pytest.raises(DataError, match="part_000001 holds certificates"):
        verify(store)


def test_two_classes_leave_an_infinite_margin(tmp_path: Path) -> None:
    torch.manual_seed(0)
    classifier, folder = nn.Sequential(nn.Flatten(), nn.Linear(256, 2)).eval(), Folder(tmp_path)
    Manifest(["cdeepex"], "test", list(range(ROWS)), ROWS, 4, ["a", "b"]).write(folder)
    images = torch.rand(ROWS, *SHAPE)
    llh = classifier(images).detach().log_softmax(1)
    scalars = {"boundary_residual": (llh[:, 0] - llh[:, 1]).abs(), "third_class_margin": torch.full((ROWS,), torch.inf)}
    zero, status = torch.zeros(ROWS, dtype=torch.int64), torch.full((ROWS,), Status.SOLVED)
    explanation = Explanation(images, zero, zero + 1, status, counterfactual=images, scalars=scalars)
    write_part(folder / "cdeepex", part_name(0), Part(explanation, torch.arange(ROWS), zero))
    assert verify(tmp_path, classifier=classifier).certified == ROWS


def test_a_single_row_is_found_where_all_are_certified(store: Path) -> None:
    change(store, 2, slice(3, 4), boundary_residual=0.1)
    with pytest.raises(DataError, match="part_000002 holds certificates"):
        verify(store, certify=BLOCKS * ROWS)


def test_what_is_unsolved_is_not_certified(store: Path) -> None:
    folder, name = Folder(store / "cdeepex"), part_name(0)
    part = read_part(folder, name)
    part.explanation.status[:5] = Status.UNSOLVED
    write_part(folder, name, part)
    change(store, 0, slice(5), boundary_residual=9.0)
    assert verify(store).certified == BLOCKS * ROWS - 5


def test_parts_in_each_others_place_are_found(store: Path) -> None:
    folder = Folder(store / "cdeepex")
    write_part(folder, part_name(0), read_part(folder, part_name(1)))
    with pytest.raises(DataError, match="part_000000 holds other samples than its block"):
        verify(store)


def test_a_changed_checkpoint_is_found(made: Path, store: Path) -> None:
    path = made / "best.ckpt"
    whole = path.read_bytes()
    try:
        checkpoint = torch.load(path, weights_only=True)
        torch.save({**checkpoint, "epoch": 99}, path)
        with pytest.raises(DataError, match=r"best\.ckpt has changed since store .* was made"):
            verify(store)
        path.unlink()
        with pytest.raises(DataError, match=r"best\.ckpt, which store .* was made with, is missing"):
            verify(store)
        assert verify(store, certify=0).certified == 0
    finally:
        path.write_bytes(whole)


def test_a_classifier_that_is_handed_over_is_asked(made: Path, store: Path) -> None:
    assert verify(store, classifier=certifier(made)).certified == BLOCKS * ROWS
    torch.manual_seed(1)
    with pytest.raises(DataError, match="holds certificates"):
        verify(store, classifier=TwoConv(SHAPE, 10))
    with pytest.raises(ClassifierError, match="does not take the images of the store"):
        verify(store, classifier=TwoConv((3, 32, 32), 10))


def spoilt(store: Path, **changed: Any) -> None:
    folder = Folder(store)
    replace(Manifest.read(folder), files={}, **changed).write(folder)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "was made without settings of its classifier"),
        ({"model": {"init_args": {"classifier": {"class_path": "no.Such"}}}}, "classifier of the store cannot be"),
        (
            {
                "model": {
                    "init_args": {"classifier": {"class_path": "torch.nn.Linear", "init_args": {"in_features": 3}}}
                }
            },
            "classifier of the store cannot be built again",
        ),
    ],
)
def test_settings_that_build_no_classifier_are_an_error(settings: Any, said: str, store: Path) -> None:
    spoilt(store, settings=settings)
    with pytest.raises(DataError, match=said):
        verify(store)
    assert len(read(store)) == BLOCKS * ROWS


def test_settings_with_a_checkpoint_that_is_gone_are_an_error(store: Path) -> None:
    seat = {"class_path": "xaicf.load_frozen", "init_args": {"path": "gone.ckpt"}}
    spoilt(store, settings={"model": {"init_args": {"classifier": seat}}})
    with pytest.raises(UserError, match=r"gone\.ckpt") as caught:
        verify(store)
    assert isinstance(caught.value, CheckpointError | DataError)
