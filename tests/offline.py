"""Read what an offline W&B run holds, from its own file."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record


def records(path: Path) -> Iterator[Record]:
    """Read LevelDB's log framing: blocks of 32 KiB, pieces with headers of crc, length and kind."""
    data, block = path.read_bytes(), 1 << 15
    assert data[:4] == b":W&B"
    offset, whole = 7, b""
    while offset < len(data):
        room = block - offset % block
        if room < 7:
            offset += room
            continue
        _, length, kind = struct.unpack_from("<IHB", data, offset)
        whole += data[offset + 7 : offset + 7 + length]
        offset += 7 + length
        if kind in {1, 4}:  # full, last
            yield Record.FromString(whole)
            whole = b""


def read(run: Path) -> list[Record]:
    """Give all records of a run's folder."""
    (path,) = run.glob("run-*.wandb")
    return list(records(path))


def value(parts: dict[str, Any]) -> Any:
    """Join what W&B takes apart: {"": 1} is 1, {"path": p} is a mapping."""
    return parts.get("", parts)


def entries(run: Path) -> list[dict[str, Any]]:
    """Give every logged entry."""
    found = []
    for record in read(run):
        entry: dict[str, dict[str, Any]] = {}
        for item in record.history.item:
            name, *inner = item.nested_key or [item.key]
            entry.setdefault(name, {})[".".join(inner)] = json.loads(item.value_json)
        if entry:
            found.append({name: value(parts) for name, parts in entry.items()})
    return found


def settings(run: Path) -> dict[str, Any]:
    """Give the settings of a run, by their first names."""
    found: dict[str, dict[str, Any]] = {}
    for record in read(run):
        for item in (*record.run.config.update, *record.config.update):
            name, *inner = item.nested_key or [item.key]
            found.setdefault(name, {})[".".join(inner)] = json.loads(item.value_json)
    return {name: value(parts) for name, parts in found.items()}


def artifacts(run: Path) -> list[Any]:
    """Give every artifact that a run made."""
    return [record.artifact for record in read(run) if record.WhichOneof("record_type") == "artifact"]
