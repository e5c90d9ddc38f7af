"""One part of a store: the explanation of a block of samples, complete or absent.

A part is three files: tensors (``.safetensors``); ids, labels, classes, status and scalars
(``.parquet``, a row for each question); and last, as the mark that the part is complete, the SHA-256 and size of
both (``.json``).
"""

import hashlib
import io
import json
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from xaicf.core import DataError, Explanation, Labels
from xaicf.store.folder import Folder

IN_TABLE = ("fact", "foil", "status")
"""What of an explanation stands in the table beside its scalars."""

OPTIONAL = ("attribution", "counterfactual", "baseline", "trace")
"""What of an explanation need not be read."""

MARK = ".json"


@dataclass(frozen=True)
class Part:
    """An explanation with the sample ids and labels (B,) of its rows."""

    explanation: Explanation
    index: Labels
    label: Labels


def write_part(folder: Folder, name: str, part: Part, seconds: float | None = None) -> None:
    """Write a part; a reader sees all of it or nothing.

    Args:
        folder: made if it is not there.
        name: of the part.
        part: what to write.
        seconds: that it took to make, kept in the mark.

    Raises:
        DataError: a file cannot be written.
    """
    explanation, index, label = part.explanation, part.index, part.label
    flat = {key: tensor.detach().cpu().contiguous() for key, tensor in explanation.tensors().items()}
    columns = {"index": index.cpu(), "label": label.cpu()}
    columns |= {key: flat.pop(key) for key in list(flat) if key in IN_TABLE or key.startswith("scalars/")}
    table = pa.table({key: tensor.numpy() for key, tensor in columns.items()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    # Cloned, since safetensors refuses two names for the same memory.
    files = {
        f"{name}.parquet": buffer.getvalue(),
        f"{name}.safetensors": save({key: tensor.clone() for key, tensor in flat.items()}),
    }
    mark = {file: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for file, data in files.items()}
    for file, data in files.items():
        folder.write(file, data)
    folder.write(f"{name}{MARK}", json.dumps({"rows": len(index), "seconds": seconds, "files": mark}).encode())


def complete_parts(folder: Folder, unchanged: bool = False) -> set[str]:
    """Name the parts of a folder that are complete.

    Args:
        folder: of the parts.
        unchanged: read every file and check its hash, not its size alone.

    Raises:
        DataError: a part that was complete has lost a file, or one has another size or hash.
    """
    sizes = folder.sizes()
    names = {file.removesuffix(MARK) for file in sizes if file.endswith(MARK)}
    for name in sorted(names):
        files = _mark(folder, name)
        for file, expected in files.items():
            if sizes.get(file) != expected["bytes"]:
                found = f"has {sizes[file]} bytes, expected {expected['bytes']}" if file in sizes else "is missing"
                raise DataError(f"store file {folder.path(file)} {found}; remove {name}{MARK} to have it made again")
            if unchanged:
                _checked(folder, file, files)
    return names


def read_part(folder: Folder, name: str, columns: Collection[str] = OPTIONAL) -> Part:
    """Read what :func:`write_part` wrote, onto the CPU, its hashes checked.

    Args:
        folder: of the part.
        name: of the part.
        columns: which of ``attribution``, ``counterfactual``, ``baseline`` and ``trace`` to keep.

    Raises:
        DataError: a file is missing or damaged, or holds no explanation.
    """
    files = _mark(folder, name)
    table = read_table(folder, name)
    tensors_file = f"{name}.safetensors"
    try:
        tensors = load(_checked(folder, tensors_file, files))
        tensors |= {key: torch.from_numpy(table[key].to_numpy().copy()) for key in table.column_names}
        index, label = tensors.pop("index"), tensors.pop("label")
        dropped = [field for field in OPTIONAL if field not in columns]
        kept = {key: tensor for key, tensor in tensors.items() if key.partition("/")[0] not in dropped}
        return Part(Explanation.from_tensors(kept), index, label)
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise DataError(f"store file {folder.path(tensors_file)} holds no explanation") from error


def read_table(folder: Folder, name: str) -> pa.Table:
    """Read ids, labels, classes, status and scalars alone.

    Raises:
        DataError: the file is missing or damaged.
    """
    file = f"{name}.parquet"
    try:
        return _table(_checked(folder, file, _mark(folder, name)))
    except pa.ArrowException as error:
        raise DataError(f"store file {folder.path(file)} holds no table") from error


def _table(data: bytes) -> pa.Table:
    # Without threads, which pyarrow may still hold when the process ends, and end it by a signal.
    return pq.ParquetFile(io.BytesIO(data)).read(use_threads=False)


def read_seconds(folder: Folder, name: str) -> float | None:
    """Read how long a part took to make; None where that was not kept."""
    found: float | None = json.loads(folder.read(f"{name}{MARK}")).get("seconds")
    return found


def _mark(folder: Folder, name: str) -> dict[str, dict[str, object]]:
    file = f"{name}{MARK}"
    try:
        mark = json.loads(folder.read(file))
        files: dict[str, dict[str, object]] = mark["files"]
        assert isinstance(mark.get("seconds"), int | float | None)
        assert {f"{name}.parquet", f"{name}.safetensors"} == set(files)
        assert all({"bytes", "sha256"} == set(entry) for entry in files.values())
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"store file {folder.path(file)} is damaged; remove it to have its part made again") from error
    return files


def _checked(folder: Folder, file: str, files: dict[str, dict[str, object]]) -> bytes:
    data = folder.read(file)
    if hashlib.sha256(data).hexdigest() != files[file]["sha256"]:
        raise DataError(
            f"store file {folder.path(file)} is damaged: its SHA-256 is not the one that was written; remove "
            f"{file.partition('.')[0]}{MARK} to have it made again"
        )
    return data
