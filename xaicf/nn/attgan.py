"""AttGAN's generator at any image size: an encoder, and a decoder that is told the attributes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xaicf.core.errors import InputError
from xaicf.core.types import Images, ImageShape
from xaicf.nn.blocks import Normalize, halving_kernel, halvings

CHANNELS = (64, 128, 256, 512, 1024)


class AttGANGenerator(nn.Module):
    """Strided convolutions, and transposed ones that start from their features and a code of attributes.

    Convolutions have batch norm and leaky ReLU, transposed ones batch norm and ReLU, the last a sigmoid. The code is
    joined, as constant planes, to the deepest features and to the inputs of the next transposed convolutions,
    ``injections`` of them; of ``shortcuts`` of these the encoder's features of the same size are further inputs. What
    follows the planes is a transposed convolution with batch norm, which takes no mean over an image, so that they do
    not cancel as before instance norm.

    Unlike in the original a sigmoid, not tanh, gives the images, in [0, 1], and where a size is odd the kernel is 3
    instead of 4.

    Reference: He et al. 2019, "AttGAN: facial attribute editing by only changing what you want", table I and its code.

    Args:
        image_shape: channels, height, width.
        num_attributes: length of a code.
        channels: of each convolution; every one halves the image, rounded up. Images of 28 pixels take four.
        shortcuts: layers of the decoder that see the encoder's features.
        injections: layers of the decoder, but the first, that are told the attributes.

    Raises:
        InputError: the images are too small for that many halvings, or a number is out of its range.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        num_attributes: int,
        channels: Sequence[int] = CHANNELS,
        shortcuts: int = 1,
        injections: int = 1,
    ) -> None:
        super().__init__()
        levels = len(channels)
        if not channels or min(channels) < 1 or num_attributes < 1:
            raise InputError(
                f"channels must be one or more numbers and num_attributes at least 1, all positive, "
                f"got {list(channels)} and {num_attributes}"
            )
        if not (0 <= shortcuts < levels and 0 <= injections < levels):
            raise InputError(f"shortcuts and injections must be in [0, {levels}), got {shortcuts} and {injections}")
        if min(image_shape[1:]) < 2**levels:
            raise InputError(
                f"AttGAN of {levels} halvings needs images of at least {2**levels} x {2**levels} pixels, "
                f"got {tuple(image_shape[1:])}"
            )
        self.shortcuts = shortcuts
        self.injections = injections
        sizes = list(zip(*(halvings(size, levels) for size in image_shape[1:]), strict=True))
        widths = (image_shape[0], *channels)
        self.normalize = Normalize()
        self.encoder = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(widths[level], widths[level + 1], halving_kernel(*sizes[level]), 2, padding=1, bias=False),
                nn.BatchNorm2d(widths[level + 1]),
                nn.LeakyReLU(0.2),
            )
            for level in range(levels)
        )
        layers: list[nn.Module] = []
        inputs = channels[-1] + num_attributes
        for depth in range(levels - 1):
            level = levels - 1 - depth
            outputs = channels[level]
            kernel = halving_kernel(*sizes[level])
            enlarge = nn.ConvTranspose2d(inputs, outputs, kernel, 2, padding=1, bias=False)
            layers.append(nn.Sequential(enlarge, nn.BatchNorm2d(outputs), nn.ReLU()))
            inputs = outputs + (depth < shortcuts) * channels[level - 1] + (depth < injections) * num_attributes
        last = nn.ConvTranspose2d(inputs, image_shape[0], halving_kernel(*sizes[0]), 2, padding=1)
        self.decoder = nn.ModuleList([*layers, nn.Sequential(last, nn.Sigmoid())])

    def encode(self, images: Images) -> tuple[Tensor, ...]:
        """Map images (B, C, H, W) in [0, 1] to the features that the decoder takes, the deepest first."""
        found = [self.normalize(images)]
        for layer in self.encoder:
            found.append(layer(found[-1]))
        return tuple(reversed(found[-1 - self.shortcuts :]))

    def decode(self, features: tuple[Tensor, ...], codes: Tensor) -> Images:
        """Draw images (B, C, H, W) in [0, 1] of features and codes (B, num_attributes)."""
        drawn = _with_planes(features[0], codes)
        for depth, layer in enumerate(self.decoder):
            drawn = layer(drawn)
            if depth < self.shortcuts:
                drawn = torch.cat([drawn, features[depth + 1]], 1)
            if depth < self.injections:
                drawn = _with_planes(drawn, codes)
        return drawn

    def forward(self, images: Images, codes: Tensor) -> Images:
        """Redraw images (B, C, H, W) in [0, 1] by codes (B, num_attributes)."""
        return self.decode(self.encode(images), codes)


def _with_planes(features: Tensor, codes: Tensor) -> Tensor:
    return torch.cat([features, codes[:, :, None, None].expand(-1, -1, *features.shape[2:])], 1)
