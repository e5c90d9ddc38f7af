"""The game of generator and critic: whose turn it is, what a turn changes, and how it goes on."""

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from xaicf.cli import main
from xaicf.core import Batch, InputError, load_frozen, read_checkpoint
from xaicf.nn import DCGANCritic, DCGANGenerator
from xaicf.tasks import WGAN

SHAPE = (1, 16, 16)
QUIET: Any = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 1,
}
PENALTY = {"class_path": "DCGANCritic", "init_args": {"channels": [4, 8], "norm": "layer"}}


def batch(count: int = 6) -> Batch:
    image = torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(count))
    return {"image": image, "label": torch.zeros(count, dtype=torch.int64), "index": torch.arange(count)}


def loader(batches: list[Batch]) -> Any:
    return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]


def options(**changes: Any) -> dict[str, Any]:
    slope = changes.get("slope", "clipping")
    small: dict[str, Any] = {"channels": (4, 8)}
    norm = "batch" if slope == "clipping" else "none"
    return {
        "image_shape": SHAPE,
        "latent_dim": 5,
        "generator": partial(DCGANGenerator, **small),
        "critic": partial(DCGANCritic, **small, norm=norm),
        **changes,
    }


def weights(network: nn.Module) -> list[Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def same(network: nn.Module, before: list[Tensor]) -> bool:
    return all(torch.equal(weight, old) for weight, old in zip(network.parameters(), before, strict=True))


class Watched(WGAN):
    """Writes down whose weights each turn has changed, and the critic's largest weight after its turn."""

    def watch(self, update: Any, given: Batch) -> Any:
        self.turns: list[tuple[str, bool, bool]] = getattr(self, "turns", [])
        before = weights(self.generator), weights(self.critic)
        values = update(given)
        self.turns.append(
            (update.__name__, not same(self.generator, before[0]), not same(self.critic, before[1])),
        )
        self.largest = max(float(weight.detach().abs().max()) for weight in self.critic.parameters())
        if self.slope == "clipping":
            assert self.largest <= self.clip + 1e-9
        return values

    def update_critic(self, batch: Batch) -> Any:
        return self.watch(super().update_critic, batch)

    def update_generator(self, batch: Batch) -> Any:
        return self.watch(super().update_generator, batch)


@pytest.mark.parametrize("slope", ["clipping", "gradient_penalty"])
def test_a_turn_changes_one_network_only(slope: str) -> None:
    torch.manual_seed(0)
    task = Watched(**options(slope=slope, n_critic=3))
    trainer = Trainer(max_epochs=2, limit_val_batches=0, **QUIET)
    trainer.fit(task, loader([batch(count) for count in (6, 4, 5, 3)]))
    critic, generator = ("update_critic", False, True), ("update_generator", True, False)
    assert task.turns == [critic] * 3 + [generator] + [critic] * 3 + [generator] + [critic] * 2
    assert (task.largest > task.clip) == (slope == "gradient_penalty")
    assert all(weight.requires_grad for weight in task.parameters())


@torch.no_grad()
def test_losses_are_mean_scores() -> None:
    torch.manual_seed(0)
    task = WGAN(**options()).eval()  # batch norm's running statistics: every image for itself
    given = batch()
    torch.manual_seed(1)
    values = task.critic_step(given)
    torch.manual_seed(1)
    generator_loss = float(task.generator_step(given)["generator_loss"])
    torch.manual_seed(1)
    made = [task.decode(latent[None]) for latent in torch.randn(6, 5)]
    made_score = sum(float(task.critic(image)) for image in made) / 6
    real_score = sum(float(task.critic(image[None])) for image in given["image"]) / 6
    assert {name: float(value) for name, value in values.items()} == {
        "critic_loss": pytest.approx(made_score - real_score, rel=1e-4),
        "critic_distance": pytest.approx(real_score - made_score, rel=1e-4),
    }
    assert generator_loss == pytest.approx(-made_score, rel=1e-4)


def test_the_penalty_is_added_with_its_weight() -> None:
    torch.manual_seed(0)
    values = WGAN(**options(slope="gradient_penalty", penalty_weight=3.0)).critic_step(batch())
    expected = 3 * values["penalty"] - values["critic_distance"]
    torch.testing.assert_close(values["critic_loss"], expected)
    assert values["penalty"] > 0


def test_validation_is_the_same_each_time_and_leaves_the_random_state_alone() -> None:
    task = WGAN(**options()).eval()
    state = torch.get_rng_state()
    with torch.no_grad():
        first, again = task.step(batch()), task.step(batch())
    assert torch.equal(torch.get_rng_state(), state)
    assert set(first) == {"loss", "critic_distance"}
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 64])
def test_samples_are_images(channels: int, side: int) -> None:
    torch.manual_seed(0)
    task = WGAN((channels, side, side), latent_dim=10).eval()
    with torch.no_grad():
        drawn = task.sample(3, torch.Generator().manual_seed(0))
        scores = task(drawn)
    assert drawn.shape == (3, channels, side, side)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert scores.shape == (3,)


