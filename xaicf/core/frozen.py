"""Explain without leaving a trace on the networks."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from xaicf.core.errors import ClassifierError


@contextmanager
def as_found(*networks: nn.Module) -> Iterator[None]:
    """Set networks to evaluation without weight gradients, and put all back on leaving.

    Inside, autograd records (also when called under ``no_grad`` or inference mode), every network is
    in eval mode and no weight requires a gradient. On leaving, also by an error, modes,
    ``requires_grad``, buffers and the global random state are bitwise what they were.

    Args:
        networks: modules to keep unchanged.

    Raises:
        ClassifierError: a network was made in inference mode.
    """
    modes = [(module, module.training) for network in networks for module in network.modules()]
    weights = [(weight, weight.requires_grad) for network in networks for weight in network.parameters()]
    if any(weight.is_inference() for weight, _ in weights):
        raise ClassifierError("networks made in inference mode cannot be differentiated; make them outside of it")
    buffers = [
        (module, name, buffer, buffer.clone())
        for module, _ in modes
        for name, buffer in module.named_buffers(recurse=False, remove_duplicate=False)
    ]
    devices = {weight.device for weight, _ in weights if weight.device.type == "cuda"}
    with torch.random.fork_rng(devices=sorted(devices, key=str)):
        try:
            for module, _ in modes:
                module.training = False
            for weight, _ in weights:
                weight.requires_grad_(False)
            with torch.inference_mode(False), torch.enable_grad():
                yield
        finally:
            for module, training in modes:
                module.training = training
            for weight, requires_grad in weights:
                weight.requires_grad_(requires_grad)
            with torch.no_grad():
                for module, name, buffer, before in buffers:
                    setattr(module, name, buffer)
                    if not torch.equal(buffer, before):
                        buffer.copy_(before)
