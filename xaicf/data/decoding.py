"""Very many images decoded once, in their order, by as many processes as there are processors."""

import math
import os
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from xaicf.data.base import as_it_is
from xaicf.data.files import ImageFiles

CHUNK_BYTES = 2**21
"""Of a chunk at most: little enough for many of them to be under way in the shared memory of a container."""

CHUNK_IMAGES = 512
"""In a chunk at most."""

ALONE = 8
"""Chunks up to which further processes are not worth their start."""


class Chunk(NamedTuple):
    """Consecutive images (B, C, H, W) uint8, their checksums, and which of them are black because they are broken."""

    images: Tensor
    checksums: list[int]
    broken: list[int]


def chunk_size(files: ImageFiles) -> int:
    """Give the number of images in a chunk."""
    return max(1, min(CHUNK_IMAGES, CHUNK_BYTES // math.prod(files.shape)))


def checksums(images: Tensor) -> list[int]:
    """Give the CRC-32 of each of the images (B, C, H, W) uint8."""
    return [zlib.crc32(image) for image in images.contiguous().numpy()]


def decoded(files: ImageFiles, start: int = 0) -> Iterator[Chunk]:
    """Decode images in chunks. Memory depends on their size, not on their number.

    Args:
        files: what to decode; broken ones do not stop it.
        start: position of the first.
    """
    chunks = _Chunks(files, start)
    workers = 0 if len(chunks) <= ALONE else min(processors(), len(chunks) // ALONE)
    several = workers > 1
    # Torch's workers end when this process does, even if it is killed. What each has under way is lost by then.
    yield from DataLoader(
        chunks,
        batch_size=None,
        num_workers=workers if several else 0,
        prefetch_factor=1 if several else None,
        collate_fn=as_it_is,
        generator=torch.Generator(),  # or it would draw from the global one
    )


def processors() -> int:
    """Give the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Chunks(Dataset[Chunk]):
    def __init__(self, files: ImageFiles, start: int) -> None:
        self.files = files
        self.starts = range(start, len(files), chunk_size(files))

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> Chunk:
        start = self.starts[number]
        images, unread = self.files.read(torch.arange(start, min(start + chunk_size(self.files), len(self.files))))
        return Chunk(images, checksums(images), sorted(unread))
