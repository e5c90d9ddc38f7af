"""SVHN: house numbers, a digit at a time."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import datasets

from xaicf.data.arrays import TorchvisionArrays


class SVHN(TorchvisionArrays):
    """73,257 training and 26,032 test images of digits cut out of photographs of house numbers, 32 × 32, colour.

    A tenth of the training images is the validation split. The files call the digit 0 class 10; here it is class 0, as
    in torchvision. Files that do not have the published checksums are damaged.

    Reference: Netzer et al. 2011, "Reading digits in natural images with unsupervised feature learning"; as GANMEX uses
    it, §4.

    Args:
        root: folder that holds ``SVHN/train_32x32.mat`` and ``SVHN/test_32x32.mat``; the environment's ``XAICF_DATA``
            or ``data`` if left out.
        download: fetch missing files.
        extra: train on the 531,131 easier images of ``extra_32x32.mat`` too, in memory 1.6 GB.
        batch_size: images in a batch, for each process.
        seed: of the split.
    """

    source = datasets.SVHN

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        extra: bool = False,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__(root, download, batch_size, seed)
        self.extra = extra
        self.class_names = tuple("0123456789")
        self.image_shape = (3, 32, 32)

    def files(self) -> list[Path]:
        """Name the files that are read."""
        return [self._folder() / datasets.SVHN.split_list[name][1] for name in (*self._parts(True), "test")]

    def fetch(self) -> None:
        """Download what is missing, by torchvision."""
        self._folder().mkdir(exist_ok=True)
        for name in (*self._parts(True), "test"):
            datasets.SVHN(str(self._folder()), name, download=True)

    def stored(self, train: bool) -> tuple[Tensor, Tensor]:
        """Read the training or the test images (N, 3, 32, 32) uint8 and labels (N,) int64, by torchvision."""
        found = [datasets.SVHN(str(self._folder()), name) for name in self._parts(train)]
        images = torch.cat([torch.from_numpy(np.ascontiguousarray(one.data)) for one in found])
        return images, torch.cat([torch.from_numpy(one.labels) for one in found])

    def _folder(self) -> Path:
        return Path(self.root, "SVHN")

    def _parts(self, train: bool) -> tuple[str, ...]:
        return ("train", *["extra"] * self.extra) if train else ("test",)
