"""MNIST whose strokes, colour and mark are drawn for each image, and measured from the picture."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from xaicf.core import Images, InputError
from xaicf.data.base import LabelledImages
from xaicf.data.mnist import MNIST
from xaicf.data.morphing import ATTRIBUTES, MARK, STROKES, draw, without_mark
from xaicf.data.morphometrics import measure_strokes

PlantedTest = Literal["as_trained", "independent"]

RANGES = {
    "thickness": (1.3, 5.0),  # 1.39 to 4.99 pixels
    "slant": (-0.7, 0.85),  # -0.66 to 0.81 radians
    "width": (2.5, 24.0),  # 2.52 to 23.96 pixels
    "height": (12.0, 27.0),  # 12.32 to 26.49 pixels
    "intensity": (0.25, 0.93),  # 0.27 to 0.78; of MNIST itself 0.73 to 0.92
}
"""What becomes 0 and 1, in the units of the measures.

They hold the first to the 99th percentile, beside them, of the training split of all ten digits with every variation,
nothing planted and seed 0, so that an attribute means the same whatever the options.
"""

CHUNK = 1024
"""Images that are drawn at once: what they need stays in the processor's cache."""


class MorphoMNIST(MNIST):
    """Digits in red or blue whose thickness, slant, width, height and brightness vary, some with a mark in a corner.

    Each image has by its own draw a factor in [0, 1] for each of seven attributes, by which it is drawn from an image
    of MNIST. Then the attributes are measured from the picture, as :func:`measure` does, so that a batch's
    ``attributes`` hold what is seen, MNIST's own variation included. A class does not depend on the factors unless
    one is planted.

    Of two digits, whether the second is drawn is the last attribute, 0 or 1: it can be held like the others.

    Reference: after Castro et al. 2019, "Morpho-MNIST: quantitative assessment and diagnostics for representation
    learning". Here factors are independent, thickness is a blend, and all come as attributes.

    Args:
        root: folder that holds ``MNIST/raw``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files.
        digits: that are kept, each a class, in this order; all ten if left out.
        planted: attribute whose factor depends on the class, of two digits: in the upper fifth, or 1 for ``colour`` and
            ``mark``, for the second digit, and in the lower fifth, or 0, for the first, so that MNIST's own variation
            does not hide it.
        strength: of this, in [0, 1]: it holds with probability (1 + strength) / 2, else it is the other way round.
        digit_strength: how far the digit itself tells the class where something is planted, in [0, 1]: with probability
            (1 - digit_strength) / 2 the label is that of the other digit. At 0 only what is planted tells the class, so
            that a classifier can learn nothing else; at 1 it may learn either.
        clear: leave out the images whose planted attribute, as measured, is on the wrong side of the middle between
            the medians of those that were drawn high and low: MNIST's own variation has hidden what was planted.
        variation: how far the factors of strokes go, in [0, 1]; 0 leaves those of MNIST.
        planted_test: whether test images depend on it as training images do, or not at all, by a strength of 0 and a
            digit_strength of 1.
        batch_size: images in a batch, for each process.
        seed: of the split and the factors.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        digits: Sequence[int] | None = None,
        planted: str | None = None,
        strength: float = 1.0,
        digit_strength: float = 1.0,
        clear: bool = False,
        variation: float = 1.0,
        planted_test: PlantedTest = "independent",
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__(root, download, batch_size, seed)
        digits = tuple(range(10)) if digits is None else tuple(digits)
        if len(set(digits)) < max(2, len(digits)) or not set(digits) <= set(range(10)):
            raise InputError(f"digits must be two or more different ones in [0, 10), got {list(digits)}")
        if planted is not None and planted not in ATTRIBUTES:
            raise InputError(f"planted must be one of {', '.join(ATTRIBUTES)}, got {planted}")
        if planted is not None and len(digits) != 2:
            raise InputError(f"planted needs two digits, got {list(digits)}")
        if planted is None and digit_strength != 1:
            raise InputError(f"digit_strength needs a planted attribute, got {digit_strength} without")
        if planted is None and clear:
            raise InputError("clear needs a planted attribute, got none")
        for name, value in (("strength", strength), ("digit_strength", digit_strength), ("variation", variation)):
            if not 0 <= value <= 1:
                raise InputError(f"{name} must be in [0, 1], got {value}")
        if planted_test not in get_args(PlantedTest):
            raise InputError(f"planted_test must be one of {', '.join(get_args(PlantedTest))}, got {planted_test}")
        self.digits = digits
        self.planted = planted
        self.strength = strength
        self.digit_strength = digit_strength
        self.clear = clear
        self.variation = variation
        self.planted_test = planted_test
        self.class_names = tuple(str(digit) for digit in digits)
        self.attribute_names = (*ATTRIBUTES, self.class_names[1]) if len(digits) == 2 else ATTRIBUTES
        self.image_shape = (3, *self.image_shape[1:])

    def _read(self, train: bool) -> LabelledImages:
        data = super()._read(train)
        assert isinstance(data.images, Tensor)
        classes = torch.full((10,), -1)
        classes[list(self.digits)] = torch.arange(self.num_classes)
        # The factors of an image do not depend on which digits are kept.
        factors, spare = self._draws(len(data.labels), train)
        kept = classes[data.labels] >= 0
        drawn, factors, spare = classes[data.labels[kept]], factors[kept], spare[kept]
        labels, high = drawn, None
        if self.planted is not None:
            depends = train or self.planted_test == "as_trained"
            strength, digit_strength = (self.strength, self.digit_strength) if depends else (0.0, 1.0)
            labels = torch.where(spare[:, 1] < (1 + digit_strength) / 2, drawn, 1 - drawn)
            high = (labels == 1) == (spare[:, 0] < (1 + strength) / 2)
            column = ATTRIBUTES.index(self.planted)
            own = factors[:, column]
            factors[:, column] = high.float() if self.planted in {"colour", "mark"} else (own + 4 * high) / 5
        grey = data.images[kept, 0]
        images = torch.empty(len(grey), *self.image_shape, dtype=torch.uint8)
        attributes = torch.empty(len(grey), len(ATTRIBUTES))
        for rows in torch.split(torch.arange(len(grey)), CHUNK):
            images[rows] = draw(grey[rows].float() / 255, factors[rows], self.variation).mul(255).round().byte()
            attributes[rows] = measure(images[rows].float() / 255)
        if self.num_classes == 2:
            attributes = torch.cat([attributes, drawn[:, None].float()], 1)
        if high is None or not self.clear:
            return LabelledImages(images, labels, attributes=attributes)
        shown = _shown(attributes[:, ATTRIBUTES.index(str(self.planted))], high)
        return LabelledImages(images[shown], labels[shown], attributes=attributes[shown])

    def _draws(self, count: int, train: bool) -> tuple[Tensor, Tensor]:
        """Draw factors (N, 7), and two uniform numbers each that decide whether the planting and the digit hold."""
        # The test's are other draws than the training images'.
        source = torch.Generator().manual_seed(2 * self.seed + (not train))
        draws = torch.rand(count, len(ATTRIBUTES) + 1, generator=source)
        factors, spare = draws[:, :-1], torch.stack([draws[:, -1], torch.rand(count, generator=source)], 1)
        factors[:, len(STROKES) :].round_()
        return factors, spare


def _shown(measured: Tensor, high: Tensor) -> Tensor:
    """Tell which of the measures (N,) are on the side of those that were drawn high (N,), or low."""
    middle = (measured[high].median() + measured[~high].median()) / 2
    return (measured > middle) == high


def measure(images: Images) -> Float[Tensor, "batch 7"]:
    """Measure the seven :data:`ATTRIBUTES` of images such as :class:`MorphoMNIST` gives, generated ones too.

    Those of strokes are measured on the sum of the channels, but for the corner of the mark, and scaled so that
    :data:`RANGES` become [0, 1]. ``colour`` is the share of blue of red and blue, 0.5 where there is neither; ``mark``
    is the mean of the three channels at its place. All are cut off at 0 and 1.

    Args:
        images: (N, 3, 28, 28) in [0, 1].

    Returns:
        (N, 7) in [0, 1].
    """
    grey = without_mark(images.sum(1).clamp(0, 1))
    low, high = images.new_tensor([RANGES[name] for name in STROKES]).unbind(1)
    strokes = (torch.stack(measure_strokes(grey), 1) - low) / (high - low)
    red, _, blue = without_mark(images).sum((2, 3)).unbind(1)
    painted = red + blue
    colour = torch.where(painted > 0, blue / painted.clamp_min(1e-6), 0.5)
    mark = images[..., MARK, MARK].mean((1, 2, 3))
    return torch.cat([strokes, torch.stack([colour, mark], 1)], 1).clamp(0, 1)
