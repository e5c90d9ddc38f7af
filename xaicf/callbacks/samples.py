"""Show what a generator draws."""

from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer

from xaicf.callbacks.logging import log_epoch, save_picture
from xaicf.core import Encoder, Generator, InputError
from xaicf.data import ImageData
from xaicf.viz import grid


class LogSamples(Callback):
    """At the end of each validation, log samples from the prior and reconstructions of validation images.

    The latents are the same each time. Pictures lie in ``<default_root_dir>/samples``.

    Args:
        count: images in each picture.
    """

    def __init__(self, count: int = 32) -> None:
        if count < 1:
            raise InputError(f"count must be at least 1, got {count}")
        self.count = count

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, write and log, on process 0."""
        if trainer.sanity_checking or not trainer.is_global_zero or not isinstance(pl_module, Generator):
            return
        with torch.no_grad():
            drawn = pl_module.sample(self.count, torch.Generator().manual_seed(0))
            pictures = {"samples/prior": drawn}
            data = getattr(trainer, "datamodule", None)
            if isinstance(pl_module, Encoder) and isinstance(data, ImageData):
                ids = range(min(self.count, len(data.splits["val"])))
                images = data.samples(ids)["image"].to(pl_module.device)
                again = pl_module.decode(pl_module.encode(images))
                pictures["samples/reconstruction"] = torch.stack([images, again], 1).flatten(0, 1)
        folder = Path(trainer.default_root_dir) / f"samples/epoch_{trainer.current_epoch:04d}"
        paths = {
            name: save_picture(grid(images), folder / f"{name.removeprefix('samples/')}.png", enlarge=2)
            for name, images in pictures.items()
        }
        log_epoch(trainer.loggers, trainer.current_epoch, {}, paths)
