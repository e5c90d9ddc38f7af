"""The residual networks for small images."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from xaicf.core.errors import InputError
from xaicf.core.types import Images, ImageShape, Logits
from xaicf.nn.blocks import Normalize


class CifarResNet(nn.Module):
    """Three groups of residual blocks at full, half and quarter size, global average pooling and a linear layer.

    Shortcuts have no weights (option A): where the size halves, every second pixel is taken, and new channels are zero.

    Reference: He et al. 2016, "Deep residual learning for image recognition", §4.2.

    Args:
        image_shape: channels, height, width.
        num_classes: number of logits.
        depth: number of layers with weights, 6n + 2.
        width: channels of the first group, an even number; they double with each group.
        mean: of the data, per channel or one for all.
        std: of the data, per channel or one for all.

    Raises:
        InputError: there is no network of that depth or width.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        num_classes: int,
        depth: int = 20,
        width: int = 16,
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.5,),
    ) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise InputError(f"depth must be 8, 14, 20 or another 6n + 2, got {depth}")
        if width < 2 or width % 2:
            raise InputError(f"width must be even and at least 2, got {width}")
        blocks = (depth - 2) // 6
        self.normalize = Normalize(mean, std)
        self.conv1 = nn.Conv2d(image_shape[0], width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.layer1 = _group(width, width, blocks)
        self.layer2 = _group(width, 2 * width, blocks)
        self.layer3 = _group(2 * width, 4 * width, blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(4 * width, num_classes)

    def forward(self, images: Images) -> Logits:
        """Map images (B, C, H, W) in [0, 1] to logits (B, num_classes)."""
        values = self.relu(self.bn1(self.conv1(self.normalize(images))))
        values = self.layer3(self.layer2(self.layer1(values)))
        logits: Logits = self.linear(self.pool(values).flatten(1))
        return logits


class _Block(nn.Module):
    """Two convolutions, each with batch norm, beside a shortcut."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        stride = channels_out // channels_in
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.relu2 = nn.ReLU()
        self.stride, self.new = stride, (channels_out - channels_in) // 2

    def forward(self, values: Tensor) -> Tensor:
        changed = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(values)))))
        kept = functional.pad(values[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.new, self.new))
        result: Tensor = self.relu2(torch.add(changed, kept))
        return result


def _group(channels_in: int, channels_out: int, blocks: int) -> nn.Sequential:
    more = (_Block(channels_out, channels_out) for _ in range(blocks - 1))
    return nn.Sequential(_Block(channels_in, channels_out), *more)
