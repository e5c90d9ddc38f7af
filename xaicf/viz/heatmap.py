"""Signed maps as colours: red speaks for the fact, blue for the foil, zero shows the image beneath."""

import numpy as np
import numpy.typing as npt
from torch import Tensor

FACT_COLOUR = (0.70, 0.09, 0.17)
"""The red end of ColorBrewer's RdBu, which people with colour-blindness tell from its blue end."""

FOIL_COLOUR = (0.13, 0.40, 0.67)
"""The blue end of ColorBrewer's RdBu."""

Pixels = npt.NDArray[np.float32]


def picture(image: Tensor) -> Pixels:
    """Turn an image (C, H, W) into pixels (H, W, 3), cut to [0, 1]."""
    pixels = image.detach().cpu().float().clamp(0, 1).permute(1, 2, 0).numpy()
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32)


def scale_of(attribution: Tensor) -> float:
    """Give the largest absolute value of a map summed over channels, at least a tiny positive number."""
    return max(float(attribution.sum(0).abs().max()), 1e-12)


def heatmap(attribution: Tensor, image: Tensor, scale: float | None = None) -> Pixels:
    """Lay a signed map over a pale grey image.

    Args:
        attribution: (C or 1, H, W), summed over channels.
        image: (C, H, W) in [0, 1].
        scale: the absolute value that gets full colour; the map's own largest if left out. The scale is
            the same on both sides of zero.

    Returns:
        Pixels (H, W, 3) in [0, 1].
    """
    values = attribution.detach().cpu().float().sum(0).numpy()
    strength = np.clip(values / (scale or scale_of(attribution)), -1, 1)[..., None]
    beneath = 0.72 + 0.28 * picture(image).mean(2, keepdims=True)
    colour = np.where(strength > 0, FACT_COLOUR, FOIL_COLOUR)
    weight = np.abs(strength)
    return np.asarray(beneath * (1 - weight) + colour * weight, dtype=np.float32)
