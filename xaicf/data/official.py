"""Photographs whose own files say which class and which split they are of."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from os.path import isfile
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.io import loadmat

from xaicf.core import DataError, InputError, SplitName
from xaicf.data.base import LabelledImages, cut_missing
from xaicf.data.boxes import BoxMasks, DrawnMasks
from xaicf.data.files import ImageFiles
from xaicf.data.listed import ListedImages, OnError, Storage
from xaicf.data.published import DOWNLOAD, demand, fetch_once, first_missing, reading


class Listing(NamedTuple):
    """Paths and classes of N images and, where it is known which pixels matter, what makes their masks."""

    paths: list[str]
    labels: list[int]
    masks: Callable[[ImageFiles], DrawnMasks] | None = None


class OfficialImages(ListedImages):
    """A published set of colour photographs; of the training images a part is cut for validation, unless it is given.

    A subclass says which files it ``needs`` and reads them. The names of the classes are read at once.

    Args:
        folder: of the set.
        download: fetch missing files.
        image_size: side of the square in pixels.
        val_fraction: share of the training images for validation, in (0, 1), where none is given.
        storage: see :class:`~xaicf.data.listed.ListedImages`.
        on_error: likewise.
        workers: likewise.
        cache: likewise.
        batch_size: images in a batch, for each process.
        seed: of the split.

    Raises:
        DataError: a file is missing or damaged.
        InputError: an option is out of its range.
    """

    title: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    how: str = DOWNLOAD

    def __init__(
        self,
        folder: Path,
        download: bool,
        image_size: int,
        val_fraction: float = 0.1,
        storage: Storage = "stream",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        if not 0 < val_fraction < 1:
            raise InputError(f"val_fraction must be in (0, 1), got {val_fraction}")
        super().__init__((3, image_size, image_size), storage, on_error, workers, cache, batch_size, seed)
        self.folder = folder
        self.val_fraction = val_fraction
        if download:
            fetch_once(self.title, folder.parent, self.missing, self.fetch)
        demand(self.title, self.missing(), self.how)
        with reading(self.title, folder):
            self.class_names = self.read_classes()

    @abstractmethod
    def read_classes(self) -> tuple[str, ...]:
        """Read the names of the classes."""

    @abstractmethod
    def read_split(self, name: SplitName) -> Listing | None:
        """List the images of a split, or say that there is none."""

    def fetch(self) -> None:
        """Download what is missing.

        Raises:
            RuntimeError: it cannot be downloaded by a program.
        """
        raise RuntimeError(self.how)

    def missing(self) -> Path | None:
        """Name what is needed and not there, if anything."""
        return first_missing(self.folder / name for name in self.needs)

    def listed(self) -> dict[SplitName, LabelledImages]:
        """List the images of the official splits.

        Raises:
            DataError: a file is damaged, or names images that are not there.
        """
        splits: dict[SplitName, LabelledImages] = {}
        names: tuple[SplitName, ...] = ("train", "val", "test")
        for name in names:
            with reading(self.title, self.folder):
                listing = self.read_split(name)
            if listing is not None:
                splits[name] = self._labelled(listing)
        return cut_missing(splits, {"val": self.val_fraction}, self.seed) if "train" in splits else splits

    def _labelled(self, listing: Listing) -> LabelledImages:
        lost = [path for path in listing.paths if self.on_error == "stop" and not isfile(path)]  # noqa: PTH113  (paths stay strings, a tenth of the memory of path objects)
        if lost:
            raise DataError(f"{self.title} lacks {len(lost)} of its images, the first {lost[0]}; unpack them again")
        labels = torch.tensor(listing.labels)
        if not len(labels) or not 0 <= int(labels.min()) <= int(labels.max()) < self.num_classes:
            raise DataError(f"{self.title} is damaged: {self.folder} has no image, or one of an unknown class")
        files = ImageFiles(listing.paths, self.image_shape)
        return LabelledImages(files, labels, None if listing.masks is None else listing.masks(files))


def words(path: Path, cells: int | None = None) -> Iterator[list[str]]:
    """Read the rows of a text file.

    Args:
        path: of the file.
        cells: of each row, apart by spaces, the last one being what is left; all there are if left out.

    Raises:
        ValueError: a row is too short.
    """
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = line.strip().split() if cells is None else line.strip().split(maxsplit=cells - 1)
            if cells is not None and len(row) != cells:
                raise ValueError(f"{path.name} must have {cells} cells in each row, got {line.strip()!r}")
            yield row


def table(path: Path, cells: int) -> dict[str, list[str]]:
    """Read the rows of a text file, by what stands first in each."""
    return {row[0]: row[1:] for row in words(path, cells)}


def matlab(path: Path, name: str) -> Any:  # noqa: ANN401  (an array of whatever the file holds)
    """Read a vector, or the rows of a structure, from a MATLAB file."""
    return np.atleast_1d(loadmat(path, squeeze_me=True)[name])


def boxes(edges: Sequence[Sequence[float]]) -> Callable[[ImageFiles], BoxMasks]:
    """Give what makes masks of rows of left, top, right and bottom edge, in pixels of the files."""
    rows = torch.tensor(edges, dtype=torch.float64).reshape(-1, 4)
    return lambda files: BoxMasks(files, rows)
