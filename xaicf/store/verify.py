"""Check a store: nothing missing, nothing changed, and the counterfactuals still hold."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from xaicf.core import ClassifierError, DataError, Explanation, InputError, Status, as_found
from xaicf.store.folder import Folder
from xaicf.store.manifest import Manifest, file_digests
from xaicf.store.part import read_part
from xaicf.store.reading import missing_blocks, part_name
from xaicf.store.rebuild import rebuild_network

AGREEMENT = 1e-3
"""Largest difference, in nats, between a certificate in the store and the same computed again."""


@dataclass(frozen=True)
class Verification:
    """What was checked and held.

    Attributes:
        parts: complete, and unchanged by their SHA-256.
        rows: in them.
        certified: counterfactuals whose certificate was computed again and agreed.
    """

    parts: int
    rows: int
    certified: int


def verify(path: str | Path, certify: int = 256, classifier: nn.Module | None = None) -> Verification:
    """Check hashes and completeness of a store, and certify a sample of its counterfactuals again.

    Args:
        path: of the store.
        certify: how many counterfactuals of each explainer, spread over its parts; 0 to look at nothing but the store.
        classifier: the explained one; built from the store's settings if left out.

    Raises:
        InputError: ``certify`` is below 0.
        DataError: a part is missing or damaged, a checkpoint has changed, or a certificate does not hold;
            names the file.
    """
    folder = Folder(path)
    manifest = Manifest.read(folder)
    if certify < 0:
        raise InputError(f"certify must be at least 0, got {certify}")
    if certify and classifier is None:
        same_files(folder, manifest)
    parts = rows = certified = 0
    for name in manifest.explainers:
        missing = missing_blocks(folder, manifest, name)
        if missing:
            raise DataError(f"store {folder.url} lacks {len(missing)} parts of {name}, first {part_name(missing[0])}")
        share = -(-certify // manifest.blocks) if certify else 0
        for block in range(manifest.blocks):
            part = read_part(folder / name, part_name(block))
            if sorted(set(part.index.tolist())) != manifest.block(block):
                raise DataError(
                    f"store part {(folder / name).path(part_name(block))} holds other samples than its block"
                )
            parts, rows = parts + 1, rows + len(part.index)
            found = part.explanation
            if found.counterfactual is None or "boundary_residual" not in found.scalars or not share:
                continue
            if classifier is None:
                classifier = rebuild_network(manifest, "classifier")
            solved = (found.status == Status.SOLVED).nonzero().flatten()
            some = found[solved[torch.linspace(0, max(len(solved) - 1, 0), min(share, len(solved))).long()]]
            worst = _disagreement(classifier, some) if len(some) else 0.0
            if not worst <= AGREEMENT:  # also where it is no number
                file = (folder / name).path(part_name(block))
                raise DataError(
                    f"store part {file} holds certificates that are {worst:.3g} nats off when computed again"
                )
            certified += len(some)
    return Verification(parts, rows, certified)


def same_files(folder: Folder, manifest: Manifest) -> None:
    """Raise :class:`DataError` where a checkpoint is not the one that the store was made with."""
    now = file_digests(manifest.settings)
    for name, digest in manifest.files.items():
        if now.get(name) != digest:
            if name in now:
                raise DataError(f"{name} has changed since store {folder.url} was made")
            raise DataError(f"{name}, which store {folder.url} was made with, is missing")


@torch.no_grad()
def _disagreement(classifier: nn.Module, found: Explanation) -> float:
    assert found.counterfactual is not None
    with as_found(classifier):
        try:
            logits: Tensor = classifier(found.counterfactual)
        except RuntimeError as error:
            raise ClassifierError(f"classifier does not take the images of the store: {error}") from error
    pair = torch.stack([found.fact, found.foil], 1)
    llh = logits.log_softmax(1)
    tied = llh.gather(1, pair)
    residual = (tied[:, 0] - tied[:, 1]).abs() - found.scalars["boundary_residual"]
    margin = tied.amin(1) - llh.scatter(1, pair, -torch.inf).amax(1)
    stored = found.scalars["third_class_margin"]
    # With two classes both are infinite.
    return float(torch.cat([residual, (margin - stored).where(margin != stored, 0)]).abs().max())
