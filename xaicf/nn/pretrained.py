"""Weights that a network of torchvision's starts from."""

from collections.abc import Mapping

import torch
import torchvision
from torch import Tensor, nn

from xaicf.core.checkpoint import load_safely
from xaicf.core.errors import CheckpointError, InputError


def published_weights(architecture: str, weights: str) -> Mapping[str, Tensor]:
    """Give torchvision's weights, downloaded unless torch has them in its folder.

    Args:
        architecture: a name that ``torchvision.models.get_model`` knows.
        weights: such as ``IMAGENET1K_V1``, or ``DEFAULT`` for the best.

    Raises:
        InputError: torchvision has no such weights.
        CheckpointError: they cannot be downloaded.
    """
    known = torchvision.models.get_model_weights(architecture)
    if weights not in known.__members__:
        raise InputError(f"weights of {architecture} must be one of {', '.join(known.__members__)}, got {weights}")
    try:
        # Of the network rather than the file: torchvision renames what older files have.
        found = torchvision.models.get_model(architecture, weights=known[weights], progress=False)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        where = torch.hub.get_dir()
        raise CheckpointError(
            f"weights {weights} of {architecture} are not in {where} and could not be downloaded: {reason}"
        ) from error
    state: Mapping[str, Tensor] = found.state_dict()
    return state


def stored_weights(path: str) -> Mapping[str, Tensor]:
    """Read weights from a file, alone or under the key ``state_dict``, with or without the prefix ``module.``.

    Raises:
        CheckpointError: the file is missing, damaged or unsafe, or holds something else.
    """
    found = load_safely(path)
    if isinstance(found, dict):
        found = found.get("state_dict", found)
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f"{path} does not hold the weights of a network")
    return {str(name).removeprefix("module."): value for name, value in found.items()}


def start_from(network: nn.Module, weights: Mapping[str, Tensor], spare: set[str], head: set[str], where: str) -> None:
    """Load weights, but for those of a head of another number of classes, which stays as it is.

    Args:
        network: of torchvision, perhaps without parts that only its training uses.
        weights: of the same architecture.
        spare: names of the weights of those parts, which are left out.
        head: names of the weights whose shape is told by the number of classes.
        where: they are from, for errors.

    Raises:
        CheckpointError: a name is missing or unknown, or a shape is another.
    """
    own: dict[str, Tensor] = network.state_dict()
    found = weights.keys() - spare
    for what, names in (("lacks", own.keys() - found), ("has an unknown", found - own.keys())):
        if names:
            raise CheckpointError(f"{where} {what} {min(names)}, and does so {len(names)} times of {len(own)}")
    taken = {name: weights[name] for name in own if name not in head or weights[name].shape == own[name].shape}
    for name, value in taken.items():
        if value.shape != own[name].shape:
            shapes = f"{tuple(own[name].shape)}, got {tuple(value.shape)}"
            raise CheckpointError(f"{where} does not fit: {name} must be of shape {shapes}")
    network.load_state_dict({**own, **taken})


def head_of(architecture: str, network: nn.Module, num_classes: int) -> set[str]:
    """Name the weights of a network whose shape is told by the number of classes."""
    with torch.device("meta"):
        other = torchvision.models.get_model(architecture, weights=None, num_classes=num_classes + 1).state_dict()
    return {name for name, value in network.state_dict().items() if other[name].shape[:1] != value.shape[:1]}
