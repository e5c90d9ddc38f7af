"""MNIST in colours that say nothing of the digit."""

import torch

from xaicf.data.base import LabelledImages
from xaicf.data.mnist import MNIST

COLOURS = ("red", "green", "blue")


class ColouredMNIST(MNIST):
    """MNIST on three channels, each digit in red, green or blue at random, on black; labels unchanged.

    The colour is a mode of the data that the class does not depend on, so that a class-targeted baseline should keep
    it. It is drawn by the seed, and is the channel that is not zero: see :func:`colours_of`.

    Reference: Shih et al. 2021, "GANMEX", §5.

    Args:
        root: folder that holds ``MNIST/raw``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files.
        batch_size: images in a batch, for each process.
        seed: of the split and the colours.
    """

    def __init__(self, root: str | None = None, download: bool = False, batch_size: int = 128, seed: int = 0) -> None:
        super().__init__(root, download, batch_size, seed)
        self.image_shape = (len(COLOURS), *self.image_shape[1:])

    def _read(self, train: bool) -> LabelledImages:
        data = super()._read(train)
        images = data.images
        assert isinstance(images, torch.Tensor)
        # The test's are other draws than the training images'.
        source = torch.Generator().manual_seed(2 * self.seed + (not train))
        colours = torch.randint(len(COLOURS), data.labels.shape, generator=source)
        coloured = torch.zeros(len(images), len(COLOURS), *images.shape[2:], dtype=images.dtype)
        coloured[torch.arange(len(images)), colours] = images[:, 0]
        return data._replace(images=coloured)


def colours_of(images: torch.Tensor) -> torch.Tensor:
    """Give the colour of images (B, 3, H, W) as the channel with the largest sum (B,), a number in :data:`COLOURS`."""
    return images.sum((2, 3)).argmax(1)
