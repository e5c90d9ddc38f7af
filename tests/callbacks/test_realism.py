"""The logged Fréchet distance is that of the generator's samples, and a checkpoint can go by it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import nn

from xaicf.callbacks import LogRealism
from xaicf.cli import main
from xaicf.core import InputError, read_checkpoint
from xaicf.data import Digits
from xaicf.evaluation.realism import frechet_metric
from xaicf.nn import TwoConv
from xaicf.tasks import VAE, Classifier

SHAPE = (1, 32, 32)
QUIET: Any = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def test_is_the_distance_of_the_samples() -> None:
    torch.manual_seed(0)
    classifier, task, data = TwoConv(SHAPE, 10), VAE(SHAPE, 4), Digits()
    trainer = Trainer(callbacks=[LogRealism(classifier, samples=150)], **QUIET)
    for _ in range(2):  # the second time from the real images' statistics of the first
        (found,) = trainer.validate(task, data, verbose=False)
        metric = frechet_metric(classifier, data.samples(range(150))["image"])
        with torch.no_grad():
            metric.update(task.sample(150, torch.Generator().manual_seed(0)), real=False)
        assert found["val/frechet_distance"] == pytest.approx(float(metric.compute()), rel=1e-4)
        assert found["val/frechet_images"] == 150


def test_states_the_number_there_are() -> None:
    data = Digits()
    trainer = Trainer(callbacks=[LogRealism(TwoConv(SHAPE, 10), samples=10**6)], **QUIET)
    (found,) = trainer.validate(VAE(SHAPE, 4), data, verbose=False)
    assert found["val/frechet_images"] == len(data.splits["val"])


def test_a_checkpoint_goes_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trainer = Trainer(max_epochs=1, limit_train_batches=2, limit_val_batches=0, enable_checkpointing=False, **QUIET)
    trainer.fit(Classifier(TwoConv, SHAPE, 10), datamodule=Digits())
    trainer.save_checkpoint("classifier.ckpt")
    classifier = {"class_path": "xaicf.load_frozen", "init_args": {"path": "classifier.ckpt"}}
    limits = {"max_epochs": 2, "limit_train_batches": 2, "limit_val_batches": 1, "log_every_n_steps": 1}
    config = {
        "data": {"class_path": "Digits"},
        "model": {"class_path": "VAE", "init_args": {"latent_dim": 4}},
        "checkpoint": {"monitor": "val/frechet_distance"},
        "trainer": {
            **QUIET,
            **limits,
            "default_root_dir": "run",
            "callbacks": [{"class_path": "LogRealism", "init_args": {"classifier": classifier, "samples": 64}}],
        },
    }
    Path("config.yaml").write_text(json.dumps(config))
    assert main(["fit", "--config", "config.yaml"]) == 0
    states = read_checkpoint("run/best.ckpt")["callbacks"].values()
    (state,) = (state for state in states if state.get("monitor") == "val/frechet_distance")
    assert float(state["best_model_score"]) > 0


@pytest.mark.parametrize(
    ("classifier", "samples", "message"),
    [(TwoConv(SHAPE, 10), 1, "samples must be at least 2, got 1"), (nn.Flatten(), 8, "ends in a linear layer")],
)
def test_mistakes(classifier: nn.Module, samples: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LogRealism(classifier, samples)


def test_needs_a_generator() -> None:
    trainer = Trainer(callbacks=[LogRealism(TwoConv(SHAPE, 10))], **QUIET)
    with pytest.raises(InputError, match="needs a Generator and an ImageData module, got Classifier and Digits"):
        trainer.validate(Classifier(TwoConv, SHAPE, 10), Digits(), verbose=False)
