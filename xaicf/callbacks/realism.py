"""Measure, as a generator learns, how far its samples are from data."""

import torch
from lightning import Callback, LightningModule, Trainer
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from xaicf.core import Generator, InputError
from xaicf.data import ImageData
from xaicf.evaluation.realism import CHUNK, Features, frechet_metric


class LogRealism(Callback):
    """At the end of each validation, log the Fréchet distance of samples to validation images.

    It is taken in the features of a frozen classifier and logged as ``val/frechet_distance``, which a checkpoint may
    monitor, with the number of samples, and of images, as ``val/frechet_images``: distances of different numbers do
    not compare. The latents are the same each time, and in each process, all of which do the same work. The
    generator that is measured is the one that :meth:`Generator.sample` uses.

    Args:
        classifier: frozen, ends in a linear layer.
        samples: how many, at most the number of validation images, of which the first are taken.

    Raises:
        InputError: ``samples`` is below 2, or the classifier has no linear layer.
    """

    def __init__(self, classifier: nn.Module, samples: int = 2048) -> None:
        if samples < 2:
            raise InputError(f"samples must be at least 2, got {samples}")
        Features(classifier)
        self.classifier = classifier
        self.samples = samples
        self.metric: FrechetInceptionDistance | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse what draws no samples.

        Raises:
            InputError: the module is no generator, or the data is no :class:`ImageData`.
        """
        data = getattr(trainer, "datamodule", None)
        if not isinstance(pl_module, Generator) or not isinstance(data, ImageData):
            names = f"{type(pl_module).__name__} and {type(data).__name__}"
            raise InputError(f"LogRealism needs a Generator and an ImageData module, got {names}")
        self.data = data

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, measure and log."""
        if trainer.sanity_checking:
            return
        assert isinstance(pl_module, Generator)
        count = min(self.samples, len(self.data.splits["val"]))
        # The real images are measured once, and kept as tensors that any later call may add to.
        with torch.inference_mode(False), torch.no_grad():
            if self.metric is None:
                self.classifier.to(pl_module.device)
                real = self.data.samples(range(count))["image"].to(pl_module.device)
                self.metric = frechet_metric(self.classifier, real)
                self.metric.sync_on_compute = False  # all processes hold the same samples
            random = torch.Generator().manual_seed(0)
            for first in range(0, count, CHUNK):
                self.metric.update(pl_module.sample(min(CHUNK, count - first), random), real=False)
            values = {"val/frechet_distance": float(self.metric.compute()), "val/frechet_images": float(count)}
            self.metric.reset()
        pl_module.log_dict(values, sync_dist=True)
