"""A signed map over its image in 248 colours, one byte for each pixel: the colours of a heatmap, rounded."""

import functools

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xaicf.viz.heatmap import heatmap, picture

STRENGTHS, GREYS = 31, 8
"""Steps from all for the foil to all for the fact, and from black to white beneath."""

Bytes = npt.NDArray[np.uint8]


@functools.cache
def palette() -> bytes:
    """Give red, green and blue of every colour, those of :func:`heatmap`."""
    strengths = torch.linspace(-1, 1, STRENGTHS).repeat_interleave(GREYS)
    greys = torch.linspace(0, 1, GREYS).repeat(STRENGTHS)
    colours = heatmap(strengths[None, None], greys[None, None], scale=1.0)
    return (colours * 255).round().astype(np.uint8).tobytes()


def indices(attribution: Tensor, image: Tensor, scale: float) -> Bytes:
    """Give the place in the palette of each pixel (H, W); arguments of :func:`heatmap`."""
    values = attribution.detach().cpu().float().sum(0).numpy()
    middle = STRENGTHS // 2
    strength = np.rint(np.clip(values / scale, -1, 1) * middle) + middle
    grey = np.rint(picture(image).mean(2) * (GREYS - 1))
    return np.asarray(strength * GREYS + grey, dtype=np.uint8)
