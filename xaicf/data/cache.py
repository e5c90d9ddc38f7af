"""Images that were decoded once, in a file that is mapped into memory."""

import hashlib
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from xaicf.core import DataError
from xaicf.data.broken import VERSION, advice, alone, home, read_mapping, write_whole
from xaicf.data.decoding import checksums, chunk_size, decoded
from xaicf.data.files import ImageFiles

IMAGES, ROWS, MANIFEST = "images.u8", "rows.bin", "manifest.json"
"""Names in a cache: the images, a row of :data:`ROW` for each, and what seals both."""

ROW = np.dtype([("checksum", "<u4"), ("broken", "?")])
"""What is known of an image."""


class Cache:
    """A sealed cache of images (N, C, H, W) uint8. Each is checked when this process reads it for the first time.

    Args:
        folder: that holds it.
        files: whose images it must hold.

    Raises:
        DataError: a file of it is not there, not of its size, or altered.
    """

    def __init__(self, folder: Path, files: ImageFiles) -> None:
        self.folder = folder
        self.shape = (len(files), *files.shape)
        manifest = read_mapping(folder / MANIFEST)
        for name, bytes_each in ((IMAGES, math.prod(files.shape)), (ROWS, ROW.itemsize)):
            path, expected = folder / name, len(files) * bytes_each
            size = path.stat().st_size if path.exists() else 0
            if size != expected:
                raise DataError(f"cache {path} must have {expected} bytes, got {size}; {advice(folder)}")
        rows = (folder / ROWS).read_bytes()
        if hashlib.sha256(rows).hexdigest() != manifest.get("rows"):
            raise DataError(f"cache {folder / ROWS} was altered; {advice(folder)}")
        known = np.frombuffer(rows, ROW)
        self.checksums = known["checksum"].copy()
        self.broken: list[int] = np.flatnonzero(known["broken"]).tolist()
        self.seen = np.zeros(len(files), bool)
        self.pixels: Tensor | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the mapped file, which another process maps for itself."""
        return {**self.__dict__, "pixels": None}

    def read(self, rows: Tensor) -> Tensor:
        """Read images (B, C, H, W) uint8 from places (B,).

        Raises:
            DataError: one was altered.
        """
        if self.pixels is None:
            size = math.prod(self.shape)
            self.pixels = torch.from_file(str(self.folder / IMAGES), False, size, dtype=torch.uint8).view(self.shape)
        images = self.pixels[rows]
        places = rows.numpy()
        (fresh,) = np.nonzero(~self.seen[places])
        if len(fresh):
            found = np.array(checksums(images[torch.from_numpy(fresh)]))
            wrong = places[fresh][self.checksums[places[fresh]] != found]
            if len(wrong):
                raise DataError(f"cache {self.folder / IMAGES} was altered at image {wrong[0]}; {advice(self.folder)}")
            self.seen[places] = True
        return images


class CachedImages(ImageFiles):
    """Stands in the place of images (N, C, H, W) uint8: an index reads what it names from a cache.

    Args:
        files: of the images.
        cache: that holds them.
        rows: (N,) int64, their places in the cache.
    """

    def __init__(self, files: ImageFiles, cache: Cache, rows: Tensor) -> None:
        super().__init__(files.paths, files.shape, files.crop)
        self.cache = cache
        self.rows = rows

    def __getitem__(self, index: Tensor) -> Tensor:
        """Read some images.

        Args:
            index: (B,) int64, positions in [0, N).

        Returns:
            (B, C, H, W) uint8.

        Raises:
            DataError: one was altered in the cache.
        """
        return self.cache.read(self.rows[index])

    def subset(self, index: Tensor) -> "CachedImages":
        """Choose some images without reading them."""
        return CachedImages(super().subset(index), self.cache, self.rows[index])


def cached(files: ImageFiles, folder: str | None = None) -> Cache:
    """Open the cache of some files, after making it or what it lacks; other processes wait meanwhile.

    Args:
        files: sorted by path, each once.
        folder: see :func:`~xaicf.data.broken.home`.

    Raises:
        DataError: the cache is damaged, or cannot be written.
    """
    base = home(files, folder)
    place = base / ("x".join(map(str, files.shape)) + ("" if files.crop is None else f"-crop{files.crop}"))
    if not (place / MANIFEST).exists():
        with alone(base):
            if not (place / MANIFEST).exists():
                _make(files, place)
    return Cache(place, files)


def _make(files: ImageFiles, place: Path) -> None:
    """Decode what is not yet written, and seal the cache."""
    place.mkdir(exist_ok=True)
    with (place / IMAGES).open("a+b") as images, (place / ROWS).open("a+b") as rows:
        done = _written(images, rows, files)
        needed, free = (len(files) - done) * math.prod(files.shape), shutil.disk_usage(place).free
        if needed > free:
            raise OSError(f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free")
        print(f"{len(files) - done} of {len(files)} images are decoded, once, into {place}", flush=True)
        for chunk in decoded(files, done):
            known = np.zeros(len(chunk.images), ROW)
            known["checksum"] = chunk.checksums
            known["broken"][chunk.broken] = True
            images.write(chunk.images.numpy().data)
            images.flush()
            rows.write(known.tobytes())  # after its images, so that what has a row is there
            rows.flush()
        os.fsync(images.fileno())
        os.fsync(rows.fileno())
    known = np.fromfile(place / ROWS, ROW)
    broken: list[int] = np.flatnonzero(known["broken"]).tolist()
    manifest = {
        "version": VERSION,
        "images": len(files),
        "shape": files.shape,
        "crop": files.crop,
        "rows": hashlib.sha256(known.tobytes()).hexdigest(),
        "broken": [files.paths[row] for row in broken],
    }
    write_whole(place / MANIFEST, json.dumps(manifest, indent=2))


def _written(images: BinaryIO, rows: BinaryIO, files: ImageFiles) -> int:
    """Cut both files off after the images, from the first on, that are as their checksums say; count these."""
    size = math.prod(files.shape)
    there = min(images.seek(0, os.SEEK_END) // size, rows.seek(0, os.SEEK_END) // ROW.itemsize)
    images.seek(0)
    rows.seek(0)
    known = np.frombuffer(rows.read(there * ROW.itemsize), ROW)["checksum"]
    done = 0
    while done < there:
        count = min(chunk_size(files), there - done)
        some = torch.frombuffer(bytearray(images.read(count * size)), dtype=torch.uint8).view(count, *files.shape)
        (wrong,) = np.nonzero(known[done : done + count] != np.array(checksums(some)))
        if len(wrong):
            done += int(wrong[0])
            break
        done += count
    images.truncate(done * size)
    rows.truncate(done * ROW.itemsize)
    return done
