"""Ways to call ``explain`` and to compare what it has written."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from xaicf import load_frozen
from xaicf.cli import main
from xaicf.core import Explanation, Subject
from xaicf.data import Digits
from xaicf.explainers import Explainer, ask

QUIET: dict[str, Any] = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False}


def loaded(path: str) -> dict[str, Any]:
    return with_arguments("xaicf.load_frozen", path=path)


def with_arguments(class_path: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": class_path, "init_args": arguments}


GRADIENT = with_arguments("Attribution", method="gradient", contrast="pair")
GRADCAM = with_arguments("Attribution", method="gradcam", contrast="pair")
SEARCH = with_arguments("CDeepEx", epsilon=0.1)


def config(name: str = "given.yaml", **arguments: Any) -> str:
    """Write a configuration that explains ten digits in blocks of four; ``arguments`` replace its own."""
    arguments = {
        "classifier": loaded("classifier.ckpt"),
        "generator": loaded("vae.ckpt"),
        "explainers": [GRADIENT],
        "ids": list(range(10)),
        "block_size": 4,
        **arguments,
    }
    model = {"class_path": "Explain", "init_args": arguments}
    trainer = {**QUIET, "devices": 1}
    Path(name).write_text(json.dumps({"data": {"class_path": "Digits"}, "model": model, "trainer": trainer}))
    return f"--config={name}"


def explain(*arguments: str, output: str = "store", **changed: Any) -> int:
    return main(["explain", config(**changed), f"--output={output}", *arguments])


def by_hand(explainer: Explainer, foil: Any = "second", ids: range = range(10)) -> Explanation:
    """Ask directly, in the chunks of the store."""
    data = Digits()
    subject = Subject(load_frozen("classifier.ckpt"), load_frozen("vae.ckpt"), reference=data.reference())
    batch = data.samples(ids, "test")
    return ask(explainer, subject, batch["image"], foil, batch["label"])


def assert_equal(found: Explanation, expected: Explanation, **tolerance: float) -> None:
    before, after = expected.tensors(), found.tensors()
    assert set(after) == set(before)
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, equal_nan=True, **(tolerance or {"rtol": 0, "atol": 0}))


def hashes(store: Path) -> dict[str, str]:
    """Hash every file but the manifest; of a mark, all but how long its part took."""
    files = sorted(path for path in store.rglob("*") if path.is_file() and path.name != "manifest.json")
    found = {}
    for path in files:
        data = path.read_bytes()
        if path.suffix == ".json":
            data = json.dumps({**json.loads(data), "seconds": None}).encode()
        found[path.relative_to(store).as_posix()] = hashlib.sha256(data).hexdigest()
    return found


def times(store: str | Path = "store") -> dict[str, int]:
    return {path.relative_to(store).as_posix(): path.stat().st_mtime_ns for path in Path(store).rglob("*.*")}
