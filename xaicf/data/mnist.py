"""MNIST and the sets that share its files."""

from pathlib import Path
from typing import ClassVar

from torchvision import datasets

from xaicf.core import DataError, SplitName
from xaicf.data.base import ImageData, LabelledImages, data_root, divide


class MNIST(ImageData):
    """60,000 training and 10,000 test images of handwritten digits, 28 × 28, grey.

    A tenth of the training images is the validation split.

    Reference: LeCun et al. 1998.

    Args:
        root: folder that holds ``MNIST/raw``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files.
        batch_size: images in a batch, for each process.
        seed: of the split.
    """

    source: ClassVar[type[datasets.MNIST]] = datasets.MNIST

    def __init__(self, root: str | None = None, download: bool = False, batch_size: int = 128, seed: int = 0) -> None:
        super().__init__(batch_size, seed)
        self.root = data_root(root)
        self.download = download
        self.class_names = tuple("0123456789")
        self.image_shape = (1, 28, 28)

    def prepare_data(self) -> None:
        """Fetch missing files, on one process."""
        if self.download and not self._is_there():
            try:
                self.source(str(self.root), download=True)
            except (OSError, RuntimeError) as error:
                name = self.source.__name__
                raise DataError(f"{name} is not in {self.root} and could not be downloaded: {error}") from error

    def load(self) -> dict[SplitName, LabelledImages]:
        """Read torchvision's files into memory.

        Raises:
            DataError: the files are not there, or damaged.
        """
        val, train = divide(self._read(train=True), (0.1,), self.seed)
        return {"train": train, "val": val, "test": self._read(train=False)}

    def _read(self, train: bool) -> LabelledImages:
        name = self.source.__name__
        if not self._is_there():
            raise DataError(f"{name} not found: expected its files in {self._folder()}; set root, or download to true")
        try:
            stored = self.source(str(self.root), train=train)
        except (AssertionError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise DataError(f"{name} is damaged: fetch the files in {self._folder()} again") from error
        images, labels = stored.data, stored.targets
        if len(images) != len(labels):
            raise DataError(f"{name} is damaged: {self._folder()} has {len(images)} images, {len(labels)} labels")
        return LabelledImages(images[:, None].contiguous(), labels)

    def _folder(self) -> Path:
        return Path(self.root, self.source.__name__, "raw")

    def _is_there(self) -> bool:
        return all((self._folder() / Path(url).stem).is_file() for url, _ in self.source.resources)


class FashionMNIST(MNIST):
    """60,000 training and 10,000 test images of clothes, 28 × 28, grey.

    Reference: Xiao, Rasul and Vollgraf 2017.

    Args:
        root: folder that holds ``FashionMNIST/raw``; the environment's ``XAICF_DATA`` or ``data`` if left
            out.
        download: fetch missing files.
        batch_size: images in a batch, for each process.
        seed: of the split.
    """

    source = datasets.FashionMNIST

    def __init__(self, root: str | None = None, download: bool = False, batch_size: int = 128, seed: int = 0) -> None:
        super().__init__(root, download, batch_size, seed)
        self.class_names = tuple(datasets.FashionMNIST.classes)
