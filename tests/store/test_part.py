"""A part of a store comes back as it went in, or says why not, and is never seen half written."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from xaicf.core import DataError, Explanation, Status
from xaicf.store import read_part, write_part


def explanation(rows: int = 3) -> Explanation:
    images = torch.rand(rows, 1, 4, 4)
    status = torch.tensor([Status.SOLVED, Status.UNSOLVED, Status.NOT_APPLICABLE])[:rows]
    distance = torch.tensor([0.5, torch.inf, torch.nan])[:rows]
    return Explanation(
        images,
        torch.arange(rows),
        torch.arange(rows) + 1,
        status,
        attribution=torch.randn(rows, 1, 4, 4).transpose(2, 3),
        counterfactual=images.flip(3),
        baseline=images,
        scalars={"latent_distance": distance, "gradient_evaluations": torch.arange(rows)},
        trace={"latent": torch.randn(rows, 5, 2)},
    )


def test_round_trip_keeps_every_tensor_with_trace_and_scalars(tmp_path: Path) -> None:
    written, index = explanation(), torch.tensor([7, 8, 11])
    write_part(tmp_path / "new" / "folder" / "part.safetensors", written, index)
    read, read_index = read_part(tmp_path / "new" / "folder" / "part.safetensors")
    assert torch.equal(read_index, index)
    before, after = written.tensors(), read.tensors()
    assert set(after) == set(before)
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype
        assert torch.equal(after[name].nan_to_num(-1), tensor.nan_to_num(-1)), name


def test_what_is_absent_stays_absent(tmp_path: Path) -> None:
    whole = explanation()
    bare = Explanation(whole.inputs, whole.fact, whole.foil, whole.status)
    write_part(tmp_path / "part.safetensors", bare, torch.arange(3))
    read, _ = read_part(tmp_path / "part.safetensors")
    assert read.attribution is None
    assert read.trace is None
    assert read.scalars == {}


@pytest.mark.parametrize("length", [0, 5, 60, 400])
def test_a_damaged_part_is_a_data_error_with_its_path(length: int, tmp_path: Path) -> None:
    path = tmp_path / "part.safetensors"
    write_part(path, explanation(), torch.arange(3))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"part\.safetensors is missing or damaged"):
        read_part(path)


def test_a_missing_part_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing or damaged"):
        read_part(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "tensors",
    [
        {"weight": torch.ones(2)},
        {"index": torch.arange(2)},
        {"index": torch.arange(2), "weight": torch.ones(2)},
    ],
)
def test_other_tensors_are_no_explanation(tensors: dict[str, torch.Tensor], tmp_path: Path) -> None:
    save_file(tensors, tmp_path / "part.safetensors")
    with pytest.raises(DataError, match="holds no explanation"):
        read_part(tmp_path / "part.safetensors")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_no_partial_file_is_left_when_writing_fails(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        assert not (tmp_path / "part.safetensors").exists()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if call == "fsync" else Path, call, full)
    with pytest.raises(OSError, match="No space left"):
        write_part(tmp_path / "part.safetensors", explanation(), torch.arange(3))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_writing_leaves_the_part_from_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "part.safetensors"
    write_part(path, explanation(), torch.arange(3))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_part(path, explanation(), torch.arange(3) + 5)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
