"""Wasserstein distances between real and made images: a critic's estimate, what keeps it honest, a plain one."""

from collections.abc import Callable

import torch
from torch import Tensor

from xaicf.core.types import Images, PerImage


def critic_distance(real_scores: PerImage, made_scores: PerImage) -> Tensor:
    """Mean score of real images less that of made ones.

    The largest value over all critics of slope at most 1 is the Wasserstein-1 distance.

    Reference: Arjovsky et al. 2017, "Wasserstein GAN", equation 2.

    Args:
        real_scores: of a critic, (B,).
        made_scores: of a critic, (N,).

    Returns:
        One number.
    """
    return real_scores.mean() - made_scores.mean()


def gradient_penalty(critic: Callable[[Images], PerImage], real: Images, made: Images, mix: PerImage) -> PerImage:
    """Square of how far the critic's slope is from 1 between a real and a made image, (|∇ critic(x)| - 1)².

    The critic must score each image for itself: with batch norm the slope is not that of one image.

    Reference: Gulrajani et al. 2017, "Improved training of Wasserstein GANs", equation 3.

    Args:
        critic: images (B, C, H, W) to scores (B,).
        real: (B, C, H, W).
        made: (B, C, H, W).
        mix: share of the real image in x, (B,) in [0, 1].

    Returns:
        Penalties (B,), differentiable with respect to the critic's weights.
    """
    share = mix.view(-1, 1, 1, 1)
    between = (share * real + (1 - share) * made).detach().requires_grad_()
    (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    lengths: PerImage = torch.linalg.vector_norm(slopes.flatten(1), dim=1)
    return (lengths - 1).square()


def sliced_wasserstein(real: Images, made: Images, directions: Tensor) -> Tensor:
    """Wasserstein-1 distance of two sets of images along straight lines through the space of pixels, on average.

    It needs no critic and no classifier, so that values of different trainings compare, but only for
    equal numbers of images: two small sets of the same origin are some distance apart.

    Reference: Bonneel et al. 2015, "Sliced and Radon Wasserstein barycenters of measures".

    Args:
        real: (B, C, H, W).
        made: (B, C, H, W).
        directions: (C · H · W, lines), each column of any length but zero.

    Returns:
        One number, in grey values.
    """
    lengths: Tensor = torch.linalg.vector_norm(directions, dim=0)
    first, second = ((images.flatten(1) @ directions / lengths).sort(dim=0).values for images in (real, made))
    return (first - second).abs().mean()
