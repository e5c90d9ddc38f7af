"""Parts that several networks share."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xaicf.core.errors import InputError
from xaicf.core.types import Images


class Normalize(nn.Module):
    """Shift and scale images in [0, 1], so that a classifier normalises inside itself.

    Args:
        mean: per channel, or one number for all.
        std: per channel, or one number for all.

    Raises:
        InputError: a ``std`` is not positive.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] = (0.5,), std: Sequence[float] = (0.5,)) -> None:
        super().__init__()
        if not all(value > 0 for value in std):
            raise InputError(f"std must be positive, got {list(std)}")
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Images) -> Images:
        """Map images (B, C, H, W) to (image - mean) / std."""
        return (images - self.mean) / self.std


def conv_block(channels_in: int, channels_out: int) -> nn.Sequential:
    """Make a 3×3 convolution, batch norm and ReLU at unchanged size."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


def halvings(size: int, times: int) -> list[int]:
    """Give the sizes that ``times`` stride-2 convolutions (kernel 3, padding 1) pass through.

    >>> halvings(28, 3)
    [28, 14, 7, 4]
    """
    sizes = [size]
    for _ in range(times):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def halving_kernel(height: int, width: int) -> tuple[int, int]:
    """Give the kernel that takes a size to its half, rounded up, with stride 2 and padding 1, and transposed back.

    >>> halving_kernel(28, 7)
    (4, 3)
    """
    return 4 - height % 2, 4 - width % 2
