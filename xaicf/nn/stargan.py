"""StarGAN's generator at any image size: an image and a class to an image, the class told after each norm."""

from collections.abc import Callable
from typing import Literal, get_args

from torch import Tensor, nn

from xaicf.core.errors import InputError
from xaicf.core.types import Images, ImageShape, Labels
from xaicf.nn.blocks import Normalize, halving_kernel, halvings

Output = Literal["direct", "residual", "gated"]
Upsampling = Literal["resize", "transposed"]


class ClassNorm(nn.Module):
    """Instance norm whose scale and shift are those of a class.

    A class told by constant planes, as in StarGAN, is taken away by the instance norm behind the first
    convolution, but for what comes in through zero padding at the border. Here it comes after the norm.

    Reference: Dumoulin et al. 2017, "A learned representation for artistic style": conditional instance normalisation.

    Args:
        channels: of the features.
        num_classes: that may be told.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels)
        self.scale = nn.Embedding(num_classes, channels)
        self.shift = nn.Embedding(num_classes, channels)
        # Classes that differ from the first step on: equal ones would have to be told apart by chance gradients.
        nn.init.normal_(self.scale.weight, 1.0, 0.2)
        nn.init.normal_(self.shift.weight, 0.0, 0.2)

    def forward(self, features: Tensor, classes: Labels) -> Tensor:
        """Normalise features (B, C, H, W), scaled and shifted by classes (B,)."""
        scale, shift = (told(classes)[:, :, None, None] for told in (self.scale, self.shift))
        found: Tensor = self.norm(features) * scale + shift
        return found


class Told(nn.Module):
    """A convolution, a :class:`ClassNorm`, and ReLU unless it is left out."""

    def __init__(self, convolution: nn.Module, channels: int, num_classes: int, relu: bool = True) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = ClassNorm(channels, num_classes)
        self.relu = nn.ReLU() if relu else nn.Identity()

    def forward(self, features: Tensor, classes: Labels) -> Tensor:
        """Map features (B, C, H, W), told classes (B,)."""
        found: Tensor = self.relu(self.norm(self.convolution(features), classes))
        return found


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions, told the class, beside the identity."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.first = Told(nn.Conv2d(channels, channels, 3, padding=1, bias=False), channels, num_classes)
        self.second = Told(nn.Conv2d(channels, channels, 3, padding=1, bias=False), channels, num_classes, relu=False)

    def forward(self, features: Tensor, classes: Labels) -> Tensor:
        """Map features (B, C, H, W), told classes (B,)."""
        found: Tensor = features + self.second(self.first(features, classes), classes)
        return found


class StarGANGenerator(nn.Module):
    """A 7×7 convolution, strided ones, residual blocks, as many enlargements, and a 7×7 convolution.

    Unlike in the original the class is told after each norm (:class:`ClassNorm`), not by planes beside the image.

    Reference: Choi et al. 2018, "StarGAN: unified generative adversarial networks for multi-domain image-to-image
    translation", whose width is 64 with 6 blocks.

    Args:
        image_shape: channels, height, width.
        num_classes: that an image may be translated to.
        width: channels of the first convolution; each strided one doubles them.
        downsamplings: strided convolutions; every one halves the image, rounded up.
        blocks: residual blocks.
        output: ``direct`` draws the image anew, as StarGAN does; ``residual`` adds to the input and cuts to [0, 1],
            where no gradient comes back;
            ``gated`` draws an image and a mask m of what to take from it, m · drawn + (1 - m) · input.
        upsampling: ``resize`` repeats pixels before a 5×5 convolution, ``transposed`` convolves so.

    Raises:
        InputError: a number is below 1, an option unknown, or the images too small for that many halvings.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        num_classes: int,
        width: int = 64,
        downsamplings: int = 2,
        blocks: int = 6,
        output: Output = "direct",
        upsampling: Upsampling = "resize",
    ) -> None:
        super().__init__()
        if min(width, downsamplings, blocks) < 1:
            raise InputError(f"width, downsamplings and blocks must be >= 1, got {width}, {downsamplings}, {blocks}")
        if output not in get_args(Output) or upsampling not in get_args(Upsampling):
            raise InputError(
                f"output must be one of {', '.join(get_args(Output))} and upsampling one of "
                f"{', '.join(get_args(Upsampling))}, got {output} and {upsampling}"
            )
        if min(image_shape[1:]) < 2 ** (downsamplings + 1):
            raise InputError(
                f"{downsamplings} halvings need images of at least {2 ** (downsamplings + 1)} pixels, "
                f"got {tuple(image_shape[1:])}"
            )
        self.output: Output = output
        self.normalize = Normalize()
        channels = image_shape[0]
        heights, widths = (halvings(size, downsamplings) for size in image_shape[1:])
        features = [width * 2**level for level in range(downsamplings + 1)]
        layers: list[nn.Module] = [Told(nn.Conv2d(channels, width, 7, padding=3, bias=False), width, num_classes)]
        for level in range(downsamplings):
            kernel = halving_kernel(heights[level], widths[level])
            strided = nn.Conv2d(features[level], features[level + 1], kernel, stride=2, padding=1, bias=False)
            layers.append(Told(strided, features[level + 1], num_classes))
        layers += [ResidualBlock(features[-1], num_classes) for _ in range(blocks)]
        for level in reversed(range(downsamplings)):
            size = heights[level], widths[level]
            enlarged = UPSAMPLINGS[upsampling](features[level + 1], features[level], size)
            layers.append(Told(enlarged, features[level], num_classes))
        self.layers = nn.ModuleList(layers)
        self.last = nn.Conv2d(width, channels + (output == "gated"), 7, padding=3)

    def forward(self, images: Images, classes: Labels) -> Images:
        """Redraw images (B, C, H, W) in [0, 1] as members of classes (B,); gives images in [0, 1]."""
        features = self.normalize(images)
        for layer in self.layers:
            features = layer(features, classes)
        drawn: Images = self.last(features)
        if self.output == "direct":
            return drawn.sigmoid()
        if self.output == "residual":
            return (images + drawn.tanh()).clamp(0, 1)
        mask = drawn[:, -1:].sigmoid()
        return mask * drawn[:, :-1].sigmoid() + (1 - mask) * images


def _resize(channels_in: int, channels_out: int, size: tuple[int, int]) -> nn.Module:
    return nn.Sequential(nn.Upsample(size), nn.Conv2d(channels_in, channels_out, 5, padding=2, bias=False))


def _transposed(channels_in: int, channels_out: int, size: tuple[int, int]) -> nn.Module:
    return nn.ConvTranspose2d(channels_in, channels_out, halving_kernel(*size), stride=2, padding=1, bias=False)


UPSAMPLINGS: dict[Upsampling, Callable[[int, int, tuple[int, int]], nn.Module]] = {
    "resize": _resize,
    "transposed": _transposed,
}
"""How features (B, channels_in, ...) grow to (B, channels_out, height, width)."""
