"""Divergence of a diagonal normal distribution from the standard normal."""

from xaicf.core.types import Latents, PerImage


def kl_standard_normal(mean: Latents, log_variance: Latents) -> PerImage:
    """Kullback-Leibler divergence KL(N(mean, variance) || N(0, 1)), summed over the latent.

    Reference: Kingma and Welling 2014, appendix B.

    Args:
        mean: (B, latent_dim).
        log_variance: (B, latent_dim).

    Returns:
        Nats per image (B,).
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
