"""Losses as pure functions: one value per image, or one for two sets of images."""

from xaicf.losses.kl import kl_standard_normal
from xaicf.losses.reconstruction import LIKELIHOODS, Likelihood, bernoulli, gaussian
from xaicf.losses.wasserstein import critic_distance, gradient_penalty, sliced_wasserstein

__all__ = [
    "LIKELIHOODS",
    "Likelihood",
    "bernoulli",
    "critic_distance",
    "gaussian",
    "gradient_penalty",
    "kl_standard_normal",
    "sliced_wasserstein",
]
