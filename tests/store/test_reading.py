"""A store is read in the order of sample ids, wholly or in part, and never partly by accident."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from xaicf.core import DataError
from xaicf.store import Folder, Manifest, explainers, missing_blocks, parts, read, table

IDS = [0, 1, 2, 5, 6, 9, 12]
NewStore = Callable[..., Manifest]


def ids(path: str | Path, **options: int | bool) -> list[int]:
    """Read the sample ids back from the images."""
    found = read(path, **options).inputs[:, 0, 0, 0]
    return (found * 100).round().long().tolist()


@pytest.mark.parametrize("url", ["{}", "memory://{}"])
def test_rows_come_in_the_order_of_ids(url: str, new_store: NewStore, tmp_path: Path) -> None:
    path = url.format(tmp_path / "store")
    new_store(path, questions=2)
    assert explainers(path) == ["one"]
    assert ids(path) == [id_ for id_ in IDS for _ in range(2)]
    found = read(path)
    assert found.foil.tolist() == [1, 2] * len(IDS)
    assert found.attribution is not None
    assert torch.equal(found.attribution, found.inputs + 1)
    rows = table(path)
    assert rows["index"].to_pylist() == [id_ for id_ in IDS for _ in range(2)]
    assert rows["label"].to_pylist() == [id_ + 10 for id_ in IDS for _ in range(2)]
    assert set(rows.column_names) == {"index", "label", "fact", "foil", "status", "scalars/latent_distance"}


@pytest.mark.parametrize("start", [None, 0, 1, 5, 6, 12])
@pytest.mark.parametrize("stop", [None, 2, 6, 7, 12, 13, 100])
def test_a_range_is_that_of_ids(start: int | None, stop: int | None, new_store: NewStore, tmp_path: Path) -> None:
    new_store(tmp_path)
    wanted = [id_ for id_ in IDS if id_ >= (start or 0) and (stop is None or id_ < stop)]
    options = {"start": start, "stop": stop}
    if not wanted:
        for reader in (read, table):
            with pytest.raises(DataError, match="holds no sample of one"):
                reader(tmp_path, **options)
        return
    assert ids(tmp_path, **options) == wanted
    assert table(tmp_path, **options)["index"].to_pylist() == wanted
    found = list(parts(tmp_path, **options))
    assert [id_ for part in found for id_ in part.index.tolist()] == wanted
    assert [label - 10 for part in found for label in part.label.tolist()] == wanted
    assert all(len(part.index) for part in found)


def test_a_range_within_a_gap_of_a_block_is_empty(new_store: NewStore, tmp_path: Path) -> None:
    new_store(tmp_path)
    for reader in (read, table, lambda path, **given: list(parts(path, **given))):
        with pytest.raises(DataError, match=r"holds no sample of one in \[7, 9\)"):
            reader(tmp_path, start=7, stop=9)


def test_only_files_of_the_range_are_opened(new_store: NewStore, tmp_path: Path) -> None:
    new_store(tmp_path)
    path = tmp_path / "one/part_000001.safetensors"
    path.write_bytes(bytes(path.stat().st_size))
    assert ids(tmp_path, stop=3) == [0, 1, 2]
    assert ids(tmp_path, start=10) == [12]
    with pytest.raises(DataError, match=r"part_000001\.safetensors is damaged"):
        read(tmp_path)


@pytest.mark.parametrize("kept", [(), ("attribution",), ("counterfactual", "trace")])
def test_columns_that_are_not_asked_for_are_left_out(
    kept: tuple[str, ...], new_store: NewStore, tmp_path: Path
) -> None:
    new_store(tmp_path)
    found = read(tmp_path, columns=kept)
    for name in ("attribution", "counterfactual", "baseline", "trace"):
        assert (getattr(found, name) is not None) == (name in kept), name
    assert found.scalars["latent_distance"].tolist() == IDS


def test_a_store_that_is_not_complete_is_read_on_demand_alone(new_store: NewStore, tmp_path: Path) -> None:
    manifest = new_store(tmp_path, without=[1])
    assert missing_blocks(Folder(tmp_path), manifest, "one") == [1]
    for reader in (read, table, lambda path: list(parts(path))):
        with pytest.raises(DataError, match=r"lacks 1 of 3 parts of one: .*partial"):
            reader(tmp_path)
    assert ids(tmp_path, partial=True) == [0, 1, 2, 12]
    assert table(tmp_path, partial=True)["index"].to_pylist() == [0, 1, 2, 12]
    assert ids(tmp_path, stop=3) == [0, 1, 2]  # nothing of that range is missing
    with pytest.raises(DataError, match="holds no sample of one"):
        read(tmp_path, start=5, stop=10, partial=True)


def test_a_store_without_any_part_is_an_error(new_store: NewStore, tmp_path: Path) -> None:
    new_store(tmp_path, without=[0, 1, 2])
    with pytest.raises(DataError, match="lacks 3 of 3"):
        read(tmp_path)
    with pytest.raises(DataError, match="holds no sample"):
        read(tmp_path, partial=True)


def test_one_of_several_explainers_must_be_named(new_store: NewStore, tmp_path: Path) -> None:
    new_store(tmp_path, explainers=["one", "other"])
    assert explainers(tmp_path) == ["one", "other"]
    with pytest.raises(DataError, match="holds one, other; name one, got None"):
        read(tmp_path)
    with pytest.raises(DataError, match="holds one, other; name one, got third"):
        read(tmp_path, "third")
    assert len(read(tmp_path, "other")) == len(IDS)


@pytest.mark.parametrize("url", ["{}/none", "memory://{}/none"])
def test_no_store_is_an_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none/manifest\.json is missing"):
        read(url.format(tmp_path))


def test_an_unknown_file_system_is_an_error() -> None:
    with pytest.raises(DataError, match="no file system that is known here"):
        read("nowhere://store")
