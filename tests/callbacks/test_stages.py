"""Stages of a training on real digits are kept where the class is known so and so well."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer, seed_everything

from xaicf import load_frozen
from xaicf.callbacks import KeepStages
from xaicf.core import InputError
from xaicf.data import Digits
from xaicf.nn import TwoConv
from xaicf.tasks import Classifier

SHAPE = (1, 32, 32)


def fit(folder: Path, stages: KeepStages, epochs: int = 3, task: Classifier | None = None) -> Digits:
    seed_everything(0)
    data = Digits(batch_size=32)
    task = task or Classifier(TwoConv, SHAPE, 10, optimizer=lambda weights: torch.optim.Adam(weights, 0.001))
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        default_root_dir=folder,
        callbacks=[stages],
        enable_model_summary=False,
        **quiet,
    ).fit(task, data)
    return data


def test_stages_are_near_their_accuracies(tmp_path: Path) -> None:
    data = fit(tmp_path, KeepStages(3, [0.3, 0.7]))
    own = (data.split("val").labels == 3).nonzero().flatten().tolist()
    images = data.samples(own)["image"]
    names = {path.name for path in tmp_path.glob("*.ckpt")}
    assert names == {"class_3_unseen.ckpt", "class_3_at_0.3.ckpt", "class_3_at_0.7.ckpt"}
    for wanted in (0.3, 0.7):
        with torch.no_grad():
            found = load_frozen(tmp_path / f"class_3_at_{wanted}.ckpt")(images).argmax(1)
        # A step changes the accuracy by more than a little on some thirty images.
        assert float((found == 3).float().mean()) == pytest.approx(wanted, abs=0.15)


def test_unseen_is_before_the_first_step_with_the_class(tmp_path: Path) -> None:
    """Every batch of 32 holds the class, so nothing is learned before."""
    fit(tmp_path, KeepStages(3, [0.3]), epochs=1)
    seed_everything(0)
    fresh = Classifier(TwoConv, SHAPE, 10)
    kept = load_frozen(tmp_path / "class_3_unseen.ckpt")
    for name, weight in fresh.state_dict().items():
        assert torch.equal(weight, kept.state_dict()[name])


def test_goes_on_where_it_was(tmp_path: Path) -> None:
    """A second training of the same callback's state keeps what is nearest, and is not unseen again."""
    stages = KeepStages(3, [0.3])
    fit(tmp_path / "first", stages)
    assert stages.done
    again = KeepStages(3, [0.3])
    again.load_state_dict(stages.state_dict())
    fit(tmp_path / "second", again, epochs=1)
    assert not list((tmp_path / "second").glob("*.ckpt"))


class Frozen(Classifier):
    """Keeps its first layer in eval mode in training, and notes whether it stayed there."""

    stayed = True

    def on_train_start(self) -> None:
        self.network[0].eval()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.stayed &= not self.network[0].training and self.network[1].training


def test_modes_are_left_as_found(tmp_path: Path) -> None:
    task = Frozen(TwoConv, SHAPE, 10)
    fit(tmp_path, KeepStages(3, [0.5]), epochs=1, task=task)
    assert task.stayed


@pytest.mark.parametrize("accuracies", [[], [0.6, 0.3], [0.0, 0.5], [1.0]])
def test_wrong_accuracies(accuracies: list[float]) -> None:
    with pytest.raises(InputError, match="accuracies must rise and be in"):
        KeepStages(3, accuracies)


def test_wrong_class(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of_class must be a class of the validation images, got 11"):
        fit(tmp_path, KeepStages(11, [0.5]))
    with pytest.raises(InputError, match="images must be at least 1"):
        KeepStages(1, [0.5], images=0)
