"""Nothing but strided convolutions and one linear layer: CDeepEx's autoencoder of faces, and a classifier."""

from collections.abc import Sequence

from torch import nn

from xaicf.core.errors import InputError
from xaicf.core.types import ImageShape
from xaicf.nn.blocks import Normalize, halvings

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


class StridedClassifier(nn.Sequential):
    """Normalises images, and gives logits by a :class:`StridedEncoder`.

    It has neither pooling nor a hidden layer, and so takes the simplest evidence there is at a fixed place: on digits
    with a square on every 8 it learns the square and forgets the 8, where :class:`TwoConv` goes on to know both.

    Args:
        image_shape: channels, height, width.
        num_classes: number of logits.
        channels: of each convolution; every one halves the image, rounded up.
        mean: of the data, per channel or one for all.
        std: of the data, per channel or one for all.

    Raises:
        InputError: ``channels`` is empty.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        num_classes: int,
        channels: Sequence[int] = (16, 32),
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.5,),
    ) -> None:
        super().__init__(Normalize(mean, std), StridedEncoder(image_shape, num_classes, channels))


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
