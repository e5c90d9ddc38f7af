"""The classifier's loss and measures against loops, what it learns, and how its training goes on."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from xaicf.cli import main
from xaicf.core import Batch, CheckpointError, InputError, load_frozen, read_checkpoint
from xaicf.data import LabelledImages, Split
from xaicf.nn import SmallVGG, TwoConv
from xaicf.tasks import VAE, Classifier, Task

SHAPE = (1, 16, 16)
QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


def batch(count: int, num_classes: int = 3) -> Batch:
    random = torch.Generator().manual_seed(count)
    image = torch.rand(count, *SHAPE, generator=random)
    label = torch.randint(num_classes, (count,), generator=random)
    return {"image": image, "label": label, "index": torch.arange(count)}


def naive_loss(logits: Tensor, labels: Tensor) -> float:
    """Give the mean of -log p(label), summed by hand."""
    total = 0.0
    for row, label in zip(logits.double().tolist(), labels.tolist(), strict=True):
        total -= math.log(math.exp(row[label]) / sum(math.exp(value) for value in row))
    return total / len(labels)


def naive_calibration_error(logits: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Give the mean distance of confidence and accuracy over equal bins, weighted by their images."""
    confidence, answer = logits.softmax(1).max(1)
    error = 0.0
    for low in range(bins):
        chosen = (confidence > low / bins) & (confidence <= (low + 1) / bins)
        if chosen.any():
            right = (answer == labels)[chosen].double().mean()
            error += float(chosen.double().mean() * (confidence[chosen].double().mean() - right).abs())
    return error


def loader(batches: Sequence[Batch]) -> Any:
    return DataLoader(list(batches), batch_size=None)  # type: ignore[arg-type]


@torch.no_grad()
def test_loss_is_the_mean_cross_entropy() -> None:
    task = Classifier(TwoConv, SHAPE, 3).eval()
    given = batch(7)
    values = task.step(given)
    assert set(values) == {"loss"}
    assert float(values["loss"]) == pytest.approx(naive_loss(task(given["image"]), given["label"]), rel=1e-5)


def test_each_training_image_is_changed_by_itself_and_no_other() -> None:
    class Mirror(nn.Module):
        """Mirrors every second image that it is given."""

        count = 0

        def forward(self, image: Tensor) -> Tensor:
            assert image.shape == SHAPE
            self.count += 1
            return image.flip(2) if self.count % 2 else image

    task = Classifier(TwoConv, SHAPE, 3, augment=Mirror())
    given = batch(5)
    changed = given["image"].clone()
    changed[::2] = changed[::2].flip(3)
    loss = float(task.step(given)["loss"])
    assert loss == pytest.approx(naive_loss(task(changed).detach(), given["label"]), rel=1e-5)
    assert isinstance(task.augment, Mirror)
    assert task.augment.count == 5
    assert "Mirror" not in str(task.recipe())


@pytest.mark.parametrize("stage", ["val", "test"])
def test_measures_are_over_all_images_not_over_batches(stage: str) -> None:
    """The batches differ in size, so a mean of their means would be another number."""
    torch.manual_seed(0)
    task = Classifier(TwoConv, SHAPE, 3)
    with torch.no_grad():
        for weight in task.parameters():
            weight.mul_(3)  # spreads the confidences over the bins
    batches = [batch(count) for count in (50, 30, 3)]
    trainer = Trainer(**QUIET)  # type: ignore[arg-type]
    run = trainer.validate if stage == "val" else trainer.test
    (found,) = run(task, loader(batches), verbose=False)
    images = torch.cat([one["image"] for one in batches])
    labels = torch.cat([one["label"] for one in batches])
    with torch.no_grad():
        logits = task.eval()(images)
    assert found == {
        f"{stage}/loss": pytest.approx(naive_loss(logits, labels), rel=1e-5),
        f"{stage}/accuracy": pytest.approx(int((logits.argmax(1) == labels).sum()) / len(labels)),
        f"{stage}/calibration_error": pytest.approx(naive_calibration_error(logits, labels), abs=1e-5),
    }


def test_learns_what_can_be_separated() -> None:
    torch.manual_seed(0)
    labels = torch.arange(90) % 3
    images = (40 + 80 * labels[:, None, None, None] + torch.randint(0, 30, (90, *SHAPE))).to(torch.uint8)
    split = Split(LabelledImages(images, labels))
    data = [split.__getitems__(list(range(first, first + 30))) for first in (0, 30, 60)]
    for one in data:
        one["image"] = one["image"].float() / 255
    task = Classifier(TwoConv, SHAPE, 3, optimizer=lambda weights: torch.optim.Adam(weights, lr=0.01))
    trainer = Trainer(max_epochs=20, enable_checkpointing=False, log_every_n_steps=1, **QUIET)  # type: ignore[arg-type]
    trainer.fit(task, loader(data))
    (found,) = trainer.validate(task, loader(data), verbose=False)
    assert found["val/accuracy"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "num_classes must be at least 2, got 1"),
        ({"num_classes": 3, "class_names": ["a", "b"]}, "class_names must name 3 classes, got 2"),
    ],
)
def test_classes_must_be_consistent(arguments: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Classifier(TwoConv, SHAPE, **arguments)


def test_schedule_without_an_end_is_refused() -> None:
    task = Classifier(TwoConv, SHAPE, 3, schedule="one_cycle")
    trainer = Trainer(max_epochs=-1, enable_checkpointing=False, **QUIET)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"one_cycle needs an end: set trainer\.max_epochs"):
        trainer.fit(task, loader([batch(4)]))


