"""What published sets share: told in one line where they are missing or damaged, and fetched once."""

import pickle
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from scipy.io.matlab import MatReadError

from xaicf.core import DataError

BROKEN = (
    AssertionError,
    EOFError,
    LookupError,
    MatReadError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    zlib.error,
)
"""What readers of files raise where a file is not what they take it for."""

DOWNLOAD = "set root, or download to true"
"""How to get a set that can be fetched."""


def first_missing(paths: Iterable[Path]) -> Path | None:
    """Give the first of some files and folders that is not there."""
    return next((path for path in paths if not path.exists()), None)


def demand(name: str, missing: Path | None, how: str = DOWNLOAD) -> None:
    """Say that a set is not there.

    Args:
        name: of the set.
        missing: a file or folder that was looked for and not found, or none.
        how: to get it.

    Raises:
        DataError: something is missing.
    """
    if missing is not None:
        raise DataError(f"{name} not found: expected {missing}; {how}")


def fetch_once(name: str, root: Path, missing: Callable[[], Path | None], fetch: Callable[[], object]) -> None:
    """Fetch a set of which something is missing; of several processes one fetches, and the others wait for it.

    Args:
        name: of the set.
        root: folder that it goes into.
        missing: names what is not there, if anything.
        fetch: fetches all of it.

    Raises:
        DataError: it cannot be fetched.
    """
    if missing() is None:
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{name}.lock"):
            if missing() is not None:
                fetch()
    except (ImportError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{name} is not in {root} and could not be downloaded: {reason}") from error


@contextmanager
def reading(name: str, folder: Path) -> Iterator[None]:
    """Say of whatever goes wrong in reading that the set is damaged.

    Raises:
        DataError: a file cannot be read, or is not what it should be.
    """
    try:
        yield
    except BROKEN as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{name} is damaged: fetch the files in {folder} again ({reason})") from error
