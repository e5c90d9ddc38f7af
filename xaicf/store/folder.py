"""A folder on any file system, in which a file is complete or absent."""

import contextlib
import errno
import fcntl
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from xaicf.core import DataError

DRAFT = ".draft-"
"""How the names of files begin that are being written."""


class Folder:
    """A folder at a path or at any URL that fsspec knows.

    Args:
        url: such as ``runs/explained``, ``s3://bucket/explained`` or ``memory://explained``.
    """

    def __init__(self, url: str | Path) -> None:
        scheme, mark, rest = str(url).rpartition("://")
        self.url = scheme + mark + (rest.rstrip("/") or rest[:1])
        try:
            self.system, self.root = fsspec.core.url_to_fs(self.url)
        except (ImportError, OSError, ValueError) as error:
            raise DataError(f"store {self.url} is at no file system that is known here: {error}") from error

    def __truediv__(self, name: str) -> "Folder":
        """Give a folder inside."""
        return Folder(f"{self.url}/{name}")

    def path(self, name: str) -> str:
        """Give the full path of a file, for messages."""
        return f"{self.url}/{name}"

    def write(self, name: str, data: bytes) -> None:
        """Write a file; a reader, also one after a crash, sees all of it or nothing.

        Raises:
            DataError: it cannot be written; names it and the reason.
        """
        try:
            if isinstance(self.system, LocalFileSystem):
                _replace(Path(self.root, name), data)
            else:  # object stores show a file when it is closed
                self.system.pipe_file(f"{self.root}/{name}", data)
        except (NotImplementedError, ValueError) as error:  # what archives and other systems for reading raise
            raise DataError(f"cannot write {self.path(name)}: its file system is for reading") from error
        except OSError as error:
            raise DataError(f"cannot write {self.path(name)}: {error.strerror or error}") from error

    def read(self, name: str) -> bytes:
        """Read a file.

        Raises:
            DataError: it is missing or cannot be read.
        """
        try:
            data: bytes = self.system.cat_file(f"{self.root}/{name}")
        except FileNotFoundError as error:
            raise DataError(f"store file {self.path(name)} is missing") from error
        except OSError as error:
            raise DataError(f"store file {self.path(name)} cannot be read: {error.strerror or error}") from error
        return data

    def sizes(self) -> dict[str, int]:
        """Give the bytes of every file directly inside, by name; drafts are left out."""
        try:
            entries = self.system.ls(self.root, detail=True, refresh=True)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise DataError(f"store {self.url} cannot be read: {error.strerror or error}") from error
        files = {entry["name"].rsplit("/", 1)[-1]: int(entry["size"]) for entry in entries if entry["type"] == "file"}
        return {name: size for name, size in files.items() if not name.startswith(DRAFT)}

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other writers out of a local folder, which is made, until the process ends or the block does.

        Raises:
            DataError: another process holds it, or it cannot be made.
        """
        if not isinstance(self.system, LocalFileSystem):  # object stores know no locks
            yield
            return
        try:
            Path(self.root).mkdir(parents=True, exist_ok=True)
            folder = os.open(self.root, os.O_RDONLY)
        except OSError as error:
            raise DataError(f"cannot write {self.url}: {error.strerror or error}") from error
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DataError(f"store {self.url} is being written by another process; wait for its end") from error
            except OSError as error:
                if error.errno not in {errno.ENOLCK, errno.ENOTSUP}:  # a file system without locks is written as it is
                    raise DataError(f"store {self.url} cannot be locked: {error.strerror}") from error
            yield
        finally:
            os.close(folder)

    def discard_drafts(self) -> None:
        """Remove what a killed writer has left, in the folder and those inside."""
        if isinstance(self.system, LocalFileSystem):
            for draft in Path(self.root).rglob(f"{DRAFT}*"):
                draft.unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{DRAFT}{path.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    # The new name is on disk once its folder is.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
