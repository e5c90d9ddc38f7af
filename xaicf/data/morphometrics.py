"""Measures of the strokes in grey images: how thick, slanted, wide, high and bright they are."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from xaicf.core import PerImage

Grey = Float[Tensor, "batch height width"]
"""Grey images in [0, 1], strokes bright on black."""

FAINT = 1e-6
"""Sum of an image below which it counts as blank."""

SMOOTH = 1e-16
"""Added under the root, so that it has a gradient where an image is flat; to the perimeter it adds next to nothing."""


class Strokes(NamedTuple):
    """The measures of each image, (N,) each; all but ``intensity`` stay the same where an image is made dimmer.

    Attributes:
        thickness: in pixels.
        slant: in radians, in (-π/2, π/2), positive where strokes lean to the right.
        width: in pixels, with the slant taken out.
        height: in pixels.
        intensity: in [0, 1].
    """

    thickness: PerImage
    slant: PerImage
    width: PerImage
    height: PerImage
    intensity: PerImage


def measure_strokes(images: Grey) -> Strokes:
    """Measure all at once; see :func:`thickness`, :func:`moments` and :func:`intensity`.

    Args:
        images: (N, H, W) in [0, 1].
    """
    return Strokes(thickness(images), *moments(images), intensity(images))


def thickness(images: Grey) -> PerImage:
    """Give the mean thickness of strokes in pixels: the area over half the perimeter, 2 Σx / Σ|∇x|.

    The gradient is that of the square between four pixels, the mean of its two differences along each axis, zeros
    around the image included. So the perimeter of sharp edges is exact where they run along rows, columns or diagonals.
    In between it is up to a twelfth too long, and thickness too small. The ends of strokes count to the perimeter: a
    bar of w × l pixels has w l / (w + l) but for its corners, a disc half its diameter. Lines one pixel wide that are
    joined by corners alone come out too thick, as each square has a difference of zero.

    Args:
        images: (N, H, W) in [0, 1].

    Returns:
        (N,), 0 where an image is blank.
    """
    framed = functional.pad(images, (1, 1, 1, 1))
    # A square's two diagonal differences have the same norm as the means of its differences along rows and columns.
    falling = framed[:, 1:, 1:] - framed[:, :-1, :-1]
    rising = framed[:, 1:, :-1] - framed[:, :-1, 1:]
    perimeter = ((falling.square() + rising.square()) / 2 + SMOOTH).sqrt().sum((1, 2))
    return 2 * images.sum((1, 2)) / perimeter


def moments(images: Grey) -> tuple[PerImage, PerImage, PerImage]:
    """Give slant, width and height by the second central moments μ of the grey values.

    The slant is α = arctan(-μ11 / μ02). With the shear taken out that makes it, the variance along rows is
    σ² = (μ20 - μ11² / μ02) / μ00, and the width √(12 σ² + 1); the height is the same with σ² = μ02 / μ00. These are
    those of a filled bar of so many pixels, which has a variance of (n² - 1) / 12. A figure that has most of its mass
    at its sides, such as a 0, comes out wider than the pixels it covers, by √3 at most.

    Reference: Castro et al. 2019, "Morpho-MNIST", §2.2, for the slant.

    Args:
        images: (N, H, W) in [0, 1].

    Returns:
        slant: (N,) radians, 0 where an image is blank or of one row.
        width: (N,) pixels, 1 where it is blank.
        height: (N,) pixels, 1 where it is blank.
    """
    mass = images.sum((1, 2)).clamp_min(FAINT)
    down = torch.arange(images.shape[1], dtype=images.dtype, device=images.device)
    right = torch.arange(images.shape[2], dtype=images.dtype, device=images.device)
    of_rows, of_columns = images.sum(2), images.sum(1)
    down = down - ((of_rows @ down) / mass)[:, None]
    right = right - ((of_columns @ right) / mass)[:, None]
    across = (of_columns * right**2).sum(1) / mass
    along = (of_rows * down**2).sum(1) / mass
    both = torch.einsum("nhw,nh,nw->n", images, down, right) / mass
    shear = both / along.clamp_min(FAINT)
    width = (12 * (across - both * shear).clamp_min(0) + 1).sqrt()
    return torch.atan(-shear), width, (12 * along + 1).sqrt()


def intensity(images: Grey) -> PerImage:
    """Give the mean grey value of strokes, Σx² / Σx, in which each pixel counts by how much it belongs to one.

    Args:
        images: (N, H, W) in [0, 1].

    Returns:
        (N,) in [0, 1], 0 where an image is blank.
    """
    return images.square().sum((1, 2)) / images.sum((1, 2)).clamp_min(FAINT)
