"""Checkpoints: read safely, rebuild the network, freeze it."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from xaicf.core.errors import CheckpointError, UserError
from xaicf.core.recipe import build

RECIPE = "xaicf"
"""The key of a task's recipe in its checkpoint."""


def load_safely(path: str | Path) -> object:
    """Read a file of torch.save onto the CPU, refusing everything but tensors and plain values.

    Raises:
        CheckpointError: the file is missing, damaged, or holds pickled code.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"checkpoint not found: {path}")
    try:
        found: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if _is_zip(path):
            raise CheckpointError(f"checkpoint {path} holds pickled code and is refused") from error
        raise CheckpointError(f"checkpoint {path} is damaged or no checkpoint") from error
    except Exception as error:  # bytes read as a pickle raise whatever they happen to spell
        raise CheckpointError(f"checkpoint {path} is damaged or no checkpoint") from error
    return found


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a task's checkpoint onto the CPU, refusing everything but tensors and plain values.

    Args:
        path: a ``.ckpt`` file written by a task of this package.

    Returns:
        The checkpoint; the task's recipe lies under ``"xaicf"``.

    Raises:
        CheckpointError: the file is missing, damaged, holds pickled code, or is of no known task.
    """
    checkpoint = load_safely(path)
    if not isinstance(checkpoint, dict) or RECIPE not in checkpoint or "state_dict" not in checkpoint:
        raise CheckpointError(f"checkpoint {path} was not written by a task of xaicf")
    return checkpoint


def load_frozen(path: str | Path) -> nn.Module:
    """Load any task's checkpoint as a frozen network: eval mode, gradients off.

    Works from Python and as a ``class_path`` in YAML, with ``path`` as its ``init_args``.

    Args:
        path: a ``.ckpt`` file written by a task of this package.

    Returns:
        The task: a classifier maps images to logits, a generator decodes latents.

    Raises:
        CheckpointError: see :func:`read_checkpoint`, or no network can be built from the recipe, or
            the weights do not fit it.
    """
    checkpoint = read_checkpoint(path)
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        try:
            network = build(checkpoint[RECIPE])
        except UserError as error:
            raise CheckpointError(f"{path}: {error}") from error
        try:
            network.load_state_dict(checkpoint["state_dict"])
        except (RuntimeError, TypeError, AttributeError) as error:
            raise CheckpointError(f"checkpoint {path} does not hold the weights of its own recipe") from error
    return network.eval().requires_grad_(False)


def sha256(path: str | Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def network_sha256(network: nn.Module) -> str:
    """Give the SHA-256 of a network's weights and statistics, whatever its device, precision and wrapping.

    In hexadecimal. Numbers are taken in single precision, so that a copy in double precision is the same network.
    """
    found = hashlib.sha256()
    for tensor in (*network.parameters(), *network.buffers()):
        plain = tensor.detach().cpu().contiguous()
        plain = plain.float() if plain.is_floating_point() else plain
        found.update(f"{plain.dtype} {tuple(plain.shape)}\n".encode())
        found.update(plain.flatten().view(torch.uint8).numpy().tobytes() if plain.ndim else repr(plain.item()).encode())
    return found.hexdigest()


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"
