"""Checkpoints: refused with their path in one line, or loaded frozen and exact."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import nn

import xaicf
from xaicf.core import CheckpointError, load_frozen, read_checkpoint, sha256
from xaicf.nn import SmallVGG
from xaicf.tasks import VAE, Classifier, Task

SHAPE = (1, 16, 16)


def save(task: Task, path: Path) -> Path:
    """Save a task as its trainer would."""
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.strategy.connect(task)
    trainer.save_checkpoint(path)
    return path


def classifier() -> Classifier:
    task = Classifier(SmallVGG, SHAPE, 3, class_names=["a", "b", "c"])
    task(torch.rand(8, *SHAPE))  # moves the running statistics of batch norm away from their defaults
    return task


def vae() -> VAE:
    return VAE(SHAPE, latent_dim=5, likelihood="gaussian", beta=0.5)


class Payload:
    """Pickles to a call that leaves a file behind."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.touched,)


@pytest.mark.parametrize("make", [classifier, vae])
@pytest.mark.parametrize("inference", [False, True])
def test_load_frozen_gives_the_network_back(make: Any, inference: bool, tmp_path: Path) -> None:
    task = make().train()
    path = save(task, tmp_path / "last.ckpt")
    state = torch.get_rng_state()
    with torch.inference_mode(inference):
        loaded = load_frozen(str(path))
    assert torch.equal(torch.get_rng_state(), state)
    assert type(loaded) is type(task)
    assert not any(module.training for module in loaded.modules())
    assert not any(weight.requires_grad for weight in loaded.parameters())
    images = torch.rand(2, *SHAPE, requires_grad=True)
    outputs = loaded(images)
    assert torch.equal(outputs, task.eval()(images))
    (gradient,) = torch.autograd.grad(outputs.sum(), images)
    assert gradient.abs().sum() > 0


def test_loaded_tasks_know_what_they_are(tmp_path: Path) -> None:
    loaded = load_frozen(save(classifier(), tmp_path / "a.ckpt"))
    assert isinstance(loaded, Classifier)
    assert loaded.class_names == ("a", "b", "c")
    generator = load_frozen(save(vae(), tmp_path / "b.ckpt"))
    assert isinstance(generator, VAE)
    assert (generator.latent_dim, generator.likelihood, generator.beta) == (5, "gaussian", 0.5)
    assert generator.sample(3).shape == (3, *SHAPE)


def test_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.ckpt", tmp_path):
        with pytest.raises(CheckpointError, match="not found") as caught:
            load_frozen(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.99])
def test_truncated_file(share: float, tmp_path: Path) -> None:
    whole = save(classifier(), tmp_path / "whole.ckpt").read_bytes()
    path = tmp_path / "cut.ckpt"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match="damaged") as caught:
        load_frozen(path)
    assert str(path) in str(caught.value)


def test_file_that_is_no_checkpoint(tmp_path: Path) -> None:
    """Torch takes such bytes for a pickle, and the first one decides what error comes of it."""
    path = tmp_path / "hello.ckpt"
    for first in range(256):
        path.write_bytes(bytes([first]) + b"ello world\n")
        with pytest.raises(CheckpointError) as caught:
            load_frozen(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_code_is_refused_and_not_run(zipped: bool, tmp_path: Path) -> None:
    path, touched = tmp_path / "code.ckpt", tmp_path / "touched"
    content = {"xaicf": vae().recipe(), "state_dict": {}, "extra": Payload(touched)}
    if zipped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(CheckpointError, match="pickled code" if zipped else "damaged") as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert not touched.exists()


@pytest.mark.parametrize("content", [[1], {}, {"state_dict": {}}, {"xaicf": {}}])
def test_checkpoint_of_another_package(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match=r"other\.ckpt was not written by a task of xaicf"):
        load_frozen(tmp_path / "other.ckpt")


@pytest.mark.parametrize("state", [{}, {"weight": torch.zeros(2, 2), "bias": torch.zeros(1)}, [1]])
def test_weights_of_another_network(state: object, tmp_path: Path) -> None:
    written = {"class_path": "torch.nn.Linear", "init_args": {"in_features": 2, "out_features": 1}}
    torch.save({"xaicf": written, "state_dict": state}, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError, match=r"a\.ckpt does not hold the weights"):
        load_frozen(tmp_path / "a.ckpt")


@pytest.mark.parametrize(("class_path", "argument"), [("os.system", "command"), ("subprocess.check_output", "args")])
def test_recipe_of_a_command_is_refused_and_not_called(class_path: str, argument: str, tmp_path: Path) -> None:
    path, touched = tmp_path / "a.ckpt", tmp_path / "touched"
    written = {"class_path": class_path, "init_args": {argument: f"touch {touched}"}}
    torch.save({"xaicf": written, "state_dict": {}}, path)
    with pytest.raises(CheckpointError, match="makes no torch module") as caught:
        load_frozen(path)
    assert not touched.exists()
    assert str(path) in str(caught.value)


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "a"
    content = bytes(range(256)) * 5000
    path.write_bytes(content)
    assert sha256(path) == hashlib.sha256(content).hexdigest()
    path.write_bytes(b"abc")  # the example of FIPS 180-4
    assert sha256(str(path)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_load_frozen_is_public() -> None:
    assert xaicf.load_frozen is load_frozen
    assert issubclass(load_frozen.__annotations__["return"], nn.Module)
