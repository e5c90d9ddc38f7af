"""Explaining and evaluating with an editor of attributes."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from attributed import NAMES, SHAPE, Bars
from explaining import QUIET, loaded, times, with_arguments

from xaicf import load_frozen, store
from xaicf.cli import main
from xaicf.core import Subject
from xaicf.core.checkpoint import RECIPE
from xaicf.explainers import AttributeCriticism
from xaicf.nn import AttGANGenerator, DCGANCritic, SoftmaxRegression
from xaicf.tasks import AttGAN, Classifier, Task

OPTIONS = {"held": ["bright"], "bisections": 2, "steps": 10}


def save(task: Task, path: str) -> None:
    torch.save({RECIPE: task.recipe(), "state_dict": task.state_dict()}, path)


def config(**arguments: object) -> str:
    model = {
        "classifier": loaded("classifier.ckpt"),
        "explainers": [with_arguments("AttributeCriticism", **OPTIONS)],
        "ids": "0-9",
        "block_size": 4,
        **arguments,
    }
    written = {
        "data": {"class_path": "attributed.Bars"},
        "model": {"class_path": "Explain", "init_args": model},
        "trainer": {**QUIET, "devices": 1},
    }
    Path("given.yaml").write_text(json.dumps(written))
    return "--config=given.yaml"


@pytest.fixture(autouse=True)
def _trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    save(Classifier(SoftmaxRegression, SHAPE, 2), "classifier.ckpt")
    generator, critic = (
        partial(AttGANGenerator, channels=(4, 8)),
        partial(DCGANCritic, channels=(4, 8), norm="layer"),
    )
    save(AttGAN(SHAPE, NAMES, generator=generator, critic=critic), "attgan.ckpt")


def test_store_knows_the_editor_and_is_evaluated_with_it(tmp_path: Path) -> None:
    given = config(editor=loaded("attgan.ckpt"))
    assert main(["explain", given, "--output=store"]) == 0
    found = store.read("store")
    subject = Subject(load_frozen("classifier.ckpt"), editor=load_frozen("attgan.ckpt"))
    images = Bars().samples(range(10), "test")["image"]
    expected = AttributeCriticism(**OPTIONS).explain(subject, images)  # type: ignore[arg-type]
    assert torch.equal(found.status, expected.status)
    for name, tensor in expected.scalars.items():
        torch.testing.assert_close(found.scalars[name], tensor, rtol=1e-4, atol=1e-4)
    assert torch.equal(found.scalars["change_bright"], torch.zeros(10))
    assert set(store.Manifest.read(store.Folder("store")).networks) == {"classifier", "editor"}
    before = times()
    assert main(["explain", given, "--output=store"]) == 0  # nothing is computed again
    parts = {name for name in before if name.endswith(".safetensors")}
    assert all(times()[name] == before[name] for name in parts)
    assert main(["evaluate", "store", "--output=table.csv"]) == 0
    assert "attribute-criticism" in Path("table.csv").read_text()


def test_an_explanation_by_attributes_needs_an_editor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", config(), "--output=store"]) == 2
    assert "AttributeCriticism needs an editor, and the subject has none" in capsys.readouterr().err
    assert main(["explain", config(editor=loaded("classifier.ckpt")), "--output=store"]) == 2
    assert "editor must be a module that is an Editor, got Classifier" in capsys.readouterr().err
