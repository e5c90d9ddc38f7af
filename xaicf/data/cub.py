"""CUB-200-2011: birds, where they are, and where their parts are."""

import math
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor
from torchvision.datasets.utils import download_and_extract_archive

from xaicf.core import InputError, SplitName
from xaicf.data.base import data_root
from xaicf.data.boxes import DiscMasks
from xaicf.data.listed import OnError, Storage
from xaicf.data.official import Listing, OfficialImages, boxes, table, words

ARCHIVE = "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz"

MD5 = "97eceeb196236b17998738112f37df78"

Masks = Literal["box", "parts"]
"""What is known to matter: the bird's bounding box, or discs around the parts of it that are seen."""


class CUB200(OfficialImages):
    """5,994 training and 5,794 test photographs of 200 species of birds, in colour.

    The splits are the official ones; a part of the training images is cut for validation. ``mask`` is true within the
    bird's bounding box, or near those of its 15 parts that are seen.

    Reference: Wah et al. 2011, "The Caltech-UCSD Birds-200-2011 dataset"; as weighted contrast uses it, §5.2.

    Args:
        root: folder that holds ``CUB_200_2011``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files.
        masks: ``box`` or ``parts``.
        radius: of the disc around a part, as a share of the image's side, above 0.
        image_size: side of the square in pixels.
        val_fraction: share of the training images for validation, in (0, 1).
        storage: of decoded images: ``memory``, ``cache`` or ``stream``; see :class:`~xaicf.data.listed.ListedImages`.
        on_error: ``stop`` at an image that cannot be read, or ``skip`` it.
        workers: processes that read the next batches meanwhile, where images are not in memory.
        cache: folder of the cache.
        batch_size: images in a batch, for each process.
        seed: of the split.

    Raises:
        DataError: a file is missing or damaged.
        InputError: an option is out of its range.
    """

    title = "CUB-200-2011"
    needs = (
        "classes.txt",
        "images.txt",
        "image_class_labels.txt",
        "train_test_split.txt",
        "bounding_boxes.txt",
        "parts/part_locs.txt",
        "images",
    )

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        masks: Masks = "box",
        radius: float = 0.06,
        image_size: int = 224,
        val_fraction: float = 0.1,
        storage: Storage = "stream",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        if masks not in get_args(Masks):
            raise InputError(f"masks must be one of {', '.join(get_args(Masks))}, got {masks}")
        if radius <= 0:
            raise InputError(f"radius must be above 0, got {radius}")
        self.masks: Masks = masks
        self.radius = radius
        folder = data_root(root) / "CUB_200_2011"
        super().__init__(
            folder, download, image_size, val_fraction, storage, on_error, workers, cache, batch_size, seed
        )

    def fetch(self) -> None:
        """Download and unpack the archive, 1.1 GB."""
        download_and_extract_archive(ARCHIVE, str(self.folder.parent), md5=MD5)

    def read_classes(self) -> tuple[str, ...]:
        """Read the names of the species, without the numbers before them."""
        return tuple(row[1].partition(".")[2].replace("_", " ") for row in words(self.folder / "classes.txt", 2))

    def read_split(self, name: SplitName) -> Listing | None:
        """List the images whose row says that they are for training, or that they are not."""
        if name == "val":
            return None
        images, classes, trained, given = (
            table(self.folder / f"{file}.txt", cells)
            for file, cells in (
                ("images", 2),
                ("image_class_labels", 2),
                ("train_test_split", 2),
                ("bounding_boxes", 5),
            )
        )
        rows = [number for number in images if trained[number][0] == ("1" if name == "train" else "0")]
        listed = Listing(
            [str(Path(self.folder, "images", images[number][0])) for number in rows],
            [int(classes[number][0]) - 1 for number in rows],
        )
        if self.masks == "parts":
            parts = self._parts(rows)
            return listed._replace(masks=lambda files: DiscMasks(files, parts, self.radius))
        edges = [tuple(map(float, given[number])) for number in rows]
        return listed._replace(
            masks=boxes([(left, top, left + width, top + height) for left, top, width, height in edges])
        )

    def _parts(self, rows: list[str]) -> Tensor:
        """Read where the parts are (N, P, 2), NaN for one that is not seen."""
        places: dict[str, list[tuple[float, float]]] = {number: [] for number in rows}
        for number, _, left, top, visible in words(self.folder / "parts/part_locs.txt", 5):
            if number in places:
                seen = visible == "1"
                places[number].append((float(left), float(top)) if seen else (math.nan, math.nan))
        return torch.tensor(list(places.values()), dtype=torch.float64)
