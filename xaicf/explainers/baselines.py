"""Images that a method compares with: what an image would be without its features."""

from collections.abc import Callable
from typing import Literal

import torch
from torchvision.transforms.functional import gaussian_blur

from xaicf.core import Images

Baseline = Literal["black", "white", "mean", "blur", "noise", "reference"]
"""``reference`` are some images of the training split, the others one image for each."""


def black(inputs: Images) -> Images:
    """All zero."""
    return torch.zeros_like(inputs)


def white(inputs: Images) -> Images:
    """All one."""
    return torch.ones_like(inputs)


def mean(inputs: Images) -> Images:
    """The mean of each channel of each image."""
    return inputs.mean((2, 3), keepdim=True).expand_as(inputs).clone()


def blurred(inputs: Images) -> Images:
    """Blurred with a standard deviation of a fourteenth of the side, 2 pixels at 28: what hides a feature."""
    sigma = inputs.shape[-1] / 14
    soft: Images = gaussian_blur(inputs, [2 * round(3 * sigma) + 1] * 2, [sigma, sigma])
    return soft


def noise(inputs: Images) -> Images:
    """Uniform in [0, 1], by seed 0, the same for every image."""
    drawn = torch.rand(inputs.shape[1:], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return drawn.to(inputs).expand_as(inputs).clone()


BASELINES: dict[str, Callable[[Images], Images]] = {
    "black": black,
    "white": white,
    "mean": mean,
    "blur": blurred,
    "noise": noise,
}
"""What makes one baseline (B, C, H, W) for each image (B, C, H, W), by name."""
