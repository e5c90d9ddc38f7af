"""One part of a store: an explanation on disk, complete or absent."""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from xaicf.core import DataError, Explanation, Labels


def write_part(path: Path, explanation: Explanation, index: Labels) -> None:
    """Write an explanation and its sample ids; a reader sees all of it or nothing.

    Args:
        path: of the part, ending in ``.safetensors``; its folder is made.
        explanation: any.
        index: stable sample ids (B,), kept with the rows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Cloned, since safetensors refuses two names for the same memory.
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in explanation.tensors().items()}
    data = save({**tensors, "index": index.cpu()}, metadata={"xaicf": json.dumps({"rows": len(explanation)})})
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_part(path: Path) -> tuple[Explanation, Labels]:
    """Read what :func:`write_part` wrote, onto the CPU.

    Raises:
        DataError: the file is missing, damaged, or holds no explanation.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (OSError, SafetensorError) as error:
        raise DataError(f"store part {path} is missing or damaged") from error
    try:
        index = tensors.pop("index")
        return Explanation.from_tensors(tensors), index
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"store part {path} holds no explanation") from error
