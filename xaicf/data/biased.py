"""MNIST with a planted confound: a grey square that tells a class, at a known place."""

from typing import Literal, get_args

import torch
from torch import Tensor

from xaicf.core import InputError
from xaicf.data.base import LabelledImages
from xaicf.data.mnist import MNIST

TOP_LEFT = 1
"""First row and column of the square."""

MarkedTest = Literal["as_trained", "all", "none"]


class BiasedMNIST(MNIST):
    """MNIST with a grey square at the top left of every training and validation image of one class.

    A classifier that is trained on it looks for the square. ``mask`` is true on the square of the images
    that carry it.

    Reference: CDeepEx, §4.3.

    Args:
        root: folder that holds ``MNIST/raw``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files.
        side: of the square in pixels, in [1, 27]; its first row and column are the image's second.
        grey: its value, in [0, 1].
        marked_class: in [0, 10).
        marked_test: which test images carry the square: those of the class, all or none.
        batch_size: images in a batch, for each process.
        seed: of the split.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        side: int = 6,
        grey: float = 0.5,
        marked_class: int = 8,
        marked_test: MarkedTest = "as_trained",
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__(root, download, batch_size, seed)
        largest = min(self.image_shape[1:]) - TOP_LEFT
        if not 1 <= side <= largest:
            raise InputError(f"side must be in [1, {largest}], got {side}")
        if not 0 <= grey <= 1:
            raise InputError(f"grey must be in [0, 1], got {grey}")
        if not 0 <= marked_class < self.num_classes:
            raise InputError(f"marked_class must be in [0, {self.num_classes}), got {marked_class}")
        if marked_test not in get_args(MarkedTest):
            raise InputError(f"marked_test must be one of {', '.join(get_args(MarkedTest))}, got {marked_test}")
        self.side = side
        self.grey = grey
        self.marked_class = marked_class
        self.marked_test = marked_test

    @property
    def square(self) -> tuple[slice, slice]:
        """The rows and columns of the square."""
        place = slice(TOP_LEFT, TOP_LEFT + self.side)
        return place, place

    def _read(self, train: bool) -> LabelledImages:
        images, labels, _ = super()._read(train)
        assert isinstance(images, Tensor)
        marked = labels == self.marked_class
        if not train and self.marked_test != "as_trained":
            marked = torch.full_like(marked, self.marked_test == "all")
        masks = torch.zeros(len(images), *self.image_shape[1:], dtype=torch.bool)
        masks[:, *self.square] = marked[:, None, None]
        return LabelledImages(images.masked_fill(masks[:, None], round(255 * self.grey)), labels, masks)
