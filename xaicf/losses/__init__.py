"""Losses as pure functions, one value per image."""

from xaicf.losses.kl import kl_standard_normal
from xaicf.losses.reconstruction import bernoulli, gaussian

__all__ = ["bernoulli", "gaussian", "kl_standard_normal"]
