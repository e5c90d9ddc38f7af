"""Losses as pure functions: one value per image, or one for two sets of images."""

from xaicf.losses.adversarial import Game, critic_loss, generator_loss
from xaicf.losses.kl import kl_standard_normal
from xaicf.losses.reconstruction import LIKELIHOODS, Likelihood, bernoulli, gaussian
from xaicf.losses.wasserstein import critic_distance, gradient_penalty, sliced_wasserstein

__all__ = [
    "LIKELIHOODS",
    "Game",
    "Likelihood",
    "bernoulli",
    "critic_distance",
    "critic_loss",
    "gaussian",
    "generator_loss",
    "gradient_penalty",
    "kl_standard_normal",
    "sliced_wasserstein",
]
