"""A class that training meets late."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from small_data import write_small

from xaicf.core import InputError
from xaicf.data import LateClassMNIST


class Seen(LightningModule):
    """Notes the classes of every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.epochs: dict[int, set[int]] = {}
        self.counts: dict[int, int] = {}
        self.validated: set[int] = set()

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        self.epochs.setdefault(self.current_epoch, set()).update(batch["label"].tolist())
        self.counts[self.current_epoch] = self.counts.get(self.current_epoch, 0) + len(batch["label"])
        return self.weight.sum()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.validated |= set(batch["label"].tolist())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def test_the_class_comes_late(tmp_path: Path) -> None:
    write_small(tmp_path, "MNIST")
    data, module = LateClassMNIST(str(tmp_path), late_class=5, late_epoch=2, batch_size=7), Seen()
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(
        max_epochs=4, reload_dataloaders_every_n_epochs=1, accelerator="cpu", enable_model_summary=False, **quiet
    )
    trainer.fit(module, data)
    labels = data.split("train").labels
    assert 5 in labels
    assert [5 in module.epochs[epoch] for epoch in range(4)] == [False, False, True, True]
    others = int((labels != 5).sum())
    assert [module.counts[epoch] for epoch in range(4)] == [others, others, len(labels), len(labels)]
    assert 5 in module.validated


def test_a_loader_that_is_kept_is_refused(tmp_path: Path) -> None:
    write_small(tmp_path, "MNIST")
    trainer = Trainer(max_epochs=4, accelerator="cpu", logger=False, enable_checkpointing=False)
    with pytest.raises(InputError, match="reload_dataloaders_every_n_epochs 1, got 0"):
        trainer.fit(Seen(), LateClassMNIST(str(tmp_path)))


def test_batches_are_whole_batches(tmp_path: Path) -> None:
    write_small(tmp_path, "MNIST")
    data = LateClassMNIST(str(tmp_path), late_class=0, batch_size=5)
    data.setup()
    data.trainer = SimpleNamespace(current_epoch=0)  # type: ignore[assignment]  # the one thing that is read
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (5, 1, 28, 28)
    assert batch["image"].dtype == torch.uint8
    assert not (batch["label"] == 0).any()


@pytest.mark.parametrize(("late_class", "late_epoch"), [(10, 0), (-1, 0), (0, -1)])
def test_wrong_options(late_class: int, late_epoch: int) -> None:
    with pytest.raises(InputError, match="late_"):
        LateClassMNIST(late_class=late_class, late_epoch=late_epoch)
