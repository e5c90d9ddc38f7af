"""Stores as ``explain`` and ``evaluate`` would leave them, and what a page made from them holds."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from xaicf.core import Explanation
from xaicf.store import Evaluation, Folder, Manifest, Part, part_name, write_evaluation, write_part

EVIL = "<img src=x onerror=alert(1)>"
NAMES = ["cat", "dog", EVIL]
SIDE = 28


def store(
    path: Path,
    explainers: list[str],
    samples: int = 12,
    block: int = 5,
    first: int = 0,
    certified: bool = False,
    ways: bool = False,
) -> str:
    """Write a store: fact and foil change with the id, distance falls with it, every fourth row is unsolved.

    The label is the fact, but that of every sixth image is the foil. The first explainer has a counterfactual with its
    certificate; the way there has three frames.
    """
    torch.manual_seed(0)
    ids = torch.arange(samples) + first
    images = torch.rand(samples, 1, SIDE, SIDE)
    manifest = Manifest(explainers, "test", ids.tolist(), block, block, NAMES)
    manifest.write(Folder(path))
    label = (ids + (ids % 6 == 5)) % 3
    half = torch.full((samples,), 0.5)
    certificate = {"boundary_residual": half / 100, "third_class_margin": 4 * half}
    chances = {"fact_probability": half + 0.3, "foil_probability": half - 0.4}
    after = {"fact_probability_after": half - 0.1, "foil_probability_after": half - 0.1}
    way = {
        "images": torch.stack([images, images / 2, 1 - images], 1),
        "probabilities": torch.tensor([0.75, 0.5, 0.25])[None, :, None].expand(samples, 3, 3),
    }
    for place, name in enumerate(explainers):
        distance = {"distance": torch.where(ids % 5 == 0, torch.nan, 100.0 - ids + place)}
        whole = Explanation(
            images,
            ids % 3,
            (ids + 1) % 3,
            (ids % 4 > 0).long() if place == 0 else torch.ones_like(ids),
            attribution=torch.randn(samples, 1, SIDE, SIDE),
            counterfactual=1 - images if place == 0 else None,
            scalars=distance | chances | (after | certificate if place == 0 else {}) if certified else distance,
            trace=way if ways and place == 0 else None,
        )
        for number in range(manifest.blocks):
            rows = slice(number * block, (number + 1) * block)
            write_part(Folder(path) / name, part_name(number), Part(whole[rows], ids[rows], label[rows]))
    return str(path)


def evaluated(path: str, explainers: list[str], samples: int = 12, measures: int = 0) -> str:
    """Keep measurements: deletion of even ids alone and falling with them, distance in place of the scalar."""
    ids = list(range(samples))
    table: dict[str, list[object]] = {
        "explainer": [name for name in explainers for _ in ids],
        "index": ids * len(explainers),
        "foil": [(index + 1) % 3 for index in ids] * len(explainers),
        "deletion": [1 / (1 + index) if index % 2 == 0 else float("nan") for index in ids] * len(explainers),
        "distance": [float(index * 7 % 12) for index in ids] * len(explainers),
        **{f"measure_{number}": [index / 7 + number for index in ids] * len(explainers) for number in range(measures)},
    }
    rows: list[dict[str, object]] = []
    for place, name in enumerate(explainers):
        about = {"group": "attribution", "meaning": "the area under p_fact."}
        half = {**about, "explainer": name, "better": "lower", "n": samples // 2, "mean": 0.25 + place}
        rows += [
            half | {"measure": "deletion", "low": 0.125 + place, "high": 0.375 + place},
            half | {"measure": "frechet_distance", "group": "counterfactual", "n": samples},
            half | {"measure": "l1", "n": 0, "mean": 0},
            half | {"measure": "distance", "better": None, "n": samples, "low": 0.0, "high": 9.0},
        ]
        rows += [half | {"measure": f"measure_{number}", "low": 0.0, "high": 9.0} for number in range(measures)]
    write_evaluation(Folder(path), Evaluation(rows, pa.table(table)))
    return path


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(r'id="data">([^<]*)<', page.read_text(encoding="utf-8"))
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data
