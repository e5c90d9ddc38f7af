"""CelebA: faces with forty attributes, one of which is the class."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torchvision import datasets

from xaicf.core import DataError, InputError, SplitName
from xaicf.data.attribute_folder import with_label
from xaicf.data.attribute_table import by_split, labelled, read_rows
from xaicf.data.base import LabelledImages, choose, data_root
from xaicf.data.listed import ListedImages, OnError, Storage
from xaicf.data.published import demand, fetch_once, first_missing

ATTGAN = (
    "Bald",
    "Bangs",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Eyeglasses",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "No_Beard",
    "Pale_Skin",
    "Young",
)
"""The attributes that AttGAN edits."""

CROP = 170
"""Side in pixels of the square that AttGAN cuts out of the middle of 178 × 218."""


class CelebA(ListedImages):
    """202,599 aligned photographs of faces, with 40 attributes each, in colour.

    The middle 170 × 170 pixels are scaled to the size that is asked for. The splits are the official ones. The classes
    are named ``not LABEL`` and ``LABEL``; the label stays an attribute too, so that it can be held like the others.

    The files are those of torchvision, in ``celeba`` within ``root``: the folder ``img_align_celeba``,
    ``list_attr_celeba.txt`` and ``list_eval_partition.txt``; only these are read.

    References: Liu et al. 2015, "Deep learning face attributes in the wild"; He et al. 2019, "AttGAN", §4.1, for the
    attributes and the cut.

    Args:
        root: folder that holds ``celeba``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files, by torchvision, which needs gdown.
        label: name of the attribute that is the class.
        attributes: names of those that are kept, in this order, the label at the end unless it is among them; AttGAN's
            thirteen if left out.
        image_size: side of the square in pixels.
        storage: of decoded images: ``memory``, ``cache`` or ``stream``; see :class:`~xaicf.data.listed.ListedImages`.
        on_error: ``stop`` at an image that is missing or cannot be read, or ``skip`` it.
        workers: processes that read the next batches meanwhile, where images are not in memory.
        cache: folder of caches; the environment's ``XAICF_CACHE``, or ``.xaicf`` beside the images if left out.
        batch_size: images in a batch, for each process.
        seed: kept for the sake of other data; nothing here is drawn.

    Raises:
        InputError: attributes are named twice, or a size is out of its range.
    """

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        label: str = "Young",
        attributes: Sequence[str] | None = None,
        image_size: int = 128,
        storage: Storage = "stream",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__((3, image_size, image_size), storage, on_error, workers, cache, batch_size, seed)
        self.root = data_root(root)
        self.download = download
        self.label = label
        self.attribute_names = with_label(ATTGAN if attributes is None else attributes, label)
        self.class_names = (f"not {label}", label)
        base = self.root / datasets.CelebA.base_folder
        self.images, self.table = base / "img_align_celeba", base / "list_attr_celeba.txt"
        self.partition = base / "list_eval_partition.txt"

    def prepare_data(self) -> None:
        """Fetch missing files, and make the cache, on one process."""
        if self.download:
            fetch_once("CelebA", self.root, self._missing, lambda: datasets.CelebA(str(self.root), download=True))
        super().prepare_data()

    def listed(self) -> dict[SplitName, LabelledImages]:
        """Read the tables.

        Raises:
            DataError: a file is not there or damaged, or there is no such attribute.
        """
        demand("CelebA", self._missing())
        try:
            with self.table.open(encoding="utf-8", errors="replace") as file:
                if not next(file, "").strip().isdigit():
                    raise DataError(f"{self.table} must begin with the number of its rows")
                header = ["image", *next(file, "").split()]
                table = read_rows((line.split() for line in file), header, self.attribute_names, self.table)
            with self.partition.open(encoding="utf-8", errors="replace") as file:
                splits = {row[0]: row[-1] for row in map(str.split, file) if row}
        except OSError as error:
            raise DataError(f"CelebA's tables cannot be read: {error}") from error
        unknown = [image for image in table.files if image not in splits]
        if unknown:
            raise DataError(f"{self.partition} names no split for {len(unknown)} images, the first {unknown[0]}")
        data = labelled(table, self.images, self.label, self.image_shape, self.table, CROP, self.on_error)
        return by_split(data, [splits[image] for image in table.files], self.partition)

    def _missing(self) -> Path | None:
        return first_missing((self.images, self.table, self.partition))


class CelebAHair(CelebA):
    """CelebA's blonde women, dark-haired men and dark-haired women; men with blond hair are few.

    Faces with neither hair, or with both, are left out. The paper does not say which attributes make hair dark.

    Reference: CDeepEx, §4.4.

    Args:
        root: folder that holds ``celeba``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files, by torchvision, which needs gdown.
        dark: attributes any of which makes hair dark.
        image_size: side of the square in pixels.
        storage: of decoded images: ``memory``, ``cache`` or ``stream``; see :class:`~xaicf.data.listed.ListedImages`.
        on_error: ``stop`` at an image that is missing or cannot be read, or ``skip`` it.
        workers: processes that read the next batches meanwhile, where images are not in memory.
        cache: folder of the cache.
        batch_size: images in a batch, for each process.
        seed: kept for the sake of other data; nothing here is drawn.

    Raises:
        InputError: no attribute is named, one twice, or a size is out of its range.
    """

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        dark: Sequence[str] = ("Black_Hair", "Brown_Hair"),
        image_size: int = 64,
        storage: Storage = "stream",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        if not dark:
            raise InputError("dark must name an attribute or more, got none")
        named = ("Blond_Hair", *dark, *(name for name in ATTGAN if name not in {"Blond_Hair", *dark}))
        super().__init__(root, download, "Male", named, image_size, storage, on_error, workers, cache, batch_size, seed)
        self.dark = tuple(dark)
        self.class_names = ("blonde female", "dark-haired male", "dark-haired female")

    def listed(self) -> dict[SplitName, LabelledImages]:
        """Read the tables, and leave out the faces of no class.

        Raises:
            DataError: see :class:`CelebA`, or a split is left without a face.
        """
        return {name: self._of_a_class(data, name) for name, data in super().listed().items()}

    def _of_a_class(self, data: LabelledImages, split: SplitName) -> LabelledImages:
        assert data.attributes is not None
        had = dict(zip(self.attribute_names, (data.attributes > 0.5).unbind(1), strict=True))
        dark = torch.stack([had[name] for name in self.dark]).any(0)
        rows = ((had["Blond_Hair"] ^ dark) & ~(had["Blond_Hair"] & had["Male"])).nonzero()[:, 0]
        if not len(rows):
            raise DataError(f"{self.table} names no {', '.join(self.class_names)} in the split {split}")
        labels = torch.where(had["Blond_Hair"], 0, torch.where(had["Male"], 1, 2))
        return choose(data, rows)._replace(labels=labels[rows])
