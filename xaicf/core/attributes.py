"""Which attributes an image is asked for."""

from torch import Tensor

from xaicf.core.types import Attributes


def same_side(attributes: Attributes, others: Attributes) -> Tensor:
    """Tell where attributes (B, A) and others lie on the same side of 0.5, which counts as above.

    >>> import torch
    >>> same_side(torch.tensor([[0.2, 0.7]]), torch.tensor([[0.6, 0.5]]))
    tensor([[False,  True]])
    """
    return (attributes >= 0.5) == (others >= 0.5)


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
