"""What adversarial tasks share: two networks, each with its own optimiser, that take turns."""

import contextlib
from abc import abstractmethod
from typing import Any, Self

import torch
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import ParallelStrategy
from torch import Tensor, nn
from torch.optim import Optimizer

from xaicf.core import Batch, InputError
from xaicf.nn.average import follow, frozen_copy
from xaicf.tasks.base import Task, make_optimizer

BATCHES = "xaicf_batches"
"""The key of the number of batches in a checkpoint, so that a resumed training keeps the turns."""


class AdversarialTask(Task):
    """A generator and a critic: the critic learns from each batch, the generator from each ``n_critic``-th.

    A subclass makes the networks, hands them to :meth:`play` and writes :meth:`critic_step` and :meth:`generator_step`.
    Gradients and the networks' running statistics are averaged over the processes after each backward pass, so that
    any strategy of DDP will do, whichever parameters a loss leaves out, and all processes hold the same networks.

    Lightning's ``global_step``, and ``trainer.max_steps`` with it, counts the steps of both optimisers.

    Args:
        generator_optimizer: makes the generator's optimiser from its parameters.
        critic_optimizer: makes the critic's.
        n_critic: batches for each step of the generator.
        ema_decay: decay of a moving average of the generator, by which images are made but in training; it is lower in
            the first steps. Without it they are made by the generator itself.

    Raises:
        InputError: ``n_critic`` is below 1, or ``ema_decay`` not in [0, 1).
    """

    generator: nn.Module
    critic: nn.Module
    average: nn.Module | None

    def __init__(
        self,
        generator_optimizer: OptimizerCallable,
        critic_optimizer: OptimizerCallable,
        n_critic: int,
        ema_decay: float | None,
    ) -> None:
        super().__init__(generator_optimizer)
        if n_critic < 1:
            raise InputError(f"n_critic must be at least 1, got {n_critic}")
        if ema_decay is not None and not 0 <= ema_decay < 1:
            raise InputError(f"ema_decay must be in [0, 1), got {ema_decay}")
        self.automatic_optimization = False
        self.critic_optimizer = critic_optimizer
        self.n_critic = n_critic
        self.ema_decay = ema_decay
        self.batches = 0

    def play(self, generator: nn.Module, critic: nn.Module) -> None:
        """Take the two networks, and a copy of the generator where there is to be an average."""
        self.generator = generator
        self.critic = critic
        self.average = None if self.ema_decay is None else frozen_copy(generator)

    @property
    def shown(self) -> nn.Module:
        """The generator that is looked at: the moving average where there is one."""
        return self.generator if self.average is None else self.average

    @abstractmethod
    def critic_step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute what is logged of the critic's turn; ``critic_loss`` is what it lowers."""

    @abstractmethod
    def generator_step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute what is logged of the generator's turn; ``generator_loss`` is what it lowers."""

    def on_train_start(self) -> None:
        """Let processes but the first draw random numbers of their own: all come with the same seed or checkpoint."""
        if self.global_rank:
            torch.manual_seed(int(torch.randint(2**62, ())) + self.global_rank)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Give the critic its turn, and the generator when it has one; log at the trainer's interval.

        The generator's values are logged where the interval falls on its turn: take a multiple of ``n_critic``.
        """
        self.batches += 1
        values = self.update_critic(batch)
        if self.batches % self.n_critic == 0:
            values |= self.update_generator(batch)
        if self.logs_at(self.batches):
            named = {f"train/{name}": value.detach() for name, value in values.items()}
            self.log_dict(named, batch_size=len(batch["label"]), prog_bar=True)

    def update_critic(self, batch: Batch) -> dict[str, Tensor]:
        """Take a step of the critic."""
        optimizer = self._optimizer(1)
        with self.toggled_optimizer(optimizer):
            values = self.critic_step(batch)
            self.descend(optimizer, values["critic_loss"], self.critic)
        return values

    def update_generator(self, batch: Batch) -> dict[str, Tensor]:
        """Take a step of the generator, and let its moving average follow."""
        optimizer = self._optimizer(0)
        with self.toggled_optimizer(optimizer):
            values = self.generator_step(batch)
            self.descend(optimizer, values["generator_loss"], self.generator)
        if self.average is not None and self.ema_decay is not None:
            steps = self.batches // self.n_critic
            # An average over more steps than there have been would keep the random weights of the beginning.
            follow(self.average, self.generator, min(self.ema_decay, steps / (steps + 10)))
        return values

    def descend(self, optimizer: LightningOptimizer, loss: Tensor, network: nn.Module) -> None:
        """Take one step down the gradient of a network's loss, averaged over the processes."""
        optimizer.zero_grad()
        strategy = self.trainer.strategy
        # DDP's own averaging waits for every parameter of both networks, and each loss has those of one only.
        alone = strategy.block_backward_sync() if isinstance(strategy, ParallelStrategy) else contextlib.nullcontext()
        with alone:
            self.manual_backward(loss)
        if self.trainer.world_size > 1:
            gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
            self._average([*gradients, *(buffer for buffer in self.buffers() if buffer.is_floating_point())])
        optimizer.step()

    def configure_optimizers(self) -> tuple[list[Optimizer], list[Any]]:
        """Give the generator's optimiser and the critic's, at constant rates.

        Raises:
            InputError: an optimiser refuses its options.
        """
        generator = make_optimizer(self.optimizer, self.generator.parameters())
        critic = make_optimizer(self.critic_optimizer, self.critic.parameters())
        self.restore_random_state()
        return [generator, critic], []

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write down whose turn it is, too."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[BATCHES] = self.batches

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the turns of a loaded checkpoint.

        Raises:
            CheckpointError: it is of another network.
        """
        super().on_load_checkpoint(checkpoint)
        self.batches = checkpoint.get(BATCHES, 0)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all networks but the moving average, which always uses its statistics."""
        super().train(mode)
        if self.average is not None:
            self.average.eval()
        return self

    def _optimizer(self, number: int) -> LightningOptimizer:
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        chosen = optimizers[number]
        assert isinstance(chosen, LightningOptimizer)
        return chosen

    @torch.no_grad()
    def _average(self, tensors: list[Tensor]) -> None:
        """Average tensors over the processes, in place and in one message."""
        joined = self.trainer.strategy.reduce(torch.cat([tensor.flatten() for tensor in tensors]), reduce_op="mean")
        assert isinstance(joined, Tensor)
        for tensor, mean in zip(tensors, torch.split(joined, [part.numel() for part in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))
