"""Compute in double precision with networks that are kept in single."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def in_double(*networks: nn.Module) -> Iterator[None]:
    """Hold weights and buffers in float64 inside; on leaving the very tensors from before are back.

    Args:
        networks: modules to convert.
    """
    tensors = {
        id(tensor): tensor
        for network in networks
        for tensor in (*network.parameters(), *network.buffers())
        if tensor.is_floating_point()
    }
    before = [(tensor, tensor.data) for tensor in tensors.values()]
    try:
        for tensor, data in before:
            tensor.data = data.to(torch.float64)
        yield
    finally:
        for tensor, data in before:
            tensor.data = data
