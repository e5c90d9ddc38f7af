"""Two processes explain the same images as one, log them once, and end together when one of them fails."""

import csv
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning import Trainer, seed_everything

from xaicf import load_frozen
from xaicf.cli import main
from xaicf.core import Explanation, Status
from xaicf.data import Digits
from xaicf.nn import ConvDecoder, ConvEncoder, TwoConv
from xaicf.store import parts
from xaicf.tasks import VAE, Classifier, Task

SAMPLES = 3
EPOCHS = (1, 2)  # epoch 0 lies in the checkpoint that both runs go on from
SHAPE = (1, 32, 32)
CHANNELS = (4, 8)

FAILING = """
import sys
from lightning import Trainer
from xaicf.callbacks import ExplainAtValidationEnd
from xaicf.data import Digits
from xaicf.explainers import Attribution
from xaicf.nn import TwoConv
from xaicf.tasks import Classifier

class Failing(Attribution):
    def _explain(self, subject, inputs, fact, foil):
        if trainer.global_rank == 1:
            raise ArithmeticError("only here")
        return super()._explain(subject, inputs, fact, foil)

options = {"accelerator": "cpu", "devices": 2, "strategy": "ddp_fork", "logger": False}
quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
callback = ExplainAtValidationEnd([Failing("gradient")], samples=4)
limits = {"max_epochs": 1, "limit_train_batches": 1, "limit_val_batches": 1}
trainer = Trainer(default_root_dir=sys.argv[1], callbacks=[callback], **options, **quiet, **limits)
trainer.fit(Classifier(TwoConv, (1, 32, 32), 10), datamodule=Digits())
"""


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def new_vae() -> VAE:
    # What the command line writes down, with the default of hidden, so that it may go on from here.
    encoder, decoder = (partial(network, channels=CHANNELS, hidden=256) for network in (ConvEncoder, ConvDecoder))
    return VAE(SHAPE, 4, encoder=encoder, decoder=decoder, optimizer=partial(torch.optim.Adam, lr=3e-3))


def train(task: Task, folder: Path, **options: Any) -> Path:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    options = {**quiet, "enable_model_summary": False, "limit_val_batches": 0, **options}
    trainer = Trainer(accelerator="cpu", default_root_dir=folder, **options)
    trainer.fit(task, datamodule=Digits())
    path = folder / f"{type(task).__name__.lower()}.ckpt"
    trainer.save_checkpoint(path)
    return path


