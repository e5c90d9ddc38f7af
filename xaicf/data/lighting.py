"""How grey pictures of faces are lit: attributes that are measured, where nobody has labelled any."""

import torch
from jaxtyping import Float
from torch import Tensor

from xaicf.core import Images

RANGES = {
    "brightness": (0.29, 0.69),  # grey value
    "contrast": (0.08, 0.25),  # standard deviation of grey values
    "light_from_right": (-0.26, 0.26),  # right half less left
    "light_from_above": (-0.11, 0.16),  # upper half less lower
    "sharpness": (0.016, 0.045),  # mean step between neighbours
    "bright_mouth": (-0.19, 0.11),  # where the mouth of a centred face is, less the whole
}
"""What becomes 0 and 1 of each attribute: the first and the 99th percentile of 8,000 faces of 64 pixels."""

MOUTH = (0.64, 0.82), (0.3, 0.7)
"""Rows and columns of the mouth in a centred face, as shares of height and width."""


def measure_lighting(images: Images) -> Float[Tensor, "batch 6"]:
    """Measure the attributes of :data:`RANGES`, cut off at 0 and 1.

    Args:
        images: (N, C, H, W) in [0, 1]; channels are averaged.

    Returns:
        (N, 6) in [0, 1].
    """
    grey = images.mean(1)
    height, width = grey.shape[1:]
    whole = grey.mean((1, 2))
    rows, columns = (
        slice(round(low * size), max(round(high * size), round(low * size) + 1))
        for (low, high), size in zip(MOUTH, (height, width), strict=True)
    )
    steps = grey.diff(dim=1).abs().mean((1, 2)) + grey.diff(dim=2).abs().mean((1, 2))
    found = torch.stack(
        [
            whole,
            grey.flatten(1).std(1),
            grey[:, :, width // 2 :].mean((1, 2)) - grey[:, :, : width // 2].mean((1, 2)),
            grey[:, : height // 2].mean((1, 2)) - grey[:, height // 2 :].mean((1, 2)),
            steps / 2,
            grey[:, rows, columns].mean((1, 2)) - whole,
        ],
        1,
    )
    low, high = found.new_tensor(list(RANGES.values())).unbind(1)
    return ((found - low) / (high - low)).clamp(0, 1)
