"""CDeepEx's autoencoder of faces: nothing but strided convolutions, and a linear layer at the code."""

from collections.abc import Sequence

from torch import nn

from xaicf.core.errors import InputError
from xaicf.core.types import ImageShape
from xaicf.nn.blocks import halvings

CHANNELS = (16, 64, 128, 256, 512, 1024)
"""The six numbers of filters that the paper lists; its text counts five layers."""


class StridedEncoder(nn.Sequential):
    """Stride-2 3×3 convolutions with ReLU, then one linear layer: images to a vector.

    The paper says nothing of what follows the convolutions.

    Reference: CDeepEx, §4.4.

    Args:
        image_shape: channels, height, width.
        outputs: length of the vector.
        channels: of each convolution; every one halves the image, rounded up.

    Raises:
        InputError: ``channels`` is empty.
    """

    def __init__(self, image_shape: ImageShape, outputs: int, channels: Sequence[int] = CHANNELS) -> None:
        height, width = _code_size(image_shape, channels)
        layers: list[nn.Module] = []
        for channels_in, channels_out in zip((image_shape[0], *channels), channels, strict=False):
            layers += [nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1), nn.ReLU()]
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels[-1] * height * width, outputs))


class StridedDecoder(nn.Sequential):
    """The encoder's mirror image: one linear layer, then stride-2 transposed convolutions: latents to image logits.

    The paper does not describe its decoder. A sigmoid of the outputs gives images in [0, 1].

    Args:
        image_shape: channels, height, width.
        latent_dim: length of a latent.
        channels: of each transposed convolution's input, from the image inwards, as in the encoder.

    Raises:
        InputError: ``channels`` is empty.
    """

    def __init__(self, image_shape: ImageShape, latent_dim: int, channels: Sequence[int] = CHANNELS) -> None:
        code_size = _code_size(image_shape, channels)
        heights, widths = (halvings(size, len(channels)) for size in image_shape[1:])
        layers: list[nn.Module] = []
        outputs = (image_shape[0], *channels)
        for level in reversed(range(len(channels))):
            # One more row or column where the size below is half of an even one.
            tall, wide = (sizes[level] - 2 * sizes[level + 1] + 1 for sizes in (heights, widths))
            layers += [
                nn.ReLU(),
                nn.ConvTranspose2d(
                    outputs[level + 1], outputs[level], 3, stride=2, padding=1, output_padding=(tall, wide)
                ),
            ]
        super().__init__(
            nn.Linear(latent_dim, channels[-1] * code_size[0] * code_size[1]),
            nn.Unflatten(1, (channels[-1], *code_size)),
            *layers,
        )


def _code_size(image_shape: ImageShape, channels: Sequence[int]) -> tuple[int, int]:
    if not channels:
        raise InputError("channels must name one convolution or more, got none")
    return halvings(image_shape[1], len(channels))[-1], halvings(image_shape[2], len(channels))[-1]
