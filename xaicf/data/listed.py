"""Data whose images are files: where they are kept until a batch asks for them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler

from xaicf.core import Batch, DataError, ImageShape, InputError, SplitName
from xaicf.data.base import ImageData, LabelledImages, as_it_is, choose
from xaicf.data.broken import broken_files, note_broken
from xaicf.data.cache import CachedImages, cached
from xaicf.data.files import ImageFiles

Storage = Literal["memory", "cache", "stream"]
"""Where decoded images are: all in memory, all in a file that is mapped into memory, or nowhere."""

OnError = Literal["stop", "skip"]
"""What is done about an image that cannot be read."""

AT_ONCE = 1024
"""Images that are decoded together."""

NAMED = 3
"""Broken images that are named at most; the list has all."""


class ListedImages(ImageData, ABC):
    """Data whose images are files, which a subclass lists. The batches are the same whatever the storage.

    Args:
        image_shape: channels, 1 for grey and 3 for colour, height, width.
        storage: ``memory`` decodes all images at the start; ``cache`` decodes them only the first time, into a file
            that is mapped into memory; ``stream`` decodes those of each batch anew. With the last two, images take no
            memory beyond the batch, however many there are.
        on_error: ``stop`` at an image that cannot be read; or ``skip`` it, say how many there are of each split, and
            list them in ``broken.txt`` in the cache's folder. To know them beforehand, ``stream`` then decodes all
            images once, the first time.
        workers: processes that read the next batches meanwhile, where images are not in memory.
        cache: folder of caches; the environment's ``XAICF_CACHE``, or ``.xaicf`` beside the images if left out. What is
            in it belongs to the paths, sizes and times of the files: when one changes, all is made anew.
        batch_size: images in a batch, for each process.
        seed: of the split.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        storage: Storage = "memory",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, seed)
        if image_shape[0] not in {1, 3}:
            raise InputError(f"channels must be 1 or 3, got {image_shape[0]}")
        if min(image_shape[1:]) < 1:
            raise InputError(f"image_size must be at least 1, got {min(image_shape[1:])}")
        if storage not in get_args(Storage):
            raise InputError(f"storage must be one of {', '.join(get_args(Storage))}, got {storage}")
        if on_error not in get_args(OnError):
            raise InputError(f"on_error must be one of {', '.join(get_args(OnError))}, got {on_error}")
        if workers < 0:
            raise InputError(f"workers must be at least 0, got {workers}")
        self.image_shape = image_shape
        self.storage = storage
        self.on_error = on_error
        self.workers = workers
        self.cache = cache

    @abstractmethod
    def listed(self) -> dict[SplitName, LabelledImages]:
        """List the images of all splits, as :class:`~xaicf.data.files.ImageFiles`, without decoding them."""

    def prepare_data(self) -> None:
        """Decode what is decoded but once and kept, on one process of each node."""
        if self.storage == "cache" or (self.storage, self.on_error) == ("stream", "skip"):
            self.setup()

    def load(self) -> dict[SplitName, LabelledImages]:
        """List the images, and decode them if they are to be in memory or in a cache.

        Raises:
            DataError: what :meth:`listed` raises; an image cannot be read, or none of a split; or the cache is damaged
                or cannot be written.
        """
        listed = {name: (data, _files(data)) for name, data in self.listed().items()}
        paths = sorted({path for _, files in listed.values() for path in files.paths})
        _, some = next(iter(listed.values()))
        union = ImageFiles(paths, some.shape, some.crop)
        splits = {name: data for name, (data, _) in listed.items()}
        broken: set[str] = set()
        if self.storage == "memory":
            for name, (data, files) in listed.items():
                images, unread = self._decoded(files)
                splits[name] = data._replace(images=images)
                broken |= unread
        elif self.storage == "cache":
            cache = cached(union, self.cache)
            places = {path: place for place, path in enumerate(paths)}
            for name, (data, files) in listed.items():
                rows = torch.tensor([places[path] for path in files.paths])
                splits[name] = data._replace(images=CachedImages(files, cache, rows))
            broken = {paths[row] for row in cache.broken}
        elif self.on_error == "skip":
            broken = {paths[row] for row in broken_files(union, self.cache)}
        if not broken:
            return splits
        if self.on_error == "stop":
            more = f", nor can {len(broken) - 1} others" if len(broken) > 1 else ""
            raise DataError(f"image cannot be read: {min(broken)}{more}; mend it, or set on_error to skip")
        noted = note_broken(union, [row for row, path in enumerate(paths) if path in broken], self.cache)
        return {name: _without(data, listed[name][1], broken, name, noted) for name, data in splits.items()}

    def _decoded(self, files: ImageFiles) -> tuple[Tensor, set[str]]:
        """Decode all images; give also the paths of those that are broken."""
        images = torch.empty((len(files), *files.shape), dtype=torch.uint8)
        broken: set[str] = set()
        for some in torch.split(torch.arange(len(files)), AT_ONCE):
            images[some], unread = files.read(some)
            if unread and self.on_error == "stop":
                raise unread[min(unread)]
            broken |= {files.paths[int(some[place])] for place in unread}
        return images, broken

    def _loader(self, split: SplitName, shuffle: bool = False) -> DataLoader[Batch]:
        if self.storage == "memory" or not self.workers:
            return super()._loader(split, shuffle)
        data = self.split(split)
        return _Loader(
            data,
            batch_size=self.batch_size,
            sampler=RandomSampler(data) if shuffle else SequentialSampler(data),
            num_workers=self.workers,
            persistent_workers=True,
            collate_fn=as_it_is,
            generator=torch.Generator(),  # only seeds the workers, which draw nothing
        )


class _Loader(DataLoader[Batch]):
    """A loader with workers that draws from the global generator as one without does, so that the order is the same."""

    def __iter__(self) -> Any:  # noqa: ANN401  (torch names a private class)
        torch.empty((), dtype=torch.int64).random_()  # without workers, the seed of an iterator that has no use for it
        return self._batches()

    def _batches(self) -> Iterator[Batch]:
        try:
            yield from super().__iter__()
        except DataError as error:  # a worker's, with all its traceback for a message
            raise DataError(str(error).rpartition(f"{DataError.__name__}: ")[2].strip()) from None


def _files(data: LabelledImages) -> ImageFiles:
    assert isinstance(data.images, ImageFiles)
    return data.images


def _without(data: LabelledImages, files: ImageFiles, broken: set[str], name: SplitName, noted: Path) -> LabelledImages:
    """Leave out broken images, and say so."""
    good = [path not in broken for path in files.paths]
    if all(good):
        return data
    if not any(good):
        raise DataError(f"none of the {len(good)} images of the {name} split can be read, see {noted}")
    lost = [path for path, is_good in zip(files.paths, good, strict=True) if not is_good]
    some = ", ".join(lost[:NAMED]) + (f" and {len(lost) - NAMED} more" if len(lost) > NAMED else "")
    _tell(f"{name}: {len(lost)} of {len(good)} images cannot be read and are left out: {some}; {noted} lists all")
    return choose(data, torch.tensor(good).nonzero().flatten())


@rank_zero_only
def _tell(line: str) -> None:
    print(line, flush=True)
