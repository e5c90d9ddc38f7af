"""Splits of labelled images as uint8, a batch by one indexing operation."""

import hashlib
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from xaicf.core import Batch, DataError, ImageShape, InputError, SplitName
from xaicf.data.files import ImageFiles

T = TypeVar("T")

REFERENCE_BYTES = 2**30
"""Of memory for reference images at most."""


class Masks(Protocol):
    """Stands in the place of masks (N, H, W) bool: an index makes what it names, and nothing is kept."""

    def __getitem__(self, index: Tensor, /) -> Tensor:
        """Give the masks (B, H, W) bool of positions (B,)."""

    def subset(self, index: Tensor, /) -> "Masks":
        """Choose some masks without making them."""


class LabelledImages(NamedTuple):
    """Images (N, C, H, W) uint8, labels (N,) int64 and, where known, masks and attributes.

    Masks (N, H, W) bool are true on the pixels that matter; attributes (N, A) are float32 in [0, 1].
    """

    images: Tensor | ImageFiles
    labels: Tensor
    masks: Tensor | Masks | None = None
    attributes: Tensor | None = None


class Split(Dataset[Batch]):
    """One split. A sample's stable id is its position.

    Args:
        data: images, labels, and perhaps masks and attributes.
    """

    def __init__(self, data: LabelledImages) -> None:
        self.images, self.labels, self.masks, self.attributes = data

    def __len__(self) -> int:
        """Give the number of images."""
        return len(self.labels)

    def digest(self) -> str:
        """Give the SHA-256 of all images and labels; of images in files that of their paths and sizes."""
        found = hashlib.sha256(self.labels.numpy().tobytes())
        if isinstance(self.images, Tensor):
            for some in torch.split(self.images, 1024):
                found.update(some.contiguous().numpy().tobytes())
        else:
            for path in self.images.paths:
                found.update(os.fsencode(path) + f" {Path(path).stat().st_size}\n".encode())
        return found.hexdigest()

    def __getitem__(self, id_: int) -> Batch:
        """Give a batch of one image."""
        return self.__getitems__([id_])

    def __getitems__(self, ids: Sequence[int]) -> Batch:
        """Give a batch, its images still uint8; the data module casts them on the device."""
        index = torch.as_tensor(ids, dtype=torch.int64)
        batch: Batch = {"image": self.images[index], "label": self.labels[index], "index": index}
        if self.masks is not None:
            batch["mask"] = self.masks[index]
        if self.attributes is not None:
            batch["attributes"] = self.attributes[index]
        return batch


