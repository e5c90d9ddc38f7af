"""Lightning's trainer, which explains too."""

import time
from typing import Any

import lightning
from lightning import LightningModule
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm

from xaicf.callbacks.stored import log_store
from xaicf.commands.explain import Explain
from xaicf.commands.memory import parse_bytes
from xaicf.core import InputError
from xaicf.data import ImageData


class ImageProgress(TQDMProgressBar):
    """Shows the images of all processes, not the blocks of one."""

    def init_predict_tqdm(self) -> Tqdm:
        """Count in images."""
        bar = super().init_predict_tqdm()
        bar.unit = " images"
        return bar

    def on_predict_batch_start(
        self,
        trainer: lightning.Trainer,
        pl_module: LightningModule,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Say how many there are."""
        super().on_predict_batch_start(trainer, pl_module, batch, batch_idx, dataloader_idx)
        assert isinstance(pl_module, Explain)
        self.predict_progress_bar.total = pl_module.images_of(pl_module.sampler.count)

    def on_predict_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the blocks that all processes have taken, but for those that the others are at."""
        assert isinstance(pl_module, Explain)
        done = pl_module.images_of(pl_module.sampler.taken - (trainer.world_size - 1))
        self.predict_progress_bar.update(max(0, done - self.predict_progress_bar.n))


class Trainer(lightning.Trainer):
    """Lightning's trainer, which explains too."""

    def explain(
        self,
        model: Explain,
        datamodule: ImageData,
        output: str,
        memory: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Explain a split into a store; what the store holds is not computed again.

        A W&B logger gets the means of the explainers' scalars, the table of the first images, and the store's name.

        Args:
            model: what to explain.
            datamodule: the samples.
            output: folder or URL of the store.
            memory: that explaining may take in each process, such as 2G; half of what is free if left out.
            settings: the resolved configuration, kept in the store.

        Raises:
            InputError: the trainer is to stop early, or the networks, explainers and data do not fit.
        """
        if isinstance(self.limit_predict_batches, int) or self.limit_predict_batches < 1:  # 1 is one batch, 1.0 all
            raise InputError("limit_predict_batches and fast_dev_run leave a store incomplete; take --model.ids")
        model.check(datamodule)
        seed = None if settings is None else settings.get("seed_everything")
        model.bind(datamodule, output, None if memory is None else parse_bytes(memory), settings, seed)
        if self.progress_bar_callback is not None:
            callbacks = self.callbacks  # type: ignore[attr-defined]  # Lightning sets it from outside
            callbacks.remove(self.progress_bar_callback)
            callbacks.append(ImageProgress())
        with model.hold:
            self.predict(model, return_predictions=False)
            # One that began the others must not end before them; a process without a block has skipped every hook.
            self.strategy.barrier("explained")
        seconds = max(time.perf_counter() - model.began, 0)
        if self.is_global_zero:
            done = model.images_of(model.sampler.count)
            print(
                f"{len(model.manifest.ids)} images, {len(model.explainers)} explainers in {output}; "
                f"{done} images explained now, {done / seconds if done else 0:.1f} a second"
            )
            log_store(self.loggers, output)
