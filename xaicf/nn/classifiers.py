"""Classifiers: images in [0, 1] to logits. Built from an image shape and a number of classes."""

import math
from collections.abc import Sequence

import torch
import torchvision
from torch import nn

from xaicf.core.errors import InputError
from xaicf.core.separate import one_module_per_use
from xaicf.core.types import Images, ImageShape, Logits
from xaicf.nn.blocks import Normalize, conv_block
from xaicf.nn.pretrained import head_of, published_weights, start_from, stored_weights


class SoftmaxRegression(nn.Sequential):
    """One linear layer on all pixels.

    Args:
        image_shape: channels, height, width.
        num_classes: number of logits.
        mean: of the data, per channel or one for all.
        std: of the data, per channel or one for all.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        num_classes: int,
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.5,),
    ) -> None:
        super().__init__(Normalize(mean, std), nn.Flatten(), nn.Linear(math.prod(image_shape), num_classes))


class TwoConv(nn.Sequential):
    """Two convolutions of kernel 5, each with ReLU and max-pooling, and two linear layers.

    Reference: CDeepEx, §4.1 (10 and 20 channels, 50 hidden units).

    Args:
        image_shape: channels, height, width; at least 16 × 16 pixels.
        num_classes: number of logits.
        channels: of the two convolutions.
        hidden: units of the first linear layer.
        mean: of the data, per channel or one for all.
        std: of the data, per channel or one for all.

    Raises:
        InputError: the images are too small.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        num_classes: int,
        channels: tuple[int, int] = (10, 20),
        hidden: int = 50,
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.5,),
    ) -> None:
        height, width = (((size - 4) // 2 - 4) // 2 for size in image_shape[1:])
        if min(height, width) < 1:
            raise InputError(f"TwoConv needs images of at least 16 x 16 pixels, got {image_shape[1:]}")
        super().__init__(
            Normalize(mean, std),
            nn.Conv2d(image_shape[0], channels[0], 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels[0], channels[1], 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(channels[1] * height * width, hidden),
            nn.ReLU(),
            nn.Linear(hidden, num_classes),
        )


class SmallVGG(nn.Sequential):
    """Blocks of two convolutions with batch norm, each block ending in max-pooling, then two linear layers.

    Args:
        image_shape: channels, height, width.
        num_classes: number of logits.
        channels: of each block; every block halves the image.
        hidden: units of the first linear layer.
        dropout: share of hidden units dropped in training.
        mean: of the data, per channel or one for all.
        std: of the data, per channel or one for all.

    Raises:
        InputError: the images are too small for that many blocks.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        num_classes: int,
        channels: Sequence[int] = (32, 64, 128),
        hidden: int = 128,
        dropout: float = 0.3,
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.5,),
    ) -> None:
        height, width = (size >> len(channels) for size in image_shape[1:])
        if min(height, width) < 1:
            raise InputError(f"{len(channels)} halvings are too many for images of {image_shape[1:]} pixels")
        layers: list[nn.Module] = [Normalize(mean, std)]
        for channels_in, channels_out in zip((image_shape[0], *channels), channels, strict=False):
            layers += [*conv_block(channels_in, channels_out), *conv_block(channels_out, channels_out)]
            layers += [nn.MaxPool2d(2)]
        super().__init__(
            *layers,
            nn.Flatten(),
            nn.Linear(channels[-1] * height * width, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, num_classes),
        )


class TorchvisionNet(nn.Module):
    """A classifier of torchvision with its first layer adapted to the images.

    ResNets get a 3×3 stride-1 stem without pooling for images below 64 pixels. Modules that torchvision
    uses twice or in place are separated, so that hooks see each use.

    A training may start from weights. The last layer, where it is of another number of classes, starts at random. A
    checkpoint has weights of its own, so that it is read without those.

    Args:
        image_shape: channels, height, width.
        num_classes: number of logits.
        architecture: a name that ``torchvision.models.get_model`` knows.
        mean: of the data, per channel or one for all; 0.5 for the weights of GoogLeNet and Inception.
        std: of the data, per channel or one for all; likewise.
        weights: name of torchvision's weights that training starts from, such as ``IMAGENET1K_V1`` or ``DEFAULT``;
            random ones if neither they nor a file are named.
        state_dict: file with the weights that training starts from, named as torchvision names them.

    Raises:
        InputError: torchvision has no such classifier or weights, both are named, or it cannot take images of that
            shape.
        CheckpointError: the weights cannot be had, or do not fit.
    """

    only_to_start = ("weights", "state_dict")

    def __init__(
        self,
        image_shape: ImageShape,
        num_classes: int,
        architecture: str = "resnet18",
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        weights: str | None = None,
        state_dict: str | None = None,
    ) -> None:
        super().__init__()
        if weights is not None and state_dict is not None:
            raise InputError(f"weights and state_dict must not both be given, got {weights} and {state_dict}")
        names = torchvision.models.list_models(module=torchvision.models)
        if architecture not in names:
            raise InputError(f"architecture must be a classifier of torchvision, got {architecture}")
        network = torchvision.models.get_model(architecture, weights=None, num_classes=num_classes)
        _adapt_first_layer(network, image_shape)
        if image_shape[0] == 1 and len(mean) > 1:
            mean, std = (sum(mean) / len(mean),), (sum(std) / len(std),)
        self.normalize = Normalize(mean, std)
        try:
            with torch.no_grad():
                network.eval()(self.normalize(torch.zeros(1, *image_shape)))
        except (AssertionError, RuntimeError, ValueError) as error:
            raise InputError(f"{architecture} cannot take images of shape {image_shape}: {error}") from error
        self.network = one_module_per_use(network.train())
        if weights is not None or state_dict is not None:
            found = published_weights(architecture, weights) if weights else stored_weights(str(state_dict))
            where = f"torchvision's {weights} of {architecture}" if weights else str(state_dict)
            spare = network.state_dict().keys() - self.network.state_dict().keys()
            start_from(self.network, found, spare, head_of(architecture, network, num_classes), where)

    def forward(self, images: Images) -> Logits:
        """Map images (B, C, H, W) in [0, 1] to logits (B, num_classes)."""
        logits: Logits = self.network(self.normalize(images))
        return logits


def _pair(size: tuple[int, ...]) -> tuple[int, int]:
    """Give a setting of a built convolution as its constructor takes it."""
    return size[0], size[1]


def _adapt_first_layer(network: nn.Module, image_shape: ImageShape) -> None:
    small = isinstance(network, torchvision.models.ResNet) and max(image_shape[1:]) < 64
    name, old = next((n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d))
    if old.in_channels != image_shape[0] or small:
        padding = old.padding if isinstance(old.padding, str) else _pair(old.padding)
        sizes = ((3, 3), (1, 1), (1, 1)) if small else (_pair(old.kernel_size), _pair(old.stride), padding)
        network.set_submodule(name, nn.Conv2d(image_shape[0], old.out_channels, *sizes, bias=old.bias is not None))
    if small:
        network.maxpool = nn.Identity()
