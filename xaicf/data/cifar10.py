"""CIFAR-10, as published."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision import datasets

from xaicf.data.arrays import TorchvisionArrays


class CIFAR10(TorchvisionArrays):
    """50,000 training and 10,000 test images of ten kinds of animals and vehicles, 32 × 32, colour.

    A tenth of the training images is the validation split. The files are pickled, so torchvision opens none that does
    not have its published checksum.

    Reference: Krizhevsky 2009, "Learning multiple layers of features from tiny images".

    Args:
        root: folder that holds ``cifar-10-batches-py``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files.
        batch_size: images in a batch, for each process.
        seed: of the split.
    """

    source = datasets.CIFAR10

    def __init__(self, root: str | None = None, download: bool = False, batch_size: int = 128, seed: int = 0) -> None:
        super().__init__(root, download, batch_size, seed)
        names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
        self.class_names = names
        self.image_shape = (3, 32, 32)

    def files(self) -> list[Path]:
        """Name the files that are read."""
        listed = (*datasets.CIFAR10.train_list, *datasets.CIFAR10.test_list)
        names = [*(name for name, _ in listed), datasets.CIFAR10.meta["filename"]]
        return [Path(self.root, datasets.CIFAR10.base_folder, name) for name in names]

    def fetch(self) -> None:
        """Download what is missing, by torchvision."""
        datasets.CIFAR10(str(self.root), download=True)

    def stored(self, train: bool) -> tuple[Tensor, Tensor]:
        """Read the training or the test images (N, 3, 32, 32) uint8 and labels (N,) int64, by torchvision."""
        found = datasets.CIFAR10(str(self.root), train=train)
        return torch.from_numpy(found.data).permute(0, 3, 1, 2), torch.tensor(found.targets)
