"""A part of a store comes back as it went in, or says why not, and is never seen half written."""

import os
from pathlib import Path

import pytest
import torch

from xaicf.core import DataError, Explanation, Status
from xaicf.store import Folder, Part, read_part, write_part
from xaicf.store.part import complete_parts


def some_part(rows: int = 3, first: int = 7) -> Part:
    images = torch.rand(rows, 1, 4, 4)
    status = torch.tensor([Status.SOLVED, Status.UNSOLVED, Status.NOT_APPLICABLE])[:rows]
    distance = torch.tensor([0.5, torch.inf, torch.nan])[:rows]
    explanation = Explanation(
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
    return Part(explanation, torch.arange(rows) + first, torch.arange(rows) + 2)


@pytest.mark.parametrize("url", ["{}/new/folder", "memory://{}/new"])
def test_round_trip_keeps_every_tensor_with_trace_and_scalars(url: str, tmp_path: Path) -> None:
    folder, written = Folder(url.format(tmp_path)), some_part()
    write_part(folder, "part", written)
    assert complete_parts(folder) == {"part"}
    found = read_part(folder, "part")
    assert torch.equal(found.index, written.index)
    assert torch.equal(found.label, written.label)
    before, after = written.explanation.tensors(), found.explanation.tensors()
    assert set(after) == set(before)
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype
        assert torch.equal(after[name].nan_to_num(-1), tensor.nan_to_num(-1)), name


def test_what_is_absent_or_not_asked_for_stays_absent(tmp_path: Path) -> None:
    folder, whole = Folder(tmp_path), some_part()
    one = whole.explanation
    write_part(folder, "bare", Part(Explanation(one.inputs, one.fact, one.foil, one.status), whole.index, whole.label))
    write_part(folder, "whole", whole)
    for found in (read_part(folder, "bare"), read_part(folder, "whole", columns=())):
        assert found.explanation.attribution is None
        assert found.explanation.trace is None
    assert read_part(folder, "bare").explanation.scalars == {}


@pytest.mark.parametrize("file", ["part.safetensors", "part.parquet"])
@pytest.mark.parametrize("spoil", ["truncate", "flip", "remove"])
def test_damage_is_an_error_that_names_the_file(file: str, spoil: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    write_part(folder, "part", some_part())
    path = tmp_path / file
    data = bytearray(path.read_bytes())
    if spoil == "flip":
        data[len(data) // 2] ^= 1
    path.write_bytes(data if spoil == "flip" else data[:40])
    if spoil == "remove":
        path.unlink()
    with pytest.raises(DataError, match=file):
        read_part(folder, "part")
    if spoil != "flip":  # a changed bit is found by its hash alone, when the part is read
        with pytest.raises(DataError, match=file):
            complete_parts(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": {}}', '{"files": {"a": 1}}'])
def test_a_damaged_mark_is_an_error(content: str, tmp_path: Path) -> None:
    write_part(Folder(tmp_path), "part", some_part())
    (tmp_path / "part.json").write_text(content)
    with pytest.raises(DataError, match=r"part\.json is damaged"):
        read_part(Folder(tmp_path), "part")


def test_a_missing_part_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json is missing"):
        read_part(Folder(tmp_path), "none")


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_no_partial_part_is_seen_when_writing_fails(
    call: str, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the three files meets the full disk."""
    calls, whole = [], getattr(os if call == "fsync" else Path, call)

    def full(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) > after * (2 if call == "fsync" else 1):  # file and folder are synchronised
            raise OSError(28, "No space left on device")
        return whole(*arguments)

    monkeypatch.setattr(os if call == "fsync" else Path, call, full)
    with pytest.raises(DataError, match=r"cannot write .*part\.\w+: No space left on device"):
        write_part(Folder(tmp_path), "part", some_part())
    assert complete_parts(Folder(tmp_path)) == set()
    assert not list(tmp_path.glob(".*"))


def test_a_failed_writing_leaves_the_part_from_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path)
    write_part(folder, "part", some_part())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write_part(folder, "part", some_part(first=20))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
