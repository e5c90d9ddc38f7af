"""Which class an image is asked for."""

from torch import Tensor

from xaicf.core.types import Labels


def other_classes(labels: Labels, steps: Tensor, num_classes: int) -> Labels:
    """Give the class that lies so many steps (B,) beyond that of each image (B,), its own left out.

    >>> import torch
    >>> other_classes(torch.tensor([0, 2, 2]), torch.tensor([0, 0, 1]), 3)
    tensor([1, 0, 1])
    """
    return (labels + 1 + steps % (num_classes - 1)) % num_classes
