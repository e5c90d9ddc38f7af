"""Ids of samples, as users write them."""

from pathlib import Path

import pytest

from xaicf.commands.ids import sample_ids
from xaicf.core import DataError, InputError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([5, 1, 3], [1, 3, 5]),
        ("7", [7]),
        ("0-3", [0, 1, 2, 3]),
        ("9, 0-2,5 4-4", [0, 1, 2, 4, 5, 9]),
        (" 3\n1\n", [1, 3]),
    ],
)
def test_ids_rise(given: list[int] | str, expected: list[int]) -> None:
    assert sample_ids(given) == expected


def test_ids_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "wrong answers.txt"
    path.write_text("12\n3-5\n")
    assert sample_ids(str(path)) == [3, 4, 5, 12]
    path.write_text("12\nthree\n")
    with pytest.raises(InputError, match=r"ids in .*wrong answers.txt must be numbers and rising ranges.*, got three"):
        sample_ids(str(path))


def test_a_hundred_thousand_ids_are_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ids"
    path.write_text("\n".join(map(str, range(0, 200_000, 2))))
    assert sample_ids(str(path)) == list(range(0, 200_000, 2))


@pytest.mark.parametrize("given", [[], [3, 3], "", " , ", "1 1", "0-3,2"])
def test_none_and_twice_are_refused(given: list[int] | str) -> None:
    with pytest.raises(InputError, match="one or more samples, each once"):
        sample_ids(given)


@pytest.mark.parametrize("given", ["-1", "3-1", "1-2-3", "1--2", "-"])
def test_what_is_no_range_is_refused(given: str) -> None:
    with pytest.raises(InputError, match=r"numbers and rising ranges such as 0-1999, got "):
        sample_ids(given)


@pytest.mark.parametrize("given", ["nowhere.txt", "1.5", "all"])
def test_a_file_that_is_not_there(given: str) -> None:
    with pytest.raises(DataError, match=f"a file of them that can be read, got {given}"):
        sample_ids(given)


def test_more_ids_than_memory_holds_are_refused() -> None:
    with pytest.raises(InputError, match=r"must name at most 16,777,216 samples, got 0-2000000000"):
        sample_ids("0-2000000000")
    assert sample_ids("3000000000") == [3000000000]
