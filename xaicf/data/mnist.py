"""MNIST and the sets that share its files."""

from pathlib import Path
from typing import ClassVar

from torch import Tensor
from torchvision import datasets

from xaicf.data.arrays import TorchvisionArrays


class MNIST(TorchvisionArrays):
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
        super().__init__(root, download, batch_size, seed)
        self.class_names = tuple("0123456789")
        self.image_shape = (1, 28, 28)

    def files(self) -> list[Path]:
        """Name the files that are read."""
        folder = Path(self.root, self.source.__name__, "raw")
        return [folder / Path(url).stem for url, _ in self.source.resources]

    def fetch(self) -> None:
        """Download what is missing, by torchvision."""
        self.source(str(self.root), download=True)

    def stored(self, train: bool) -> tuple[Tensor, Tensor]:
        """Read the training or the test images (N, 1, 28, 28) uint8 and labels (N,) int64, by torchvision."""
        found = self.source(str(self.root), train=train)
        return found.data[:, None], found.targets


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
