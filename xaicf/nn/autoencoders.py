"""Convolutional encoder and decoder, mirror images of each other."""

from collections.abc import Sequence

from torch import nn

from xaicf.core.types import ImageShape
from xaicf.nn.blocks import halvings


class ConvEncoder(nn.Sequential):
    """Stride-2 convolutions and two linear layers: images to a vector.

    Args:
        image_shape: channels, height, width.
        outputs: length of the vector.
        channels: of each convolution; every one halves the image.
        hidden: units of the first linear layer.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        outputs: int,
        channels: Sequence[int] = (32, 64, 128),
        hidden: int = 256,
    ) -> None:
        height, width = (halvings(size, len(channels))[-1] for size in image_shape[1:])
        layers: list[nn.Module] = []
        for channels_in, channels_out in zip((image_shape[0], *channels), channels, strict=False):
            layers += [nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1), nn.SiLU()]
        super().__init__(
            *layers,
            nn.Flatten(),
            nn.Linear(channels[-1] * height * width, hidden),
            nn.SiLU(),
            nn.Linear(hidden, outputs),
        )


class ConvDecoder(nn.Sequential):
    """Two linear layers and stride-2 transposed convolutions: latents to image logits.

    A sigmoid of the outputs gives images in [0, 1].

    Args:
        image_shape: channels, height, width.
        latent_dim: length of a latent.
        channels: of each transposed convolution's input, from the image inwards, as in the encoder.
        hidden: units of the first linear layer.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        channels: Sequence[int] = (32, 64, 128),
        hidden: int = 256,
    ) -> None:
        heights, widths = (halvings(size, len(channels)) for size in image_shape[1:])
        layers: list[nn.Module] = []
        outputs = (image_shape[0], *channels)
        for level in reversed(range(len(channels))):
            tall, wide = (sizes[level] - 2 * sizes[level + 1] + 1 for sizes in (heights, widths))
            layers += [
                nn.SiLU(),
                nn.ConvTranspose2d(
                    outputs[level + 1], outputs[level], 3, stride=2, padding=1, output_padding=(tall, wide)
                ),
            ]
        super().__init__(
            nn.Linear(latent_dim, hidden),
            nn.SiLU(),
            nn.Linear(hidden, channels[-1] * heights[-1] * widths[-1]),
            nn.Unflatten(1, (channels[-1], heights[-1], widths[-1])),
            *layers,
        )