def test_images_are_decoded_from_the_moving_average() -> None:
    torch.manual_seed(0)
    task = WGAN(**options(ema_decay=0.9, n_critic=1))
    latents = torch.randn(4, 5)
    trainer = Trainer(max_epochs=3, limit_val_batches=0, **QUIET)
    trainer.fit(task, loader([batch(6), batch(4)]))
    assert task.average is not None
    assert not task.average.training
    assert task.generator.training
    task.eval()
    with torch.no_grad():
        assert torch.equal(task.decode(latents), torch.sigmoid(task.average(latents)))
        assert not torch.equal(task.decode(latents), torch.sigmoid(task.generator(latents)))


def test_samples_come_nearer_to_the_data() -> None:
    """Images whose left half is bright, against the grey that an untrained generator draws."""
    torch.manual_seed(0)
    data = [batch(32) for _ in range(100)]
    for given in data:
        given["image"] = 0.1 * torch.rand(32, *SHAPE)
        given["image"][..., :8] += 0.9
    optimizer = partial(torch.optim.RMSprop, lr=5e-3)
    task = WGAN(**options(n_critic=2, clip=0.05, generator_optimizer=optimizer, critic_optimizer=optimizer))
    (before,) = Trainer(**QUIET).validate(task, loader(data[:1]), verbose=False)
    Trainer(max_epochs=3, limit_val_batches=0, **QUIET).fit(task, loader(data))
    (after,) = Trainer(**QUIET).validate(task, loader(data[:1]), verbose=False)
    assert after["val/loss"] < before["val/loss"] / 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": 0}, "latent_dim must be at least 1, got 0"),
        ({"n_critic": 0}, "n_critic must be at least 1, got 0"),
        ({"clip": 0.0}, r"clip and penalty_weight must be positive, got 0\.0 and 10\.0"),
        ({"penalty_weight": -1.0}, r"clip and penalty_weight must be positive, got 0\.01 and -1\.0"),
        ({"ema_decay": 1.0}, r"ema_decay must be in \[0, 1\), got 1\.0"),
        ({"slope": "spectral"}, "slope must be clipping or gradient_penalty, got spectral"),
        ({"image_shape": (1, 3, 16)}, r"at least 4 x 4 pixels, got \(3, 16\)"),
        ({"slope": "gradient_penalty", "critic": DCGANCritic}, "needs a critic without batch norm"),
    ],
)
def test_mistakes(changes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        WGAN(**options(**{"image_shape": (1, 32, 32), **changes}))


def fit(folder: Path, model: dict[str, Any], *arguments: str, stop: bool = False) -> dict[str, Any]:
    """Run ``fit`` on three batches of digits an epoch, three epochs or one; gives its last checkpoint."""
    folder.mkdir(exist_ok=True)
    early = {"monitor": "val/loss", "stopping_threshold": 1e9, "verbose": False}
    config = {
        "data": {"class_path": "Digits"},
        "model": {"class_path": "WGAN", "init_args": {"latent_dim": 5, **model}},
        "trainer": {
            **{key: value for key, value in QUIET.items() if key != "enable_checkpointing"},
            "max_epochs": 3,
            "limit_train_batches": 3,
            "limit_val_batches": 2,
            "default_root_dir": str(folder),
            "logger": {
                "class_path": "CSVLogger",
                "init_args": {"save_dir": str(folder), "name": "", "version": "first" if stop else "last"},
            },
            "callbacks": [{"class_path": "EarlyStopping", "init_args": early}] if stop else [],
        },
    }
    (folder / "given.yaml").write_text(json.dumps(config))
    assert main(["fit", "--config", str(folder / "given.yaml"), *arguments]) == 0
    return read_checkpoint(folder / "last.ckpt")


SMALL: dict[str, Any] = {
    "generator": {"class_path": "DCGANGenerator", "init_args": {"channels": [4, 8]}},
    "critic": {"class_path": "DCGANCritic", "init_args": {"channels": [4, 8]}},
    "n_critic": 2,
}


@pytest.mark.parametrize(
    "changes", [{}, {"slope": "gradient_penalty", "critic": PENALTY, "ema_decay": 0.9}], ids=["clipping", "penalty"]
)
def test_resumed_training_goes_on_as_an_uninterrupted_one(changes: dict[str, Any], tmp_path: Path) -> None:
    """It stops after three batches, in the middle of the critic's two turns."""
    model = {**SMALL, **changes}
    whole = fit(tmp_path / "whole", model)
    first = fit(tmp_path / "parts", model, stop=True)
    assert (first["xaicf_batches"], whole["xaicf_batches"]) == (3, 9)
    second = fit(tmp_path / "parts", model, "--ckpt_path=last")
    assert second["state_dict"].keys() == whole["state_dict"].keys()
    for key, weight in whole["state_dict"].items():
        assert torch.equal(second["state_dict"][key], weight), key
    logged = []
    for name in ("whole", "parts"):
        with (tmp_path / name / "last/metrics.csv").open() as file:
            logged.append([row for row in csv.DictReader(file) if row["epoch"] != "0"])
    assert logged[0] == logged[1]
    assert len([row for row in logged[0] if row["train/critic_distance"]]) == 6
    assert len([row for row in logged[0] if row["val/loss"]]) == 2


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_checkpoint_gives_back_the_same_images(ema_decay: float | None, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = WGAN(**options(ema_decay=ema_decay, n_critic=1))
    trainer = Trainer(max_epochs=2, limit_val_batches=0, **QUIET)
    trainer.fit(task, loader([batch(6), batch(4)]))
    trainer.save_checkpoint(tmp_path / "wgan.ckpt")
    frozen = load_frozen(tmp_path / "wgan.ckpt")
    assert isinstance(frozen, WGAN)
    assert not any(weight.requires_grad for weight in frozen.parameters())
    latents = torch.randn(4, 5)
    with torch.no_grad():
        assert torch.equal(frozen.decode(latents), task.eval().decode(latents))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--model.latent_dim=0", "latent_dim must be at least 1, got 0"),
        ("--model.n_critic=0", "n_critic must be at least 1, got 0"),
        ("--model.generator.channels=[4,4,4,4,4,4]", "at least 64 x 64 pixels, got (32, 32)"),
        ("--trainer.gradient_clip_val=1", "gradient clipping is not supported for manual optimization"),
        ("--model.critic_optimizer.lr=-1", "optimizer cannot be made: Invalid learning rate: -1"),
    ],
)
def test_a_mistake_is_one_line(
    argument: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rms = "torch.optim.RMSprop"
    arguments = ["--data=Digits", "--model=WGAN", "--model.generator=DCGANGenerator"]
    arguments += [f"--model.critic_optimizer={rms}", "--trainer.fast_dev_run=true", "--trainer.accelerator=cpu"]
    assert main(["fit", *arguments, argument]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert message in errors[0]
