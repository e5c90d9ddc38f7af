"""Amounts of memory, as users write them."""

import pytest
import torch

from xaicf.commands.memory import free_memory, parse_bytes
from xaicf.core import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("500", 500),
        ("2K", 2048),
        ("2kb", 2048),
        ("1.5M", 3 * 2**19),
        ("2GiB", 2**31),
        (" 1 t ", 2**40),
        ("0.5G", 2**29),
    ],
)
def test_bytes_are_read(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "G", "0", "0.0K", "-1", "1e9", "1,5G", "1P", "nan", "1G2", "0.1"])
def test_no_bytes_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="memory must be a number of bytes"):
        parse_bytes(text)


def test_free_memory_is_that_of_the_machine_or_less() -> None:
    assert 2**20 < free_memory(torch.device("cpu")) < 2**50
