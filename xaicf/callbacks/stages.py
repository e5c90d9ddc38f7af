"""Keep a classifier as it was when it knew a class so and so well."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from xaicf.core import Batch, InputError, as_found
from xaicf.data import ImageData

CLEAR = 0.1
"""So far above an accuracy it is not sought any more."""


class KeepStages(Callback):
    """Save checkpoints of the moments when the accuracy on one class is nearest to given ones.

    It is measured on validation images after every step from the first on whose batch holds the class. Before that
    step the checkpoint ``class_C_unseen.ckpt`` is saved; then ``class_C_at_A.ckpt`` for each accuracy A, in the
    folder of the run.

    Reference: CDeepEx, §4.2, whose classifiers reach 0.3 and 0.6 on the class.

    Args:
        of_class: C.
        accuracies: A, rising, each in (0, 1).
        images: of the class to measure on, the first of the validation split.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(self, of_class: int, accuracies: Sequence[float], images: int = 500) -> None:
        if not accuracies or sorted(accuracies) != list(accuracies) or not all(0 < one < 1 for one in accuracies):
            raise InputError(f"accuracies must rise and be in (0, 1), got {list(accuracies)}")
        if images < 1:
            raise InputError(f"images must be at least 1, got {images}")
        self.of_class = of_class
        self.accuracies = tuple(accuracies)
        self.images = images
        self.nearest: dict[float, float] = {}
        self.met = self.done = False
        self.samples: torch.Tensor | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose the images.

        Raises:
            InputError: the data is no :class:`ImageData`, or has no image of the class to validate on.
        """
        data = getattr(trainer, "datamodule", None)
        if not isinstance(data, ImageData):
            raise InputError(f"KeepStages needs an ImageData module, got {type(data).__name__}")
        data.setup()
        own = (data.split("val").labels == self.of_class).nonzero().flatten()[: self.images].tolist()
        if not own:
            raise InputError(f"of_class must be a class of the validation images, got {self.of_class}")
        self.samples = data.samples(own)["image"]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        """Save the classifier that has not seen the class."""
        # All processes save together, so the class must be met by all together.
        holds = trainer.strategy.reduce((batch["label"] == self.of_class).any().float(), reduce_op="sum")
        if not self.met and bool(holds):
            self.met = True
            self._save(trainer, "unseen")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        """Measure, and save where that is nearer than before."""
        if not self.met or self.done:
            return
        assert self.samples is not None
        self.samples = self.samples.to(pl_module.device)
        with as_found(pl_module), torch.no_grad():
            own = float((pl_module(self.samples).argmax(1) == self.of_class).float().mean())
        # Running statistics differ between processes, which must save together.
        accuracy = trainer.strategy.broadcast(own)
        for wanted in self.accuracies:
            apart = abs(accuracy - wanted)
            if self.nearest.get(wanted, 1.0) > apart:
                self.nearest[wanted] = apart
                self._save(trainer, f"at_{wanted:g}")
        self.done = accuracy > self.accuracies[-1] + CLEAR

    def state_dict(self) -> dict[str, Any]:
        """Give what is needed to go on."""
        return {"met": self.met, "done": self.done, "nearest": dict(self.nearest)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on."""
        self.met, self.done, self.nearest = state_dict["met"], state_dict["done"], dict(state_dict["nearest"])

    def _save(self, trainer: Trainer, name: str) -> None:
        trainer.save_checkpoint(Path(trainer.default_root_dir, f"class_{self.of_class}_{name}.ckpt"))