class ImageData(LightningDataModule, ABC):
    """Train, validation and test splits of labelled images.

    A subclass sets ``class_names`` and ``image_shape`` in its constructor and reads its files in
    :meth:`load`.

    Attributes:
        class_names: one for each class.
        image_shape: channels, height, width.
        attribute_names: one for each column of a batch's ``attributes``; none where the data has no attributes.

    Args:
        batch_size: images in a batch, for each process.
        seed: of the split, never of the shuffling.
    """

    class_names: tuple[str, ...]
    image_shape: ImageShape
    attribute_names: tuple[str, ...] = ()

    def __init__(self, batch_size: int = 128, seed: int = 0) -> None:
        super().__init__()
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, got {batch_size}")
        self.batch_size = batch_size
        self.seed = seed
        self.splits: dict[SplitName, Split] = {}

    @property
    def num_classes(self) -> int:
        """Give the number of classes."""
        return len(self.class_names)

    @abstractmethod
    def load(self) -> dict[SplitName, LabelledImages]:
        """Read all splits."""

    def setup(self, stage: str | None = None) -> None:
        """Read the splits once."""
        if not self.splits:
            self.splits = {name: Split(data) for name, data in self.load().items()}

    def split(self, name: SplitName) -> Split:
        """Give a split that was set up.

        Raises:
            InputError: the data has none of that name.
        """
        if name not in self.splits:
            raise InputError(f"data has no {name} split, only {', '.join(self.splits)}")
        return self.splits[name]

    def samples(self, ids: Sequence[int], split: SplitName = "val") -> Batch:
        """Give chosen samples, on the CPU.

        Args:
            ids: stable ids in the split.
            split: which split.

        Returns:
            A batch with images float32 in [0, 1].

        Raises:
            InputError: an id is not in the split.
        """
        self.setup()
        size = len(self.split(split))
        for id_ in ids:
            if not 0 <= id_ < size:
                raise InputError(f"sample id must be in [0, {size}) for the {split} split, got {id_}")
        return self.on_after_batch_transfer(self.splits[split].__getitems__(ids), 0)

    def reference(self, whole: bool = False, count: int = 2000) -> Batch:
        """Give training images for methods and measures that compare with them, evenly from the split, on the CPU.

        Args:
            whole: all of them, or as many as fit into 1 GiB.
            count: at most so many of these, if not ``whole``.

        Raises:
            InputError: the data has no training split.
        """
        self.setup()
        size = len(self.split("train"))
        fit = range(0, size, -(-size * math.prod(self.image_shape) * 4 // REFERENCE_BYTES))
        return self.samples(fit if whole else fit[:: -(-len(fit) // count)], "train")

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Cast images to float32 in [0, 1], on the device."""
        return {**batch, "image": batch["image"].float().div_(255)}

    def train_dataloader(self) -> DataLoader[Batch]:
        """Give shuffled training batches."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Give validation batches in order."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Give test batches in order."""
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Give test batches in order."""
        return self._loader("test")

    def _loader(self, split: SplitName, shuffle: bool = False) -> DataLoader[Batch]:
        return DataLoader(
            self.split(split),
            batch_size=self.batch_size,  # by keyword: Lightning makes the loader again for predict
            shuffle=shuffle,
            collate_fn=as_it_is,
        )


def as_it_is(batch: T) -> T:
    """Collate what is a batch already."""
    return batch


def divide(data: LabelledImages, fractions: Sequence[float], seed: int) -> list[LabelledImages]:
    """Divide samples at random into parts, the last one taking what is left.

    Args:
        data: images, labels, and perhaps masks and attributes.
        fractions: of all parts but the last, each in (0, 1).
        seed: of the division.

    Returns:
        One part for each fraction, and the rest.

    Raises:
        DataError: a part would be empty.
    """
    count = len(data.labels)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    sizes = [round(fraction * count) for fraction in fractions]
    sizes.append(count - sum(sizes))
    if min(sizes) < 1:
        raise DataError(
            f"{count} images are too few to divide: each of {len(sizes)} parts must have one or more, got {sizes}"
        )
    return [choose(data, part) for part in torch.split(order, sizes)]


def cut_missing(
    splits: Mapping[SplitName, LabelledImages], fractions: Mapping[SplitName, float], seed: int
) -> dict[SplitName, LabelledImages]:
    """Cut from ``train`` the splits that are not given, at random.

    Args:
        splits: those that are given, ``train`` among them.
        fractions: of ``train``, for each of the others that there must be.
        seed: of the division.

    Raises:
        DataError: ``train`` is too small.
    """
    missing = [name for name in fractions if name not in splits]
    if not missing:
        return dict(splits)
    parts = divide(splits["train"], [fractions[name] for name in missing], seed)
    return {**splits, **dict(zip([*missing, "train"], parts, strict=True))}


def choose(data: LabelledImages, index: Tensor) -> LabelledImages:
    """Choose some samples, at positions (M,), with all that is known of them."""
    images = data.images[index] if isinstance(data.images, Tensor) else data.images.subset(index)
    masks = data.masks
    if masks is not None:
        masks = masks[index] if isinstance(masks, Tensor) else masks.subset(index)
    attributes = None if data.attributes is None else data.attributes[index]
    return LabelledImages(images, data.labels[index], masks, attributes)


def data_root(root: str | Path | None) -> Path:
    """Give the folder of the data sets: ``root``, else the environment's ``XAICF_DATA``, else ``data``."""
    return Path(root or os.environ.get("XAICF_DATA") or "data")
