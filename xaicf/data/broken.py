"""What is known of files that were all decoded once: which of them are broken."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os.path import commonpath, dirname
from pathlib import Path
from typing import Any

from filelock import FileLock

from xaicf.core import DataError
from xaicf.data.decoding import chunk_size, decoded
from xaicf.data.files import ImageFiles

CHECKED, BROKEN = "checked.json", "broken.txt"
"""Names of what is found, for programs and for people."""

ANOTHER = "name another folder by the environment's XAICF_CACHE, or by cache where the data has this option"
"""What to do where a folder cannot be written."""

VERSION = 1
"""To be raised when a file is decoded to other pixels than before."""


def broken_files(files: ImageFiles, folder: str | None = None) -> list[int]:
    """Give the positions of files that cannot be decoded, after decoding all of them if that was never done.

    Args:
        files: sorted by path, each once.
        folder: see :func:`home`.

    Raises:
        DataError: what is found cannot be written, or was damaged.
    """
    place = home(files, folder)
    if not (place / CHECKED).exists():
        with alone(place):
            if not (place / CHECKED).exists():
                print(f"{len(files)} images are decoded, once, to find what is broken", flush=True)
                starts = range(0, len(files), chunk_size(files))
                found = zip(starts, decoded(files), strict=True)
                _note(place, files.paths, [start + one for start, chunk in found for one in chunk.broken])
    broken: list[int] = read_mapping(place / CHECKED).get("broken", [])
    return broken


def note_broken(files: ImageFiles, broken: Sequence[int], folder: str | None = None) -> Path:
    """Write down which files, of all that were decoded, are broken; give the list for people.

    Args:
        files: sorted by path, each once.
        broken: their positions.
        folder: see :func:`home`.

    Raises:
        DataError: it cannot be written.
    """
    place = home(files, folder)
    if not (place / CHECKED).exists():
        with alone(place):
            _note(place, files.paths, broken)
    return place / BROKEN


def home(files: ImageFiles, folder: str | None = None) -> Path:
    """Give the folder of what is known of some files, named after their paths, sizes and times.

    Beside the files their paths count from where they are, so that all may be moved together; in a folder that other
    sets may share they count from the root, since two sets may have the same names, sizes and times.

    Args:
        files: sorted by path, each once.
        folder: that holds it; the environment's ``XAICF_CACHE``, or ``.xaicf`` beside the files if left out.
    """
    common = commonpath([dirname(files.paths[0]), dirname(files.paths[-1])])  # noqa: PTH120  (strings, as in files)
    elsewhere = folder or os.environ.get("XAICF_CACHE")
    digest = hashlib.sha256(f"version {VERSION}\n".encode())
    if elsewhere:
        digest.update(os.fsencode(Path(common).resolve()) + b"\n")
    for path in files.paths:
        try:
            known = os.stat(path)  # noqa: PTH116
        except OSError:
            size, time = -1, -1  # decoding will say so
        else:
            size, time = known.st_size, known.st_mtime_ns
        digest.update(os.fsencode(path.removeprefix(common)) + f"\0{size} {time}\n".encode())
    return Path(elsewhere or Path(common, ".xaicf"), digest.hexdigest()[:16])


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Keep other processes away from a folder, and name it where it cannot be written.

    Raises:
        DataError: it cannot be written.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / "lock"):
            yield
    except OSError as error:
        raise DataError(f"cache {place} cannot be written: {error}; {ANOTHER}") from error


def _note(place: Path, paths: Sequence[str], broken: Sequence[int]) -> None:
    write_whole(place / BROKEN, "".join(f"{paths[row]}\n" for row in broken))
    write_whole(place / CHECKED, json.dumps({"images": len(paths), "broken": list(broken)}))


def write_whole(path: Path, text: str) -> None:
    """Write a file that is complete or absent."""
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a file of JSON.

    Raises:
        DataError: it is damaged.
    """
    try:
        found: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise DataError(f"cache {path} is damaged; {advice(path.parent)}") from error
    return found


def advice(place: Path) -> str:
    """Say how a damaged folder is mended."""
    return f"remove {place}, and it is made anew"
