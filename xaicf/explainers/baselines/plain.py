"""Baselines that ask nobody: one colour, noise, or the image without its details."""

from collections.abc import Callable

import torch
from torchvision.transforms.functional import gaussian_blur

from xaicf.core import Images, Labels, Subject
from xaicf.explainers.baselines.base import Baseline


def zero(inputs: Images) -> Images:
    """All zero, black."""
    return torch.zeros_like(inputs)


def maximum(inputs: Images) -> Images:
    """All one, white."""
    return torch.ones_like(inputs)


def mean(inputs: Images) -> Images:
    """The mean of each channel of each image."""
    return inputs.mean((2, 3), keepdim=True).expand_as(inputs).clone()


def blurred(inputs: Images) -> Images:
    """Blurred with a standard deviation of a fourteenth of each side, 2 pixels at 28: what hides a feature."""
    sigmas = [side / 14 for side in (inputs.shape[-1], inputs.shape[-2])]
    soft: Images = gaussian_blur(inputs, [2 * round(3 * sigma) + 1 for sigma in sigmas], sigmas)
    return soft


def noise(inputs: Images) -> Images:
    """Uniform in [0, 1], by seed 0, the same for every image."""
    drawn = torch.rand(inputs.shape[1:], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return drawn.to(inputs).expand_as(inputs).clone()


FILLS: dict[str, Callable[[Images], Images]] = {
    "zero": zero,
    "maximum": maximum,
    "mean": mean,
    "blur": blurred,
    "noise": noise,
}
"""What makes one image (B, C, H, W) for each image (B, C, H, W), by name."""


class Plain(Baseline):
    """One of :data:`FILLS`, whatever fact and foil.

    Args:
        fill: its name.
    """

    def __init__(self, fill: str) -> None:
        self.fill = fill

    @property
    def name(self) -> str:
        """Name the fill."""
        return self.fill

    def __call__(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Images:
        """Give (B, C, H, W)."""
        return FILLS[self.fill](inputs)
