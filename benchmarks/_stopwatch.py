"""The time of a training loop, for the benchmarks that train."""

import time

from lightning import Callback, LightningModule, Trainer


class Stopwatch(Callback):
    """Takes the time of the training loop."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start."""
        self.seconds, self.cpu = -time.perf_counter(), -time.process_time()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop; the epoch's checkpoints are written by now."""
        self.seconds += time.perf_counter()
        self.cpu += time.process_time()
