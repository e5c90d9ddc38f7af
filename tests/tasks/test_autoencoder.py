"""A plain autoencoder: its loss, and samples that follow its codes."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader

from xaicf.cli import main
from xaicf.core import Batch, InputError, load_frozen, read_checkpoint
from xaicf.losses import LIKELIHOODS
from xaicf.nn import ConvDecoder, ConvEncoder, StridedDecoder, StridedEncoder
from xaicf.tasks import AE

SHAPE = (1, 8, 8)
QUIET: Any = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


def batch(count: int = 5) -> Batch:
    image = torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(count))
    return {"image": image, "label": torch.zeros(count, dtype=torch.int64), "index": torch.arange(count)}


def loader(*counts: int) -> Any:
    return DataLoader([batch(count) for count in counts], batch_size=None)  # type: ignore[arg-type]


@torch.no_grad()
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_loss_is_the_reconstruction_s(likelihood: Any) -> None:
    task = AE(SHAPE, latent_dim=3, likelihood=likelihood)
    image = batch()["image"]
    expected = LIKELIHOODS[likelihood](task.decoder(task.encode(image)), image).mean()
    assert torch.equal(task.step(batch())["loss"], expected)
    assert torch.equal(task(image), task.decode(task.encode(image)))


def test_every_weight_is_trained() -> None:
    task = AE(SHAPE, latent_dim=3)
    task.step(batch())["loss"].backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in task.parameters())


def test_a_validation_in_a_training_measures_the_codes() -> None:
    """Over all validation images, whatever their batches, and by the weights that the checkpoint gets."""
    torch.manual_seed(0)
    task = AE(SHAPE, latent_dim=3)
    trainer = Trainer(max_epochs=1, enable_checkpointing=False, log_every_n_steps=1, **QUIET)
    trainer.fit(task, loader(5, 7), loader(30, 11, 2))
    with torch.no_grad():
        codes = torch.cat([task.encode(batch(count)["image"]) for count in (30, 11, 2)]).double()
    torch.testing.assert_close(task.code_mean.double(), codes.mean(0))
    torch.testing.assert_close(task.code_covariance.double(), codes.T.cov(correction=0))
    before = task.code_covariance.clone()
    trainer.validate(task, loader(4), verbose=False)
    assert torch.equal(task.code_covariance, before)


class Codes(nn.Module):
    """A decoder that shows its latents."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return latents[:, None, None, :] * self.weight


@torch.no_grad()
def test_samples_follow_the_codes() -> None:
    task = AE((1, 1, 3), latent_dim=3, decoder=Codes)
    drawn = torch.logit(task.sample(4, torch.Generator().manual_seed(0)).double()).flatten(1)
    normal = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(drawn, normal, rtol=1e-4, atol=1e-4)  # before any validation
    mean = torch.tensor([1.0, -2.0, 0.5])
    factor = torch.tensor([[1.0, 0.0], [0.5, 0.3], [-0.7, 0.2]])  # a plane: fewer images than dimensions
    task.code_mean.copy_(mean)
    task.code_covariance.copy_(factor @ factor.T)
    drawn = torch.logit(task.sample(40_000, torch.Generator().manual_seed(0)).double()).flatten(1)
    torch.testing.assert_close(drawn.mean(0), mean.double(), rtol=0, atol=0.02)
    torch.testing.assert_close(drawn.T.cov(), (factor @ factor.T).double(), rtol=0, atol=0.03)
    normal_to_plane = torch.linalg.cross(factor[:, 0], factor[:, 1]).double()
    torch.testing.assert_close((drawn - mean) @ normal_to_plane, torch.zeros(40_000).double(), rtol=0, atol=1e-3)


def test_checkpoint_gives_back_the_same_images(tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = AE(SHAPE, latent_dim=3)
    trainer = Trainer(max_epochs=1, enable_checkpointing=False, log_every_n_steps=1, **QUIET)
    trainer.fit(task, loader(5, 7), loader(30))
    trainer.save_checkpoint(tmp_path / "ae.ckpt")
    frozen = load_frozen(tmp_path / "ae.ckpt")
    assert isinstance(frozen, AE)
    with torch.no_grad():
        for generator in (frozen, task.eval()):
            assert not torch.equal(generator.code_mean, torch.zeros(3))
        image = batch()["image"]
        assert torch.equal(frozen.decode(frozen.encode(image)), task(image))
        drawn = [one.sample(4, torch.Generator().manual_seed(0)) for one in (frozen, task)]
        assert torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 64])
@pytest.mark.parametrize("networks", [(ConvEncoder, ConvDecoder), (StridedEncoder, StridedDecoder)])
def test_any_size(channels: int, side: int, networks: Any) -> None:
    shape = (channels, side, side)
    task = AE(shape, latent_dim=10, encoder=networks[0], decoder=networks[1])
    with torch.no_grad():
        drawn = task.sample(2)
        assert drawn.shape == (2, *shape)
        assert task.encode(drawn).shape == (2, 10)
    assert drawn.min() >= 0
    assert drawn.max() <= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": 0}, "latent_dim must be at least 1, got 0"),
        ({"likelihood": "poisson"}, "likelihood must be one of bernoulli, gaussian, got poisson"),
        ({"encoder": partial(StridedEncoder, channels=())}, "channels must name one convolution or more"),
    ],
)
def test_mistakes(changes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        AE(SHAPE, **changes)


def fit(folder: Path, *arguments: str, stop: bool = False) -> dict[str, Any]:
    """Run ``fit`` on three batches of digits an epoch, three epochs or one; gives its last checkpoint."""
    folder.mkdir(exist_ok=True)
    early = {"monitor": "val/loss", "stopping_threshold": 1e9, "verbose": False}
    config = {
        "data": {"class_path": "Digits"},
        "model": {"class_path": "AE", "init_args": {"latent_dim": 4, "schedule": "one_cycle"}},
        "trainer": {
            **QUIET,
            "max_epochs": 3,
            "limit_train_batches": 3,
            "limit_val_batches": 2,
            "log_every_n_steps": 1,
            "default_root_dir": str(folder),
            "callbacks": [{"class_path": "EarlyStopping", "init_args": early}] if stop else [],
        },
    }
    (folder / "given.yaml").write_text(json.dumps(config))
    assert main(["fit", "--config", str(folder / "given.yaml"), *arguments]) == 0
    return read_checkpoint(folder / "last.ckpt")


def test_resumed_training_goes_on_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = fit(tmp_path / "whole")
    assert fit(tmp_path / "parts", stop=True)["global_step"] == 3
    second = fit(tmp_path / "parts", "--ckpt_path=last")
    assert second["global_step"] == whole["global_step"] == 9
    for key, value in whole["state_dict"].items():
        assert torch.equal(second["state_dict"][key], value), key
