"""Read a store, or a part of it, in the order of sample ids."""

import math
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from xaicf.core import DataError, Explanation, InputError
from xaicf.store.folder import Folder
from xaicf.store.manifest import Manifest
from xaicf.store.part import OPTIONAL, Part, complete_parts, read_part, read_seconds, read_table


def part_name(block: int) -> str:
    """Name the part of a block."""
    return f"part_{block:06d}"


def explainers(path: str | Path) -> list[str]:
    """Name the explainers of a store."""
    return Manifest.read(Folder(path)).explainers


def missing_blocks(folder: Folder, manifest: Manifest, explainer: str, unchanged: bool = False) -> list[int]:
    """Give the blocks whose part is not there; with ``unchanged``, the hashes of the others are checked.

    Raises:
        DataError: a part that was complete is damaged.
    """
    there = complete_parts(folder / explainer, unchanged)
    return [block for block in range(manifest.blocks) if part_name(block) not in there]


def read(
    path: str | Path,
    explainer: str | None = None,
    columns: Collection[str] = OPTIONAL,
    start: int | None = None,
    stop: int | None = None,
    partial: bool = False,
) -> Explanation:
    """Read explanations in the order of sample ids; tensors are read of the wanted range only.

    Args:
        path: of the store.
        explainer: its name; may be left out where there is one.
        columns: which of ``attribution``, ``counterfactual``, ``baseline`` and ``trace`` to keep.
        start: first sample id, the lowest if left out.
        stop: end of the sample ids, itself left out.
        partial: give what is there of a store that is not complete.

    Returns:
        A row for each question, on the CPU.

    Raises:
        DataError: no such store or explainer, a part is missing or damaged, or the range is empty.
    """
    return Explanation.cat([part.explanation for part in parts(path, explainer, columns, start, stop, partial)])


def table(
    path: str | Path,
    explainer: str | None = None,
    start: int | None = None,
    stop: int | None = None,
    partial: bool = False,
) -> pa.Table:
    """Read sample ids, labels, classes, status and scalars alone, a row for each question; see :func:`read`."""
    folder, names = _chosen(path, explainer, start, stop, partial)
    found = pa.concat_tables([read_table(folder, name) for name in names])
    index = found["index"].to_numpy()
    return found.filter(pa.array(_within(index, start, stop)))


def parts(
    path: str | Path,
    explainer: str | None = None,
    columns: Collection[str] = OPTIONAL,
    start: int | None = None,
    stop: int | None = None,
    partial: bool = False,
) -> Iterator[Part]:
    """Read a store block by block, in memory that does not grow with it; arguments of :func:`read`."""
    unknown = sorted(set(columns) - set(OPTIONAL))
    if unknown:
        raise InputError(f"columns must be of {', '.join(OPTIONAL)}, got {unknown[0]}")
    folder, names = _chosen(path, explainer, start, stop, partial)
    for name in names:
        part = read_part(folder, name, columns)
        within = _within(part.index.numpy(), start, stop)
        if within.all():
            yield part
        else:
            rows = torch.from_numpy(within)
            yield Part(part.explanation[rows], part.index[rows], part.label[rows])


def seconds(path: str | Path, explainer: str | None = None) -> tuple[float, int]:
    """Give the mean seconds for each question that is in a store, NaN where times were not kept, and their number."""
    folder, names = _chosen(path, explainer, None, None, partial=True)
    times = [read_seconds(folder, name) for name in names]
    rows = sum(len(read_table(folder, name)) for name in names)
    return sum(math.nan if time is None else time for time in times) / rows, rows


def _within(index: np.ndarray, start: int | None, stop: int | None) -> np.ndarray:
    inside: np.ndarray = index >= (0 if start is None else start)
    return inside if stop is None else inside & (index < stop)


def _chosen(
    path: str | Path, explainer: str | None, start: int | None, stop: int | None, partial: bool
) -> tuple[Folder, list[str]]:
    folder = Folder(path)
    manifest = Manifest.read(folder)
    if explainer is None and len(manifest.explainers) == 1:
        (explainer,) = manifest.explainers
    if explainer not in manifest.explainers:
        raise DataError(f"store {folder.url} holds {', '.join(manifest.explainers)}; name one, got {explainer}")
    missing = set(missing_blocks(folder, manifest, explainer))
    low = start or 0
    high = max(low, manifest.ids[-1]) + 1 if stop is None else stop
    wanted = [block for block in range(manifest.blocks) if any(low <= id_ < high for id_ in manifest.block(block))]
    lost = [block for block in wanted if block in missing]
    if lost and not partial:
        raise DataError(
            f"store {folder.url} lacks {len(lost)} of {len(wanted)} parts of {explainer}: "
            "run explain again to complete it, or read it with partial"
        )
    names = [part_name(block) for block in wanted if block not in missing]
    if not names:
        raise DataError(f"store {folder.url} holds no sample of {explainer} in [{low}, {high})")
    return folder / explainer, names
