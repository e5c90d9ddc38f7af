"""What was measured comes back as it was kept, and damage is told with the file's name."""

from pathlib import Path

import pyarrow as pa
import pytest

from xaicf.core import DataError
from xaicf.store import Evaluation, Folder, read_evaluation, write_evaluation

ABOUT = {"explainer": "a", "measure": "l1", "group": "counterfactual", "better": "lower", "meaning": "change."}
ROW = {**ABOUT, "n": 2, "mean": 0.5, "low": 0.25, "high": 0.75}


def kept(folder: Path, table: dict[str, list[object]] | None = None, **row: object) -> Folder:
    columns = {"explainer": ["a", "a"], "index": [3, 4], "foil": [0, 1], "l1": [0.25, 0.75]} | (table or {})
    write_evaluation(Folder(folder), Evaluation([ROW | row], pa.table(columns)))
    return Folder(folder)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    assert read_evaluation(Folder(tmp_path)) is None
    found = read_evaluation(kept(tmp_path))
    assert found is not None
    assert found.rows == [ROW]
    assert found.table["l1"].to_pylist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ({}, {"mean": "many"}),
        ({}, {"n": None}),
        ({}, {"low": "0"}),
        ({"l1": ["x", "y"]}, {}),
        ({"index": [0.5, 1.5]}, {}),
    ],
)
def test_what_is_no_number_is_damage(tmp_path: Path, table: dict[str, list[object]], row: dict[str, object]) -> None:
    with pytest.raises(DataError, match=r"evaluation\.json or its table is damaged"):
        read_evaluation(kept(tmp_path, table, **row))


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'["explainer measure n mean"]', b"[{}]", b"\xff"])
def test_a_damaged_summary_is_named(tmp_path: Path, text: bytes) -> None:
    kept(tmp_path).write("evaluation.json", text)
    with pytest.raises(DataError, match=r"evaluation\.json or its table is damaged; remove it, or run evaluate again"):
        read_evaluation(Folder(tmp_path))


def test_a_table_that_is_gone_or_cut_is_named(tmp_path: Path) -> None:
    folder = kept(tmp_path)
    folder.write("evaluation.parquet", folder.read("evaluation.parquet")[:50])
    with pytest.raises(DataError, match=r"evaluation\.json or its table is damaged"):
        read_evaluation(folder)
    (tmp_path / "evaluation.parquet").unlink()
    with pytest.raises(DataError, match=r"evaluation\.parquet is missing"):
        read_evaluation(folder)