def classifier(**changes: Any) -> Classifier:
    given = {"network": TwoConv, "image_shape": SHAPE, "num_classes": 3, **changes}
    return Classifier(**given)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (VAE(SHAPE, latent_dim=4), r"checkpoint is of xaicf\.tasks\.VAE, expected xaicf\.tasks\.Classifier"),
        (classifier(image_shape=(3, 16, 16)), r"image_shape \[3, 16, 16\], expected \[1, 16, 16\]"),
        (classifier(num_classes=4), "num_classes 4, expected 3"),
        (
            classifier(class_names=["a", "b", "c"]),
            r"class_names \['a', 'b', 'c'\], expected \['0', '1', '2'\]",
        ),
        (classifier(network=SmallVGG), r"network .*SmallVGG.*, expected .*TwoConv"),
    ],
    ids=["task", "shape", "classes", "names", "network"],
)
def test_checkpoint_of_another_recipe_is_refused(other: Task, message: str) -> None:
    checkpoint: dict[str, Any] = {}
    other.on_save_checkpoint(checkpoint)
    with pytest.raises(CheckpointError, match=message):
        classifier().on_load_checkpoint(checkpoint)


@pytest.mark.parametrize("checkpoint", [{}, {"xaicf": None}, {"xaicf": {}}, {"xaicf": [1]}])
def test_checkpoint_of_another_package_is_refused(checkpoint: Any) -> None:
    with pytest.raises(CheckpointError, match="not written by a task of xaicf"):
        classifier().on_load_checkpoint(checkpoint)


def test_own_checkpoint_is_taken() -> None:
    checkpoint: dict[str, Any] = {}
    task = classifier()
    task.on_save_checkpoint(checkpoint)
    state = torch.get_rng_state()
    task.on_load_checkpoint(json.loads(json.dumps({"xaicf": checkpoint["xaicf"]})))
    assert torch.equal(torch.get_rng_state(), state)


STOP = {
    "class_path": "EarlyStopping",
    "init_args": {"monitor": "val/loss", "stopping_threshold": 1e9, "verbose": False},
}
EXPLAIN = {"class_path": "ExplainAtValidationEnd", "init_args": {"explainers": ["Attribution"], "samples": 2}}


def fit(folder: Path, model: Any, callbacks: Any, *arguments: str, epochs: int = 3) -> dict[str, Any]:
    """Run ``fit`` in ``folder`` on three batches of digits an epoch; gives its last checkpoint."""
    folder.mkdir(exist_ok=True)
    config = {
        "data": {"class_path": "Digits"},
        "model": model,
        "trainer": {
            **QUIET,
            "max_epochs": epochs,
            "limit_train_batches": 3,
            "limit_val_batches": 2,
            "log_every_n_steps": 1,
            "default_root_dir": str(folder),
            "callbacks": callbacks,
        },
    }
    (folder / "given.yaml").write_text(json.dumps(config))
    assert main(["fit", "--config", str(folder / "given.yaml"), *arguments]) == 0
    return read_checkpoint(folder / "last.ckpt")


def model(name: str, schedule: str) -> dict[str, Any]:
    if name == "VAE":
        return {"class_path": "VAE", "init_args": {"latent_dim": 4, "schedule": schedule}}
    network = {"class_path": "SmallVGG", "init_args": {"channels": [8, 8]}}  # batch norm and dropout
    return {"class_path": "Classifier", "init_args": {"network": network, "schedule": schedule}}


@pytest.mark.parametrize(("name", "schedule"), [("Classifier", "one_cycle"), ("VAE", "constant")])
def test_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    name: str, schedule: str, tmp_path: Path
) -> None:
    explain = [EXPLAIN] if name == "Classifier" else []
    whole = fit(tmp_path / "whole", model(name, schedule), explain)
    first = fit(tmp_path / "parts", model(name, schedule), [*explain, STOP])
    assert (first["global_step"], whole["global_step"]) == (3, 9)
    second = fit(tmp_path / "parts", model(name, schedule), explain, "--ckpt_path=last")
    assert second["global_step"] == 9
    assert second["state_dict"].keys() == whole["state_dict"].keys()
    for key, weight in whole["state_dict"].items():
        assert torch.equal(second["state_dict"][key], weight), key
    frozen = load_frozen(tmp_path / "parts" / "last.ckpt")
    assert all(torch.equal(value, whole["state_dict"][key]) for key, value in frozen.state_dict().items())


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_a_schedule_is_not_stretched(schedule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Torch would fail at the step after the last, or let the rate rise again."""
    fit(tmp_path, model("Classifier", schedule), [], epochs=1)
    arguments = [
        "fit",
        "--config",
        str(tmp_path / "given.yaml"),
        "--trainer.max_epochs=2",
        "--ckpt_path=last",
    ]
    assert main(arguments) == 2
    assert f"{schedule} schedule of 3 steps, this training has 6" in capsys.readouterr().err


def test_a_constant_rate_can_go_on(tmp_path: Path) -> None:
    fit(tmp_path, model("Classifier", "constant"), [], epochs=1)
    assert fit(tmp_path, model("Classifier", "constant"), [], "--ckpt_path=last", epochs=2)["global_step"] == 6
