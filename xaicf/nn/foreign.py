"""Classifiers that were made elsewhere."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from xaicf.core import CheckpointError, InputError
from xaicf.core.checkpoint import load_safely
from xaicf.nn.blocks import Normalize


def foreign_classifier(
    factory: str,
    arguments: Mapping[str, Any] | None = None,
    state_dict: str | None = None,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
) -> nn.Module:
    """Make a frozen classifier with a factory that can be imported, such as ``torchvision.models.resnet50``.

    Args:
        factory: import path of a class or function that makes a module from images to logits.
        arguments: its keyword arguments.
        state_dict: file with its weights, alone or under the key ``state_dict``, with or without the prefix
            ``module.`` that ``DataParallel`` puts before names; those that the factory sets if left out, random ones by
            seed 0.
        mean: that the classifier was trained with, for each channel or one for all; images are in [0, 1].
        std: likewise.

    Returns:
        A module that takes images in [0, 1] and normalises inside itself, in eval mode, gradients off.

    Raises:
        InputError: the factory cannot be imported, does not take the arguments, or makes no module.
        CheckpointError: the file is missing, damaged or unsafe, or does not fit the network.
    """
    module, _, name = factory.rpartition(".")
    try:
        make = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, SyntaxError, ValueError) as error:
        raise InputError(f"factory {factory} cannot be imported: {error}") from error
    # Random weights are the same each time, so that what was explained can be built again.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            network = make(**(arguments or {}))
        except Exception as error:  # somebody else's code raises what it likes
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"factory {factory} fails with {dict(arguments or {})}: {reason}") from error
    if not isinstance(network, nn.Module):
        raise InputError(f"factory {factory} must make a module, got {type(network).__name__}")
    if state_dict is not None:
        weights = load_safely(state_dict)
        if not isinstance(weights, dict):
            raise CheckpointError(
                f"{state_dict} does not hold the weights of {factory}: it holds a {type(weights).__name__}"
            )
        try:
            found = weights.get("state_dict", weights)
            network.load_state_dict({name.removeprefix("module."): value for name, value in found.items()})
        except (AttributeError, RuntimeError, TypeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(f"{state_dict} does not hold the weights of {factory}: {reason}") from error
    return nn.Sequential(Normalize(mean, std), network).eval().requires_grad_(False)
