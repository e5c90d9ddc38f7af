"""Digits drawn anew: thicker or thinner, leaning, scaled, dimmer, painted and marked."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from xaicf.core import Images
from xaicf.data.morphometrics import Grey

STROKES = ("thickness", "slant", "width", "height", "intensity")
"""The factors of strokes, in the order of :func:`~xaicf.data.morphometrics.measure_strokes`."""

ATTRIBUTES = (*STROKES, "colour", "mark")

SHEAR = 0.5
"""Pixels to the side for each pixel up, at most, of either sign."""

WIDEN = 1.4
"""Factor of the width at most; its inverse is the smallest."""

HEIGHTEN = 1.25
"""Factor of the height at most; its inverse is the smallest. MNIST's 20 rows become 25 of 28."""

DARKEST = 0.4
"""Smallest gain."""

MARK = slice(1, 4)
"""Rows and columns of the mark, at the top left, where a digit hardly reaches."""

APART = slice(0, 5)
"""Rows and columns where the mark and its edge lie: no digit is drawn or measured there."""


def draw(grey: Grey, factors: Float[Tensor, "batch 7"], variation: float = 1.0) -> Images:
    """Draw digits by factors.

    Args:
        grey: (N, 28, 28) in [0, 1], strokes bright on black.
        factors: (N, 7) in [0, 1], in the order of :data:`ATTRIBUTES`; 0.5 of those of strokes leaves them, but for
            ``intensity``, which 1 leaves.
        variation: how far those of strokes go, in [0, 1].

    Returns:
        (N, 3, 28, 28) in [0, 1].
    """
    thickness, slant, width, height, _ = (variation * (2 * factors[:, : len(STROKES)] - 1)).unbind(1)
    strokes = _reshaped(_thickened(grey, thickness), SHEAR * slant, WIDEN**width, HEIGHTEN**height)
    # Erosion and scaling take from the brightness of thin strokes, which is a factor of its own.
    peak = grey.amax((1, 2)) / strokes.amax((1, 2)).clamp_min(1e-6)
    gain = 1 - variation * (1 - DARKEST) * (1 - factors[:, STROKES.index("intensity")])
    strokes = without_mark(strokes * (peak * gain)[:, None, None]).clamp(0, 1)
    colour, mark = factors[:, len(STROKES) :, None, None].unbind(1)
    images = torch.stack([(1 - colour) * strokes, torch.zeros_like(strokes), colour * strokes], 1)
    images[..., MARK, MARK] = mark[:, None]
    return images


def without_mark(images: Tensor) -> Tensor:
    """Give images (..., H, W) that are black where the mark and its edge lie."""
    images = images.clone()
    images[..., APART, APART] = 0
    return images


def _thickened(grey: Grey, amount: Tensor) -> Tensor:
    """Blend images with their dilation or, where the amount (N,) in [-1, 1] is negative, erosion, at twice the size."""
    large = functional.interpolate(grey[:, None], scale_factor=2, mode="bilinear")
    # What the enlargement blurs is put back, so that the mean of four pixels is that of the image.
    lost = grey[:, None] - functional.avg_pool2d(large, 2)
    large = (large + functional.interpolate(lost, scale_factor=2))[:, 0]
    sign = torch.where(amount < 0, -1.0, 1.0)[:, None, None]
    wide = sign * large  # erosion is the dilation of the negative
    for _ in range(2):
        wide = torch.cat([wide[:, :1], torch.maximum(wide[:, 1:], wide[:, :-1])], 1)
        wide = torch.cat([torch.maximum(wide[:, 1:], wide[:, :-1]), wide[:, -1:]], 1)
        wide = wide.transpose(1, 2)
    return torch.lerp(large, sign * wide, amount.abs()[:, None, None])


def _reshaped(large: Tensor, shear: Tensor, width: Tensor, height: Tensor) -> Tensor:
    """Scale images (N, 2H, 2W) about their centre, then let them lean, at half the size."""
    matrices = torch.zeros(len(large), 2, 3)  # from places in the new image to those in the old one
    matrices[:, 0, 0] = 1 / width
    matrices[:, 0, 1] = shear / width
    matrices[:, 1, 1] = 1 / height
    size = [len(large), 1, large.shape[1] // 2, large.shape[2] // 2]
    grid = functional.affine_grid(matrices, size, align_corners=False)
    # In the middle between four pixels, where nothing moves, the interpolation is their mean.
    return functional.grid_sample(large[:, None], grid, align_corners=False)[:, 0]
