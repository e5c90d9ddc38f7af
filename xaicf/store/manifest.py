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

from xaicf.core import DataError, SplitName
from xaicf.core.checkpoint import sha256
from xaicf.store.folder import Folder

NAME = "manifest.json"
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
            manifest = cls(**found)
            assert all(isinstance(names, list) and names for names in (manifest.explainers, manifest.ids))
            assert manifest.block_size >= 1
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{folder.path(NAME)} is damaged") from error
        return manifest

    def write(self, folder: Folder) -> None:
        """Write the manifest in place of any that is there."""
        folder.write(NAME, json.dumps(asdict(self), indent=2, sort_keys=True).encode())

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
        for key in sorted({*before, *now} - {"chunk_size"}):
            if before.get(key) != now.get(key):
                then, wanted = (str(values.get(key))[:SHOWN] for values in (before, now))
                raise DataError(f"store {folder.url} was made with {key} {then}, not {wanted}; choose another folder")
        return found


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
