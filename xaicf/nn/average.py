"""A network that follows another one slowly: the moving average of its weights."""

import copy

import torch
from torch import nn


def frozen_copy(network: nn.Module) -> nn.Module:
    """Copy a network, without gradients and in eval mode."""
    return copy.deepcopy(network).requires_grad_(False).eval()


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move every weight and statistic of ``average`` to decay · average + (1 - decay) · network, in place.

    Counts, which are whole numbers, are copied.

    Args:
        average: a copy of the network.
        network: what is averaged, left as it is.
        decay: in [0, 1].
    """
    for old, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - decay)
        else:
            old.copy_(new)
