"""Images and numbers as a page holds them."""

import math

import numpy as np
from torch import Tensor
from torch.nn import functional

from xaicf.core import Images
from xaicf.viz.heatmap import picture
from xaicf.viz.page.palette import Bytes

SIDE = 112
"""Pixels along the longer side of a picture; larger ones are shrunk to it."""

DIGITS = 6
"""Significant digits of a number in the page."""


def shrunk(images: Images, side: int = SIDE) -> Images:
    """Average pixels so that no side is longer than ``side``; smaller images stay as they are."""
    height, width = images.shape[2:]
    factor = side / max(height, width)
    if factor >= 1:
        return images
    return functional.interpolate(
        images.float(), (max(1, round(height * factor)), max(1, round(width * factor))), mode="area"
    )


def pixels(image: Tensor) -> Bytes:
    """Give bytes (H, W) for a grey image, else (H, W, 3)."""
    found = (picture(image.nan_to_num()) * 255).round().astype(np.uint8)
    return found[:, :, 0] if len(image) == 1 else found


def number(value: float) -> float | str | None:
    """Give what JSON can hold: NaN is absent, infinity a word that JavaScript reads."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if math.isnan(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short
