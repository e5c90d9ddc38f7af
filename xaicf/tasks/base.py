"""What all tasks share: one pure step, loops that only log, a recipe in every checkpoint."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer

from xaicf.core import Batch, CheckpointError, ImageShape, InputError, UserError, recipe
from xaicf.core.checkpoint import RECIPE
from xaicf.core.recipe import Recipe
from xaicf.tasks.schedule import Schedule, learning_rate_schedule

RANDOM_STATE = "xaicf_random_state"
"""The key of the random states in a checkpoint, so that a resumed training goes on as if never interrupted."""


def make_network(factory: Callable[[ImageShape, int], nn.Module], image_shape: ImageShape, outputs: int) -> nn.Module:
    """Make a network from an image shape and a number of outputs or inputs.

    Raises:
        InputError: the factory does not take them.
    """
    try:
        return factory(image_shape, outputs)
    except UserError:
        raise
    except (IndexError, TypeError, ValueError, RuntimeError) as error:
        name = recipe(factory)["class_path"]
        raise InputError(f"network {name} cannot be made of {tuple(image_shape)} and {outputs}: {error}") from error


def make_optimizer(factory: OptimizerCallable, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Make an optimiser of parameters.

    Raises:
        InputError: the optimiser refuses its options.
    """
    try:
        return factory(parameters)
    except ValueError as error:
        raise InputError(f"optimizer cannot be made: {error}") from error


class Task(LightningModule, ABC):
    """A network, its loss and its optimiser.

    Args:
        optimizer: makes the optimiser from the parameters.
        schedule: of the learning rate, see :func:`learning_rate_schedule`.
    """

    def __init__(self, optimizer: OptimizerCallable = torch.optim.Adam, schedule: Schedule = "constant") -> None:
        super().__init__()
        self.optimizer = optimizer
        self.schedule: Schedule = schedule
        self.random_state: dict[str, Tensor] = {}
        self.resumed_steps: int | None = None

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute what is logged for a batch, means over its images; ``loss`` is what training lowers."""

    @abstractmethod
    def recipe(self) -> Recipe:
        """Write down, in plain values, how to build this task's network again."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        """Return the loss; log it at the trainer's interval, since each call costs as much as a small network."""
        loss = self.step(batch)["loss"]
        if self.logs_at(self.global_step + 1):
            self.log("train/loss", loss, batch_size=len(batch["label"]), prog_bar=True)
        return loss

    def logs_at(self, step: int) -> bool:
        """Tell whether the trainer's interval falls on a step, counted from 1."""
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # Lightning sets it from outside
        return every > 0 and step % every == 0

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log every value of the step."""
        self.evaluate(batch, "val")

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Log every value of the step."""
        self.evaluate(batch, "test")

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the network's output."""
        output: Tensor = self(batch["image"])
        return output

    def evaluate(self, batch: Batch, stage: str) -> None:
        """Log every value of the step under ``stage``."""
        values = {f"{stage}/{name}": value for name, value in self.step(batch).items()}
        self.log_dict(values, batch_size=len(batch["label"]), sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Give one optimiser and its schedule, advanced at every step.

        Raises:
            InputError: the optimiser refuses its options, or the schedule needs an end that the training lacks.
            CheckpointError: the training that goes on was planned for another number of steps.
        """
        optimizer = make_optimizer(self.optimizer, self.parameters())
        self.restore_random_state()
        steps = self.trainer.estimated_stepping_batches
        if self.schedule == "constant":
            return optimizer
        if math.isinf(steps):
            raise InputError(f"schedule {self.schedule} needs an end: set trainer.max_epochs or trainer.max_steps")
        if self.resumed_steps not in {None, steps}:
            raise CheckpointError(
                f"checkpoint has a {self.schedule} schedule of {self.resumed_steps} steps, this training has {steps}"
            )
        scheduler = learning_rate_schedule(self.schedule, optimizer, int(steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def restore_random_state(self) -> None:
        """Go on with the random numbers of a loaded checkpoint; to be called before training data are asked for."""
        if "cpu" in self.random_state:
            torch.set_rng_state(self.random_state["cpu"])
        if "cuda" in self.random_state and self.device.type == "cuda":
            torch.cuda.set_rng_state(self.random_state["cuda"], self.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write the recipe and the random states beside the weights."""
        checkpoint[RECIPE] = self.recipe()
        checkpoint[RANDOM_STATE] = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            checkpoint[RANDOM_STATE]["cuda"] = torch.cuda.get_rng_state(self.device)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse the checkpoint of another network.

        Raises:
            CheckpointError: the recipes differ; names the first difference.
        """
        given, own = checkpoint.get(RECIPE), self.recipe()
        if not (isinstance(given, dict) and set(given) == {"class_path", "init_args"}):
            raise CheckpointError("checkpoint was not written by a task of xaicf")
        if given["class_path"] != own["class_path"]:
            raise CheckpointError(f"checkpoint is of {given['class_path']}, expected {own['class_path']}")
        for name, value in own["init_args"].items():
            before = given["init_args"].get(name)
            if json.dumps(before, sort_keys=True) != json.dumps(value, sort_keys=True):
                raise CheckpointError(f"checkpoint has {name} {before}, expected {value}")
        self.random_state = checkpoint.get(RANDOM_STATE, {})
        for scheduler in checkpoint.get("lr_schedulers", []):
            self.resumed_steps = scheduler.get("total_steps", scheduler.get("T_max"))
