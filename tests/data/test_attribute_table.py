"""Tables of attributes: what they mean, and what is wrong with those that mean nothing."""

import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from xaicf.core import DataError
from xaicf.data.attribute_table import by_split, labelled, read_rows

WHERE = Path("faces.csv")
HEADER = ["file", "Male", "Smile", "split", "Age"]
ROWS = [["a.png", "1", "-1", "train", "0.25"], [], ["b.png", "0", "1", "test", "1"], ["c.png", "1", "1", "0", "0"]]


def test_columns_are_mapped_chosen_and_ordered() -> None:
    table = read_rows(ROWS, HEADER, ["Age", "Smile", "Male"], WHERE, "split")
    assert table.files == ["a.png", "b.png", "c.png"]
    assert table.names == ("Age", "Smile", "Male")
    assert table.values.dtype == torch.float32
    assert table.values.tolist() == [[0.25, 0, 1], [1, 1, 0], [0, 1, 1]]
    assert table.splits == ["train", "test", "0"]
    assert read_rows(ROWS, HEADER, ["Smile"], WHERE).values.tolist() == [[0], [1], [1]]


@pytest.mark.parametrize(
    ("rows", "names", "message"),
    [
        (ROWS, ["Hat"], "faces.csv has no attribute Hat, only Male, Smile, Age"),
        (ROWS, ["split"], "faces.csv has no attribute split, only Male, Smile, Age"),
        ([], ["Male"], "faces.csv has no row"),
        ([*ROWS, ["d.png", "1"]], ["Male"], "faces.csv must have 5 cells in each row, got 2 for d.png"),
        ([*ROWS, ROWS[2]], ["Male"], "faces.csv must have one row for each image, got 2 for b.png"),
        ([["a.png", "1", "yes", "", ""]], ["Male", "Smile"], "faces.csv: Smile must be a number for a.png, got 'yes'"),
        (
            [*ROWS, ["d.png", "0", "0", "", ""]],
            ["Smile"],
            r"faces.csv: Smile must be 0 or 1, -1 or 1, or in \[0, 1\], got 0 for d.png",
        ),
        ([*ROWS, ["d.png", "2", "1", "", ""]], ["Smile", "Male"], "Male must be 0 or 1, .* got 2 for d.png"),
        ([*ROWS, ["d.png", "nan", "1", "", ""]], ["Male"], "Male must be 0 or 1, .* got nan for d.png"),
    ],
)
def test_tables_that_are_wrong(rows: list[list[str]], names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_rows(rows, HEADER, names, WHERE, "split")


def test_a_name_that_two_columns_have() -> None:
    with pytest.raises(DataError, match=r"faces.csv has 2 columns named Male"):
        read_rows([["a", "1", "0"]], ["file", "Male", "Male"], ["Male"], WHERE)


def test_the_label_is_the_class_and_stays_an_attribute(tmp_path: Path) -> None:
    for name in "abc":
        Image.new("RGB", (4, 4)).save(tmp_path / f"{name}.png")
    table = read_rows(ROWS, HEADER, ["Age", "Smile", "Male"], WHERE, "split")
    data = labelled(table, tmp_path, "Smile", (3, 4, 4), WHERE)
    assert data.labels.dtype == torch.int64
    assert data.labels.tolist() == [0, 1, 1]
    assert data.attributes is table.values
    assert table.splits is not None
    parts = by_split(data, table.splits, WHERE)
    assert {name: part.labels.tolist() for name, part in parts.items()} == {"train": [0, 1], "test": [1]}
    assert parts["test"].attributes is not None
    assert parts["test"].attributes.tolist() == [[1, 1, 0]]
    with pytest.raises(DataError, match="split must be one of train, val, test, 0, 1, 2, got 'dev'"):
        by_split(data, ["train", "dev", "test"], WHERE)
    with pytest.raises(DataError, match=r"Age, the label, must be 0 for some images and 1 for others, got 0, 0.25, 1"):
        labelled(table, tmp_path, "Age", (3, 4, 4), WHERE)
    with pytest.raises(DataError, match="Male, the label, must be 0 for some images and 1 for others, got 1"):
        labelled(table._replace(values=table.values[:1], files=["a.png"]), tmp_path, "Male", (3, 4, 4), WHERE)
    (tmp_path / "b.png").unlink()
    (tmp_path / "c.png").unlink()
    with pytest.raises(DataError, match=r"names 2 images that are not in .*, the first b.png"):
        labelled(table, tmp_path, "Smile", (3, 4, 4), WHERE)


def test_a_table_as_large_as_that_of_celeba_is_read_in_seconds() -> None:
    """A tenth of it, in process time, so that a busy machine does not matter much."""
    names = [f"attribute {number}" for number in range(40)]
    rows = [[f"{number:06}.jpg", *(["1", "-1"] * 20)] for number in range(20_000)]
    start = time.process_time()
    table = read_rows(rows, ["file", *names], names, WHERE)
    assert time.process_time() - start < 1.5
    assert table.values.shape == (20_000, 40)
    assert table.values[-1, :3].tolist() == [1, 0, 1]
