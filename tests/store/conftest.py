"""Stores that are written without explaining anything."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from xaicf.core import Explanation, Status
from xaicf.store import Folder, Manifest, Part, part_name, write_part

IDS = [0, 1, 2, 5, 6, 9, 12]

NewStore = Callable[..., Manifest]


def rows_of(ids: Sequence[int], questions: int) -> Part:
    """Give a part whose values follow from the sample ids, with some questions about each."""
    index = torch.tensor(ids).repeat_interleave(questions)
    images = (index / 100).reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4)
    foil = torch.arange(len(index)) % questions + 1
    explanation = Explanation(
        images,
        torch.zeros_like(index),
        foil,
        torch.full_like(index, Status.SOLVED),
        attribution=images + 1,
        counterfactual=images / 2,
        baseline=images / 4,
        scalars={"latent_distance": index.double()},
        trace={"latent": index.float()[:, None]},
    )
    return Part(explanation, index, index + 10)


@pytest.fixture
def new_store() -> NewStore:
    """Give a function that writes a store, some blocks left out."""

    def write(path: str | Path, without: Sequence[int] = (), questions: int = 1, **changed: Any) -> Manifest:
        arguments: dict[str, Any] = {
            "explainers": ["one"],
            "split": "test",
            "ids": IDS,
            "block_size": 3,
            "chunk_size": 2,
            "class_names": ["a", "b"],
            **changed,
        }
        manifest = Manifest(**arguments)
        folder = Folder(path)
        manifest.write(folder)
        for name in manifest.explainers:
            for block in set(range(manifest.blocks)) - set(without):
                write_part(folder / name, part_name(block), rows_of(manifest.block(block), questions))
        return manifest

    return write
