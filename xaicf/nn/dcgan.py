"""The networks of DCGAN at any image size: a generator of transposed convolutions, a critic that mirrors it."""

from collections.abc import Sequence
from typing import Literal

from torch import nn

from xaicf.core.errors import InputError
from xaicf.core.types import ImageShape
from xaicf.nn.blocks import Normalize, halving_kernel, halvings

CHANNELS = (64, 128, 256, 512)
DEVIATION = 0.02
"""Of the initial weights."""


class DCGANGenerator(nn.Sequential):
    """Transposed convolutions, each but the last with batch norm and ReLU: latents to image logits.

    The default has CDeepEx's five. The first spreads the latent over the smallest size (4×4 for 64 pixels, 2×2 for 28
    and 32), the others double it; where a size is odd the kernel is 3 instead of 4. A sigmoid of the outputs gives
    images in [0, 1], as DCGAN's tanh gives them in [-1, 1].

    Reference: Radford et al. 2016, "Unsupervised representation learning with deep convolutional GANs".

    Args:
        image_shape: channels, height, width.
        latent_dim: length of a latent.
        channels: of each transposed convolution's input but the first, from the image inwards.

    Raises:
        InputError: the images are too small for that many doublings, or ``channels`` is empty.
    """

    def __init__(self, image_shape: ImageShape, latent_dim: int, channels: Sequence[int] = CHANNELS) -> None:
        heights, widths = _sizes(image_shape, channels)
        layers: list[nn.Module] = [
            nn.Unflatten(1, (latent_dim, 1, 1)),
            nn.ConvTranspose2d(latent_dim, channels[-1], (heights[-1], widths[-1]), bias=False),
        ]
        outputs = (image_shape[0], *channels)
        for level in reversed(range(len(channels))):
            kernel = halving_kernel(heights[level], widths[level])
            layers += [
                nn.BatchNorm2d(outputs[level + 1]),
                nn.ReLU(),
                nn.ConvTranspose2d(outputs[level + 1], outputs[level], kernel, stride=2, padding=1, bias=False),
            ]
        super().__init__(*layers)
        self.apply(_initialise)


class DCGANCritic(nn.Sequential):
    """The generator's mirror image, of strided convolutions with leaky ReLU: images in [0, 1] to scores (B, outputs).

    Reference: Radford et al. 2016; without a sigmoid, as Arjovsky et al. 2017 have it.

    Args:
        image_shape: channels, height, width.
        outputs: scores of an image.
        channels: of each convolution but the last; every one halves the image, rounded up.
        norm: ``batch`` is DCGAN's; ``layer`` or ``none`` score each image for itself, as a gradient penalty needs.
            There is none after the first and the last convolution.

    Raises:
        InputError: the images are too small for that many halvings, ``channels`` is empty, or the norm is unknown.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        outputs: int,
        channels: Sequence[int] = CHANNELS,
        norm: Literal["batch", "layer", "none"] = "batch",
    ) -> None:
        heights, widths = _sizes(image_shape, channels)
        if norm not in {"batch", "layer", "none"}:
            raise InputError(f"norm must be batch, layer or none, got {norm}")
        layers: list[nn.Module] = [Normalize()]
        inputs = (image_shape[0], *channels)
        for level, channels_out in enumerate(channels):
            kernel = halving_kernel(heights[level], widths[level])
            layers += [nn.Conv2d(inputs[level], channels_out, kernel, stride=2, padding=1, bias=False)]
            if level and norm == "batch":
                layers += [nn.BatchNorm2d(channels_out)]
            elif level and norm == "layer":
                layers += [nn.GroupNorm(1, channels_out)]
            layers += [nn.LeakyReLU(0.2)]
        last = nn.Conv2d(channels[-1], outputs, (heights[-1], widths[-1]), bias=False)
        super().__init__(*layers, last, nn.Flatten())
        self.apply(_initialise)


def _sizes(image_shape: ImageShape, channels: Sequence[int]) -> tuple[list[int], list[int]]:
    if not channels:
        raise InputError("channels must name one convolution or more, got none")
    smallest = 2 ** len(channels)
    if min(image_shape[1:]) < smallest:
        raise InputError(
            f"DCGAN of {len(channels)} halvings needs images of at least {smallest} x {smallest} pixels, "
            f"got {tuple(image_shape[1:])}"
        )
    return halvings(image_shape[1], len(channels)), halvings(image_shape[2], len(channels))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, DEVIATION)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, DEVIATION)
