"""A planted confound: a grey square that tells a class, at a known place."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from xaicf.core import ImageShape, InputError
from xaicf.data.base import LabelledImages

MarkedTest = Literal["as_trained", "all", "none"]

TOP_LEFT = 1
"""First row and column of the square."""


@dataclass(frozen=True)
class Square:
    """A grey square at the top left of every training and validation image of one class.

    Args:
        side: of the square in pixels; its first row and column are the image's second.
        grey: its value, in [0, 1].
        marked_class: that carries it.
        marked_test: which test images carry it: those of the class, all or none.

    Raises:
        InputError: an option is out of its range.
    """

    side: int = 6
    grey: float = 0.5
    marked_class: int = 8
    marked_test: MarkedTest = "as_trained"

    def __post_init__(self) -> None:
        if not 0 <= self.grey <= 1:
            raise InputError(f"grey must be in [0, 1], got {self.grey}")
        if self.marked_test not in get_args(MarkedTest):
            raise InputError(f"marked_test must be one of {', '.join(get_args(MarkedTest))}, got {self.marked_test}")

    def check(self, image_shape: ImageShape, num_classes: int) -> None:
        """Raise :class:`InputError` where the square or its class do not fit the data."""
        largest = min(image_shape[1:]) - TOP_LEFT
        if not 1 <= self.side <= largest:
            raise InputError(f"side must be in [1, {largest}], got {self.side}")
        if not 0 <= self.marked_class < num_classes:
            raise InputError(f"marked_class must be in [0, {num_classes}), got {self.marked_class}")

    @property
    def place(self) -> tuple[slice, slice]:
        """The rows and columns of the square."""
        along = slice(TOP_LEFT, TOP_LEFT + self.side)
        return along, along

    def planted(self, data: LabelledImages, train: bool) -> LabelledImages:
        """Plant the square, and give masks that are true on it.

        Args:
            data: images in memory.
            train: whether they are of the training or validation split.
        """
        images = data.images
        assert isinstance(images, Tensor)
        marked = data.labels == self.marked_class
        if not train and self.marked_test != "as_trained":
            marked = torch.full_like(marked, self.marked_test == "all")
        masks = torch.zeros(len(images), *images.shape[2:], dtype=torch.bool)
        masks[:, *self.place] = marked[:, None, None]
        return data._replace(images=images.masked_fill(masks[:, None], round(255 * self.grey)), masks=masks)
