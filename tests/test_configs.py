"""Every configuration that ships trains, validates and explains, on small data and without a network."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
import torchvision
import yaml
from configurations import ALL, CONFIGS, arguments_of, fit, smaller, train_named
from official_data import publish

from xaicf.cli import main
from xaicf.explainers.inversion import Inversion
from xaicf.explainers.solvers import SOLVERS, AugmentedLagrangian, SequentialQuadratic
from xaicf.store import explainers, verify

UNFIT = "xaicf.explainers.baselines.Ganmex"
EXPLAINERS = re.compile(r"  - \{?class_path: (?:Attribution|CDeepEx|Criticism|Prototype)\b")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which all configurations run, so that small files and networks are made once."""
    return tmp_path_factory.mktemp("configurations")


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("XAICF_DATA", raising=False)
    monkeypatch.chdir(home)
    # Networks that have hardly learned have no ties, and looking for one to the end takes long.
    monkeypatch.setitem(SOLVERS, "augmented_lagrangian", AugmentedLagrangian(outer_steps=1))
    monkeypatch.setitem(SOLVERS, "sequential_quadratic", SequentialQuadratic(steps=2))
    monkeypatch.setattr("xaicf.explainers.latent.Inversion", partial(Inversion, steps=5))
    monkeypatch.setenv("WANDB_MODE", "offline")
    publish(monkeypatch)
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("config", ALL, ids=lambda path: path.relative_to(CONFIGS).as_posix())
def test_runs_as_it_stands(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dry = ["--trainer.fast_dev_run=true"]
    few = ["--trainer.callbacks.init_args.every_n_epochs=1", "--trainer.callbacks.init_args.samples=1"]
    if config.parent.name == "trainer":
        if not torch.cuda.is_available():
            dry += ["--trainer.accelerator=cpu", "--trainer.devices=1"]
        dry.append(f"--trainer.default_root_dir={tmp_path}")
        assert fit(CONFIGS / "classifier/digits.yaml", f"--config={config}", *dry, *few) == 0
        return
    train_named(config)
    if config.parent.name == "explain":
        store = tmp_path / "store"
        arguments = [*arguments_of(config), "--model.ids=[0,2,3]", "--model.block_size=2", f"--output={store}"]
        text = smaller(config)
        Path("asked.yaml").write_text(text)
        if "translator: " in text:  # of two batches, which nobody has measured
            assert main(["explain", "--config=asked.yaml", *arguments]) == 2
            assert "translator is unfit as a baseline" in capsys.readouterr().err
            unfit = f"{{class_path: {UNFIT}, init_args: {{unfit: true}}}}"
            text = re.sub(r"baseline: ganmex\b", f"baseline: {unfit}", text)
            translation = f"{{class_path: Translation, init_args: {{source: {unfit}}}}}"
            text = text.replace("class_path: Translation", translation.removeprefix("{").removesuffix("}"))
            Path("asked.yaml").write_text(text)
        assert main(["explain", "--config=asked.yaml", *arguments]) == 0
        assert verify(str(store)).rows == 3 * len(explainers(str(store)))
        return
    text = config.read_text()
    if "class_path: ExplainAtValidationEnd" in text:
        dry += few
    assert fit(config, *dry) == 0
    (root,) = re.findall(r"^  default_root_dir: (\S+)$", text, re.MULTILINE)
    root = f"{root}/fast_dev_run"
    written = {path.parent.name for path in Path(root).rglob("epoch_0000/*/sample_*.png")}
    assert len(written) == len(EXPLAINERS.findall(text))
    if "class_path: LogSamples" in text:
        assert Path(root, "samples/epoch_0000/prior.png").is_file()


def test_every_run_has_a_folder_of_its_own() -> None:
    folders = re.findall(r"^  default_root_dir: (\S+)$", "".join(path.read_text() for path in ALL), re.MULTILINE)
    assert (
        len(folders)
        == len(set(folders))
        == len([path for path in ALL if path.parent.name not in {"explain", "trainer"}])
    )


def test_networks_and_weights_that_are_named_are_torchvision_s() -> None:
    for path in ALL:
        for architecture, weights in re.findall(r"architecture: (\w+), weights: (\w+)", path.read_text()):
            assert weights in torchvision.models.get_model_weights(architecture).__members__
    factories = []
    for path in CONFIGS.glob("studies/imagenet/*.yaml"):
        for case in yaml.safe_load(path.read_text())["cases"]:
            factories.append(case["foreign"]["factory"])
            weights = torchvision.models.get_model_weights(factories[-1].rpartition(".")[2])
            assert case["foreign"]["arguments"]["weights"] in weights.__members__
    assert len(factories) == 2 + 9
    assert len(set(factories)) == 10  # VGG-16 is of both


def test_studies_name_configurations_that_ship() -> None:
    named = {
        one
        for path in CONFIGS.rglob("*.yaml")
        for one in re.findall(r"configs/[\w/]+\.yaml", path.read_text())
        if "studies" in path.parts
    }
    assert named
    assert all((CONFIGS.parent / one).is_file() for one in named)
