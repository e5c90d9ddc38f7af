"""Which samples are meant."""

import re
from collections.abc import Sequence
from pathlib import Path

from xaicf.core import DataError, InputError

MOST = 2**24
"""Ids that are held in memory."""


def sample_ids(given: Sequence[int] | str) -> list[int]:
    """Give the sample ids that are meant, rising.

    Args:
        given: ids; or text with ids and ranges, both ends included, such as ``0-1999 5000``, separated by commas
            or white space; or the path of a file with such text.

    >>> sample_ids("3, 10-12")
    [3, 10, 11, 12]

    Raises:
        InputError: no id, one that is named twice, or text that is none.
        DataError: the file cannot be read.
    """
    ids = _read(given) if isinstance(given, str) else list(given)
    if not ids or len(set(ids)) < len(ids):
        raise InputError("ids must name one or more samples, each once")
    return sorted(ids)


def _read(text: str) -> list[int]:
    place = "ids"
    if re.search(r"[^\d\s,-]", text):
        place = f"ids in {text}"
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"ids must be numbers and ranges, or a file of them that can be read, got {text}"
            ) from error
    ids: list[int] = []
    for word in filter(None, re.split(r"[\s,]+", text)):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", word)
        if found is None or int(found[2] or found[1]) < int(found[1]):
            raise InputError(f"{place} must be numbers and rising ranges such as 0-1999, got {word}")
        first, last = int(found[1]), int(found[2] or found[1])
        if last - first + len(ids) >= MOST:
            raise InputError(f"{place} must name at most {MOST:,} samples, got {word}")
        ids += range(first, last + 1)
    return ids
