"""What runs hand on to each other: a classifier, a generator that was trained with it, explanations by both."""

from collections.abc import Mapping
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem
from torch import nn

from xaicf import store
from xaicf.callbacks.logging import Item
from xaicf.core import Editor, Generator, Translator, load_frozen, network_sha256, sha256
from xaicf.store.evaluation import SUMMARY
from xaicf.store.manifest import NAME, file_digests

WEIGHTS = (".pt", ".pth", ".th", ".safetensors")
"""How files of weights end that no task of this package wrote."""


def checkpoint_item(path: Path) -> Item:
    """Describe a task's checkpoint, by the SHA-256 of its network: that which a translator trained with it records.

    Args:
        path: of the checkpoint.

    Raises:
        CheckpointError: see :func:`~xaicf.core.load_frozen`.
    """
    network = load_frozen(path)
    digest = network_sha256(network)
    metadata: dict[str, object] = {
        "network_sha256": digest,
        "file_sha256": sha256(path),
        "class": type(network).__name__,
        "path": str(path),
    }
    if isinstance(network, Translator):
        metadata["classifier_sha256"] = network.classifier_sha256
    return Item(_kind(network), digest, {path.name: path}, metadata, [path.stem])


def named_items(settings: Mapping[str, object]) -> list[Item]:
    """Describe every checkpoint and file of weights that settings name.

    Raises:
        CheckpointError: a file that ends like a checkpoint is none.
    """
    found = []
    for name, digest in file_digests(settings).items():
        path = Path(name)
        if path.suffix == ".ckpt":
            found.append(checkpoint_item(path))
        elif path.suffix in WEIGHTS:
            found.append(Item("weights", digest, {path.name: path}, {"file_sha256": digest, "path": name}))
    return list({item.name: item for item in found}.values())


def store_item(url: str) -> Item:
    """Describe a store by its manifest, which holds the SHA-256 of the networks that made it; not its tensors.

    Raises:
        DataError: there is no store, or it is damaged.
    """
    folder = store.Folder(url)
    manifest = store.Manifest.read(folder)
    metadata: dict[str, object] = {
        "manifest_sha256": manifest.digest(),
        "networks": manifest.networks,
        "files": manifest.files,
        "explainers": manifest.explainers,
        "split": manifest.split,
        "images": len(manifest.ids),
        "url": url,
    }
    local = isinstance(folder.system, LocalFileSystem)
    there = folder.sizes() if local else {}
    files = {name: Path(folder.root, name) for name in (NAME, SUMMARY) if name in there}
    return Item("explanations", manifest.digest(), files, metadata)


def _kind(network: nn.Module) -> str:
    for kind, name in ((Generator, "generator"), (Translator, "translator"), (Editor, "editor")):
        if isinstance(network, kind):
            return name
    return "classifier"
