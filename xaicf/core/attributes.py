"""Which attributes an image is asked for."""

from xaicf.core.types import Attributes


def other_side(attributes: Attributes, number: int) -> Attributes:
    """Set one attribute of each image (B, A) to 0 where it is at least 0.5, else to 1; the others stay.

    >>> import torch
    >>> other_side(torch.tensor([[0.2, 0.7], [0.5, 0.1]]), 0)
    tensor([[1.0000, 0.7000],
            [0.0000, 0.1000]])
    """
    turned = attributes.clone()
    turned[:, number] = (attributes[:, number] < 0.5).to(attributes.dtype)
    return turned
