"""A manifest keeps a store to one configuration, and says what differs from another."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from xaicf.core import DataError
from xaicf.store import Folder, Manifest
from xaicf.store.manifest import environment, file_digests

NewStore = Callable[..., Manifest]


def some_manifest(**changed: Any) -> Manifest:
    arguments: dict[str, Any] = {
        "explainers": ["one"],
        "split": "test",
        "ids": [0, 2, 3],
        "block_size": 2,
        "chunk_size": 2,
        "class_names": ["a", "b"],
        "seed": 0,
        "settings": {"model": {"init_args": {"foil": "second", "scale": 0.5}}, "data": None},
        "files": {"best.ckpt": "0" * 64},
        "environment": environment(torch.device("cpu")),
    }
    return Manifest(**{**arguments, **changed})


def contents(path: Path) -> dict[str, tuple[bytes, int]]:
    """Give bytes and time of every file."""
    files = (file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def test_blocks_cover_the_ids_once() -> None:
    for size in range(1, 9):
        manifest = some_manifest(ids=list(range(1, 15, 2)), block_size=size)
        blocks = [manifest.block(number) for number in range(manifest.blocks)]
        assert [id_ for block in blocks for id_ in block] == manifest.ids
        assert {len(block) for block in blocks[:-1]} <= {size}
        assert 1 <= len(blocks[-1]) <= size


@pytest.mark.parametrize("url", ["{}/new", "memory://{}/new"])
def test_a_manifest_comes_back_and_is_claimed_again(url: str, tmp_path: Path) -> None:
    folder, manifest = Folder(url.format(tmp_path)), some_manifest()
    assert manifest.claim(folder) == manifest
    assert Manifest.read(folder) == manifest
    assert manifest.claim(folder) == manifest


def test_the_chunks_of_the_first_run_are_kept(tmp_path: Path) -> None:
    some_manifest(chunk_size=5).claim(Folder(tmp_path))
    assert some_manifest(chunk_size=2).claim(Folder(tmp_path)).chunk_size == 5


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"block_size": 3}, "block_size 2, not 3"),
        ({"split": "val"}, "split test, not val"),
        ({"ids": [0, 2]}, r"ids \[0, 2, 3\], not \[0, 2\]"),
        ({"explainers": ["one", "two"]}, r"explainers \['one'\], not \['one', 'two'\]"),
        ({"class_names": ["a", "c"]}, r"class_names \['a', 'b'\], not \['a', 'c'\]"),
        ({"seed": 1}, "seed 0, not 1"),
        ({"files": {"best.ckpt": "1" * 64}}, r"files\.best\.ckpt 0+, not 1+"),
        ({"files": {}}, r"files\.best\.ckpt 0+, not None"),
        (
            {"settings": {"model": {"init_args": {"foil": "label", "scale": 0.5}}, "data": None}},
            r"settings\.model\.init_args\.foil second, not label",
        ),
        (
            {"settings": {"model": {"init_args": {"foil": "second", "scale": 0.25}}, "data": None}},
            r"settings\.model\.init_args\.scale 0\.5, not 0\.25",
        ),
        ({"environment": {**environment(torch.device("cpu")), "device": "H200"}}, r"environment\.device cpu, not H200"),
        ({"environment": {**environment(torch.device("cpu")), "source": "0"}}, r"environment\.source \w+, not 0"),
        ({"split": "val", "block_size": 3}, "block_size 2, not 3"),  # the first in alphabetical order
    ],
)
def test_another_configuration_is_refused_and_the_store_left_as_it_was(
    changed: dict[str, Any], said: str, new_store: NewStore, tmp_path: Path
) -> None:
    new_store(tmp_path, **asdict(some_manifest()))
    before = contents(tmp_path)
    with pytest.raises(DataError, match=f"was made with {said}; choose another folder"):
        some_manifest(**changed).claim(Folder(tmp_path))
    assert contents(tmp_path) == before


def test_a_long_difference_is_cut(tmp_path: Path) -> None:
    some_manifest(ids=list(range(60_000))).claim(Folder(tmp_path))
    with pytest.raises(DataError) as caught:
        some_manifest().claim(Folder(tmp_path))
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "3", '"text"', '{"format": 1}', "{}", "\xff"])
def test_a_damaged_manifest_is_an_error_and_stays(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content.encode("latin-1"))
    for attempt in (Manifest.read, some_manifest().claim):
        with pytest.raises(DataError, match=r"manifest\.json is damaged"):
            attempt(Folder(tmp_path))
    assert (tmp_path / "manifest.json").read_bytes() == content.encode("latin-1")


def test_a_manifest_of_another_format_is_an_error(tmp_path: Path) -> None:
    replace(some_manifest(), format=2).write(Folder(tmp_path))
    with pytest.raises(DataError, match="has format 2, expected 1"):
        Manifest.read(Folder(tmp_path))


@pytest.mark.parametrize("spoiled", [{"more": 1}, {"ids": 3}, {"ids": []}, {"block_size": 0}, {"explainers": "one"}])
def test_a_manifest_with_impossible_values_is_damaged(spoiled: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({**asdict(some_manifest()), **spoiled}))
    with pytest.raises(DataError, match=r"manifest\.json is damaged"):
        Manifest.read(Folder(tmp_path))


def test_every_file_that_settings_name_is_digested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.ckpt", "b.pt", "unnamed"):
        Path(name).write_text("")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    settings = {"a": {"path": "a.ckpt"}, "b": [{"c": "b.pt"}, "none.pt", ".", "x" * 5000, "\0", 3, None]}
    assert file_digests(settings) == {"a.ckpt": empty, "b.pt": empty}
