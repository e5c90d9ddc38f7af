"""Explanations on disk: written in parts by any number of processes, each part complete or absent."""

from xaicf.store.evaluation import Evaluation, read_evaluation, write_evaluation
from xaicf.store.folder import Folder
from xaicf.store.manifest import Manifest
from xaicf.store.part import Part, read_part, write_part
from xaicf.store.reading import explainers, missing_blocks, part_name, parts, read, seconds, table
from xaicf.store.rebuild import rebuild, rebuild_network
from xaicf.store.verify import Verification, same_files, verify

__all__ = [
    "Evaluation",
    "Folder",
    "Manifest",
    "Part",
    "Verification",
    "explainers",
    "missing_blocks",
    "part_name",
    "parts",
    "read",
    "read_evaluation",
    "read_part",
    "rebuild",
    "rebuild_network",
    "same_files",
    "seconds",
    "table",
    "verify",
    "write_evaluation",
    "write_part",
]
