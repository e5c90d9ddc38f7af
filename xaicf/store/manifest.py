"""What a store holds and what it was made with."""

import hashlib
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from xaicf.core import DataError, SplitName
from xaicf.core.checkpoint import sha256
from xaicf.store.folder import Folder

NAME = "manifest.json"
DIGEST = "sha256"
"""The key of the hash of all else."""
FORMAT = 1
LIBRARIES = ("torch", "torchvision", "lightning", "captum", "numpy")
SHOWN = 120
"""Characters of a value in a message."""


@dataclass(frozen=True)
class Manifest:
    """What determines every byte of a store.

    Attributes:
        explainers: their names, each a folder of parts.
        split: of the data.
        ids: of the samples, rising.
        block_size: samples in a part, the last one smaller.
        chunk_size: images that are explained at a time.
        class_names: one for each class.
        seed: of the run.
        settings: the resolved configuration; networks and explainers can be built from it again.
        files: SHA-256 of every file that the settings name, such as checkpoints.
        networks: SHA-256 of the weights of each network, by its role.
        samples: SHA-256 of what was to be explained, so that ids mean the same in a resumed run.
        environment: versions, the SHA-256 of the package's source, kind of device, threads.
        format: of the store.
    """

    explainers: list[str]
    split: SplitName
    ids: list[int]
    block_size: int
    chunk_size: int
    class_names: list[str]
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)
    samples: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def arguments(self) -> dict[str, Any]:
        """Give the settings of the networks and explainers, none where the store was made from Python."""
        found: dict[str, Any] = self.settings.get("model", {}).get("init_args", {})
        return found

    @property
    def blocks(self) -> int:
        """Give the number of blocks, and so of each explainer's parts."""
        return -(-len(self.ids) // self.block_size)

    def block(self, number: int) -> list[int]:
        """Give the sample ids of a block."""
        return self.ids[number * self.block_size : (number + 1) * self.block_size]

    @classmethod
    def read(cls, folder: Folder) -> Self:
        """Read the manifest of a store.

        Raises:
            DataError: there is none, or it is damaged or of another format.
        """
        try:
            found = json.loads(folder.read(NAME))
            if found["format"] != FORMAT:
                raise DataError(f"{folder.path(NAME)} has format {found['format']}, expected {FORMAT}")
            written = found.pop(DIGEST)
            manifest = cls(**found)
            if written != manifest.digest():
                raise DataError(f"{folder.path(NAME)} is damaged: its SHA-256 is not the one that was written")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{folder.path(NAME)} is damaged") from error
        return manifest

    def digest(self) -> str:
        """Give the SHA-256 of all fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def write(self, folder: Folder) -> None:
        """Write the manifest in place of any that is there."""
        folder.write(NAME, json.dumps({**asdict(self), DIGEST: self.digest()}, indent=2, sort_keys=True).encode())

    def claim(self, folder: Folder) -> "Manifest":
        """Write the manifest, or go on with the one that is there.

        Returns:
            The manifest to work by: its chunks are those of the first run, whatever memory is free now.

        Raises:
            DataError: the store was made with anything else; names the first difference.
        """
        if NAME not in folder.sizes():
            self.write(folder)
            return self
        found = Manifest.read(folder)
        before, now = _flat(asdict(found)), _flat(asdict(self))
        keys = {*before, *now} - {"chunk_size"}
        for key in sorted(keys, key=lambda key: (key == "samples", key)):  # settings say more than a hash
            if before.get(key) != now.get(key):
                then, wanted = _told(before.get(key), now.get(key)), _told(now.get(key), before.get(key))
                raise DataError(f"store {folder.url} was made with {key} {then}, not {wanted}; choose another folder")
        return found


def _told(value: object, other: object) -> str:
    """Write a value so short that it can be read, and a long list so that it differs from the other."""
    text = str(value)
    if len(text) <= SHOWN or not isinstance(value, list):
        return text[:SHOWN]
    others = other if isinstance(other, list) else []
    place = next((n for n, pair in enumerate(zip(value, others, strict=False)) if pair[0] != pair[1]), len(others))
    return f"{len(value)} values" + (f", number {place} {value[place]}" if place < len(value) else "")


def weights_digest(network: nn.Module) -> str:
    """Give the SHA-256 of a network's parameters and buffers, with their names."""
    digest = hashlib.sha256()
    # Not the state dict, which leaves out buffers such as a normalisation.
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def environment(device: torch.device) -> dict[str, Any]:
    """Say what results depend on beside the settings."""
    return {
        **{name: version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "xaicf": version("xaicf"),
        "source": source_digest(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
    }


def source_digest() -> str:
    """Give the SHA-256 of the package's source files."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def file_digests(settings: object) -> dict[str, str]:
    """Give the SHA-256 of every file that is named anywhere in the settings, by its path."""
    return {text: sha256(text) for text in sorted(set(_texts(settings))) if _is_file(text)}


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long, or a null byte
        return False


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _flat(value: object, name: str = "") -> dict[str, object]:
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: leaf for inner, found in value.items() for key, leaf in _flat(found, f"{name}.{inner}".strip(".")).items()
    }
