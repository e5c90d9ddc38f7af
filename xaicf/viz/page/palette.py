"""A signed map as one byte for each pixel: how strongly it speaks for the fact or the foil."""

import functools

import numpy as np
import numpy.typing as npt
from torch import Tensor

from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR

STEPS = 100
"""Steps from nothing to full colour, on either side."""

Bytes = npt.NDArray[np.uint8]


@functools.cache
def palette() -> bytes:
    """Give red, green, blue and opacity of every byte, those of a foil first; the middle one is clear.

    Laid over a pale grey image they give the colours of :func:`~xaicf.viz.heatmap`, rounded.
    """
    colours = np.zeros((2 * STEPS + 1, 4))
    colours[:STEPS, :3], colours[STEPS:, :3] = FOIL_COLOUR, FACT_COLOUR
    colours[:, 3] = np.abs(np.linspace(-1, 1, len(colours)))
    return (colours * 255).round().astype(np.uint8).tobytes()


def indices(attribution: Tensor, scale: float) -> Bytes:
    """Give the place in the palette of each pixel (H, W).

    Args:
        attribution: (C or 1, H, W), summed over channels.
        scale: the absolute value that gets full colour.
    """
    values = attribution.detach().cpu().float().sum(0).numpy()
    return np.asarray(np.rint(np.clip(values / scale, -1, 1) * STEPS) + STEPS, dtype=np.uint8)
