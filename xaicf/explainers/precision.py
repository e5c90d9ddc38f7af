"""Compute in double precision with networks that are kept in single."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal, get_args

import torch
from torch import nn

from xaicf.core import Images, InputError

Precision = Literal["double", "single"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def check_precision(precision: str) -> None:
    """Raise :class:`InputError` where a precision is unknown."""
    if precision not in PRECISIONS:
        raise InputError(f"precision must be {' or '.join(PRECISIONS)}, got {precision}")


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


@contextmanager
def widened(double: bool, inputs: Images, *networks: nn.Module) -> Iterator[torch.dtype]:
    """Compute in double precision inside, where it is wanted, the inputs are in single, and the device has it.

    Args:
        double: whether it is wanted.
        inputs: images (B, C, H, W).
        networks: that compute.

    Returns:
        The precision that the networks are in.
    """
    double = double and inputs.dtype == torch.float32 and inputs.device.type != "mps"
    with in_double(*networks) if double else nullcontext():
        yield torch.float64 if double else inputs.dtype