def config(home: Path, classifier: Path, devices: int) -> dict[str, Any]:
    """A VAE that stays as it is, explained after both epochs."""
    frozen = {"class_path": "xaicf.load_frozen", "init_args": {"path": str(classifier)}}
    explainers = [
        {"class_path": "CDeepEx", "init_args": {"epsilon": 0.1, "constrain_others": False}},
        {"class_path": "Attribution", "init_args": {"method": "linear_approximation", "contrast": "pair"}},
    ]
    networks = {
        name: {"class_path": f"xaicf.nn.{name}", "init_args": {"channels": list(CHANNELS)}}
        for name in ("ConvEncoder", "ConvDecoder")
    }
    callback = {"classifier": frozen, "explainers": explainers, "samples": SAMPLES}
    return {
        "seed_everything": 7,
        "data": {"class_path": "Digits"},
        "model": {
            "class_path": "VAE",
            "init_args": {
                "latent_dim": 4,
                "encoder": networks["ConvEncoder"],
                "decoder": networks["ConvDecoder"],
                "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.0}},
            },
        },
        "trainer": {
            "accelerator": "cpu",
            "devices": devices,
            "strategy": "ddp" if devices > 1 else "auto",
            "max_epochs": len(EPOCHS) + 1,
            "limit_train_batches": 2,
            "limit_val_batches": 2,
            "log_every_n_steps": 1,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": str(home),
            "logger": {
                "class_path": "CSVLogger",
                "init_args": {"save_dir": str(home), "name": "", "version": ""},
            },
            "callbacks": [{"class_path": "ExplainAtValidationEnd", "init_args": callback}],
        },
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The same fit in one process and in two; gives the folders by the number of processes."""
    home = tmp_path_factory.mktemp("ddp")
    seed_everything(0)
    classifier = train(Classifier(TwoConv, SHAPE, 10), home, max_epochs=1, limit_train_batches=30)
    vae = new_vae()
    train(vae, home, max_epochs=3)
    vae.optimizer = partial(torch.optim.SGD, lr=0.0)
    start = train(vae, home, max_epochs=1, limit_train_batches=2)
    folders = {}
    for devices in (1, 2):
        folders[devices] = home / f"devices_{devices}"
        folders[devices].mkdir()
        path = home / f"devices_{devices}.yaml"
        path.write_text(yaml.safe_dump(config(folders[devices], classifier, devices)))
        arguments = ["fit", "--config", str(path), "--ckpt_path", str(start)]
        if devices == 1:
            assert main(arguments) == 0
        else:
            command = [sys.executable, "-m", "xaicf", *arguments]
            done = subprocess.run(
                command, env=environment(), cwd=home, capture_output=True, text=True, timeout=240, check=False
            )
            assert done.returncode == 0, done.stderr[-3000:]
            assert "GLOBAL_RANK: 1, MEMBER: 2/2" in done.stdout
    return folders


def both(runs: dict[int, Path], name: str, epoch: int) -> tuple[Explanation, Explanation]:
    found = []
    for devices in (1, 2):
        (part,) = parts(runs[devices] / "explanations" / f"epoch_000{epoch}", name)
        assert part.index.tolist() == list(range(SAMPLES))
        found.append(part.explanation)
    return found[0], found[1]


@pytest.mark.parametrize("epoch", EPOCHS)
def test_two_processes_attribute_as_one(epoch: int, runs: dict[int, Path]) -> None:
    one, two = both(runs, "linear_approximation-pair", epoch)
    assert torch.equal(one.inputs, two.inputs)
    assert torch.equal(one.fact, two.fact)
    assert torch.equal(one.foil, two.foil)
    torch.testing.assert_close(two.attribution, one.attribution, rtol=0, atol=1e-5)
    assert one.attribution is not None
    assert float(one.attribution.abs().amax()) > 1e-3


@pytest.mark.parametrize("epoch", EPOCHS)
def test_two_processes_find_the_ties_of_one(epoch: int, runs: dict[int, Path]) -> None:
    one, two = both(runs, "xgem", epoch)
    assert torch.equal(one.status, two.status)
    for explanation in (one, two):
        solved = explanation.status == Status.SOLVED
        assert solved.any()
        assert (explanation.scalars["boundary_residual"][solved] <= 0.01).all()
    for name in ("latent_distance", "boundary_residual", "third_class_margin"):
        torch.testing.assert_close(two.scalars[name], one.scalars[name], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(two.counterfactual, one.counterfactual, rtol=0, atol=1e-3)


@pytest.mark.parametrize("devices", [1, 2])
def test_each_validation_is_logged_once(devices: int, runs: dict[int, Path]) -> None:
    with (runs[devices] / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["explain/xgem/solved"]]
    assert [int(float(row["epoch"])) for row in rows] == list(EPOCHS)
    for epoch in EPOCHS:
        folder = runs[devices] / "explanations" / f"epoch_000{epoch}"
        for name in ("xgem", "linear_approximation-pair"):
            pictures = sorted(path.name for path in (folder / name).glob("*.png"))
            assert pictures == [f"sample_0000{id_}.png" for id_ in range(SAMPLES)]


def test_the_checkpoint_of_two_processes_loads_in_one(runs: dict[int, Path]) -> None:
    one, two = (load_frozen(runs[devices] / "last.ckpt") for devices in (1, 2))
    assert set(two.state_dict()) == set(new_vae().state_dict())
    assert all(torch.equal(tensor, two.state_dict()[name]) for name, tensor in one.state_dict().items())


@pytest.mark.skipif(torch.cuda.is_available(), reason="forks a process that may have looked at the GPU")
def test_an_error_in_one_process_ends_both(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAILING, str(tmp_path)]
    begin = time.monotonic()
    done = subprocess.run(
        command, env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert "only here" in done.stderr
    assert time.monotonic() - begin < 60 + 30  # a minute, and the imports on a busy machine
    assert not (tmp_path / "explanations").exists()
