"""How far a reconstruction is from its image, as a negative log-likelihood."""

from typing import Literal

import torch
from torch.nn import functional

from xaicf.core.types import Images, PerImage


def bernoulli(image_logits: Images, images: Images) -> PerImage:
    """Negative log-likelihood of grey values as Bernoulli means, summed over pixels.

    Args:
        image_logits: decoder outputs (B, C, H, W) before the sigmoid.
        images: targets (B, C, H, W) in [0, 1].

    Returns:
        Nats per image (B,).
    """
    return functional.binary_cross_entropy_with_logits(image_logits, images, reduction="none").flatten(1).sum(1)


def gaussian(image_logits: Images, images: Images, scale: float = 0.1) -> PerImage:
    """Negative log-likelihood under a normal distribution around the decoded image, summed over pixels.

    The constant (log of the normaliser) is left out.

    Args:
        image_logits: decoder outputs (B, C, H, W) before the sigmoid.
        images: targets (B, C, H, W) in [0, 1].
        scale: standard deviation of a pixel, in grey values.

    Returns:
        Nats per image (B,).
    """
    return ((torch.sigmoid(image_logits) - images) / scale).square().flatten(1).sum(1) / 2


Likelihood = Literal["bernoulli", "gaussian"]

LIKELIHOODS = {"bernoulli": bernoulli, "gaussian": gaussian}
"""What an autoencoder may take for the distribution of a pixel."""
