"""Small images that torchvision reads as one array a split."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from torch import Tensor
from torchvision.datasets import VisionDataset

from xaicf.core import DataError, SplitName
from xaicf.data.base import ImageData, LabelledImages, data_root, divide
from xaicf.data.published import demand, fetch_once, first_missing, reading


class TorchvisionArrays(ImageData):
    """A set of torchvision's that fits into memory. A tenth of the training images is the validation split.

    A subclass names its ``source``, which downloads the files and reads them, and sets ``class_names`` and
    ``image_shape``.

    Args:
        root: folder of the data sets; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files.
        batch_size: images in a batch, for each process.
        seed: of the split.
    """

    source: ClassVar[type[VisionDataset]]

    def __init__(self, root: str | None = None, download: bool = False, batch_size: int = 128, seed: int = 0) -> None:
        super().__init__(batch_size, seed)
        self.root = data_root(root)
        self.download = download

    @abstractmethod
    def files(self) -> list[Path]:
        """Name the files that are read."""

    @abstractmethod
    def fetch(self) -> None:
        """Download what is missing, by torchvision."""

    @abstractmethod
    def stored(self, train: bool) -> tuple[Tensor, Tensor]:
        """Read the training or the test images (N, C, H, W) uint8 and labels (N,) int64, by torchvision."""

    def prepare_data(self) -> None:
        """Fetch missing files, on one process."""
        if self.download:
            fetch_once(self.source.__name__, self.root, self._missing, self.fetch)

    def load(self) -> dict[SplitName, LabelledImages]:
        """Read torchvision's files into memory.

        Raises:
            DataError: the files are not there, or damaged.
        """
        val, train = divide(self._read(train=True), (0.1,), self.seed)
        return {"train": train, "val": val, "test": self._read(train=False)}

    def _read(self, train: bool) -> LabelledImages:
        name, folder = self.source.__name__, self.files()[0].parent
        demand(name, self._missing())
        with reading(name, folder):
            images, labels = self.stored(train)
        if len(images) != len(labels):
            raise DataError(f"{name} is damaged: {folder} has {len(images)} images, {len(labels)} labels")
        return LabelledImages(images.contiguous(), labels)

    def _missing(self) -> Path | None:
        return first_missing(self.files())
