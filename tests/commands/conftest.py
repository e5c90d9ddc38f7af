"""Tiny networks on digits, for the commands to explain."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lightning import Trainer, seed_everything

from xaicf.data import Digits
from xaicf.nn import ConvDecoder, ConvEncoder, TwoConv
from xaicf.tasks import VAE, Classifier, Task

SHAPE = (1, 32, 32)


def train(task: Task, path: Path, **options: Any) -> None:
    on_cpu: dict[str, Any] = {"accelerator": "cpu", "logger": False, "limit_val_batches": 0}
    quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "enable_model_summary": False}
    trainer = Trainer(default_root_dir=path.parent, **on_cpu, **quiet, **options)
    trainer.fit(task, datamodule=Digits())
    trainer.save_checkpoint(path)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints of a tiny classifier and a tiny generator."""
    home = tmp_path_factory.mktemp("networks")
    seed_everything(0)
    small = partial(TwoConv, channels=(4, 8), hidden=16, mean=[0.5], std=[0.5])
    train(Classifier(small, SHAPE, 10), home / "classifier.ckpt", max_epochs=4)
    encoder, decoder = (partial(network, channels=(4, 8), hidden=16) for network in (ConvEncoder, ConvDecoder))
    train(VAE(SHAPE, 4, encoder=encoder, decoder=decoder), home / "vae.ckpt", max_epochs=2)
    return home


@pytest.fixture
def in_an_empty_folder(networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in networks.glob("*.ckpt"):
        Path(path.name).symlink_to(path)
