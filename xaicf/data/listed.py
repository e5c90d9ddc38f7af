"""Data whose images are files: where they are kept until a batch asks for them."""

from abc import ABC, abstractmethod
from typing import Literal, get_args

import torch

from xaicf.core import ImageShape, InputError, SplitName
from xaicf.data.base import ImageData, LabelledImages
from xaicf.data.files import ImageFiles

Storage = Literal["memory", "cache", "stream"]
"""Where decoded images are: all in memory, all in a file that is mapped into memory, or nowhere."""

OnError = Literal["stop", "skip"]
"""What is done about an image that cannot be read."""

AT_ONCE = 1024
"""Images that are decoded together."""


class ListedImages(ImageData, ABC):
    """Data whose images are files, which a subclass lists. The batches are the same whatever the storage.

    Args:
        image_shape: channels, 1 for grey and 3 for colour, height, width.
        storage: ``memory`` decodes all images once; ``stream`` decodes those of each batch anew, and images take no
            memory beyond it, however many there are.
        on_error: ``stop`` at an image that cannot be read, or ``skip`` it.
        workers: processes that decode the next batches meanwhile, where images are streamed.
        cache: folder of the cache.
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

    def load(self) -> dict[SplitName, LabelledImages]:
        """List the images, and decode them if they are to be in memory.

        Raises:
            DataError: what :meth:`listed` raises, or an image cannot be read.
        """
        splits = self.listed()
        if self.storage == "stream":
            return splits
        return {name: _in_memory(data) for name, data in splits.items()}


def _in_memory(data: LabelledImages) -> LabelledImages:
    assert isinstance(data.images, ImageFiles)
    images = torch.empty((len(data.images), *data.images.shape), dtype=torch.uint8)
    for some in torch.split(torch.arange(len(images)), AT_ONCE):
        images[some] = data.images[some]
    return data._replace(images=images)
