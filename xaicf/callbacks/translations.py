"""Measure and show, as a translator learns, what it makes of images."""

import math
from functools import partial
from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer
from torch import nn

from xaicf.callbacks.pictures import SHOWN, log_matrix, on_device, shown_images
from xaicf.core import InputError, SplitName, Translator, load_frozen
from xaicf.data import ImageData
from xaicf.evaluation.translation import Translations, measure_translations
from xaicf.explainers.baselines.translated import translated
from xaicf.viz.matrix import translation_matrix


class LogTranslations(Callback):
    """At the end of each validation, translate validation images, measure what comes out, and show some.

    Logged are the numbers of :func:`~xaicf.evaluation.translation.measure_translations`, such as ``val/validity`` and
    ``val/relative_distance``, and ``val/validity_of_<class>`` for each class. The five that decide whether the
    translator may serve as a baseline are handed to the module, which writes them into its checkpoint. In training
    each image is translated to one class, by its id; ``test`` measures all test images and all other classes. The
    picture, a row for each input and a column for each target class, lies in ``<default_root_dir>/translations``.
    Every process does the same work.

    Args:
        classifier: frozen, that is explained; ends in a linear layer. Where the module has one of its own, such as
            :class:`~xaicf.tasks.Ganmex`, it may be left out.
        second: another classifier, trained independently, or the path of its checkpoint: images that only the first
            takes for members of the class are not of it.
        images: validation images, at most so many, the first of the split, and no more than are validated.

    Raises:
        InputError: ``images`` is below 2.
        CheckpointError: there is no checkpoint at the path.
    """

    def __init__(
        self, classifier: nn.Module | None = None, second: nn.Module | str | None = None, images: int = 5000
    ) -> None:
        if images < 2:
            raise InputError(f"images must be at least 2, got {images}")
        self.given = classifier
        self.second = load_frozen(Path(second)) if isinstance(second, str) else second
        self.images = images

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse what does not translate.

        Raises:
            InputError: the module is no translator, or the data is no :class:`ImageData`.
        """
        data = getattr(trainer, "datamodule", None)
        if not isinstance(pl_module, Translator) or not isinstance(data, ImageData):
            names = f"{type(pl_module).__name__} and {type(data).__name__}"
            raise InputError(f"LogTranslations needs a Translator and an ImageData module, got {names}")
        classifier = pl_module.trained_against if self.given is None else self.given
        if classifier is None:
            raise InputError(f"LogTranslations needs a classifier, and {type(pl_module).__name__} has none")
        self.data, self.classifier = data, classifier

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure, log, and tell the module."""
        if trainer.sanity_checking:
            return
        validated = int(sum(trainer.num_val_batches)) * self.data.batch_size  # fewer in a trial
        count = max(min(self.images, len(self.data.splits["val"]), validated), 2)
        found = self._measured(pl_module, "val", count, foils=1)
        assert isinstance(pl_module, Translator)
        pl_module.record_fitness(found.fitness)
        self._log(pl_module, "val", found)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure all of the test, and log."""
        self._log(pl_module, "test", self._measured(pl_module, "test", len(self.data.splits["test"]), None))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, write and log, on process 0."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        batch = shown_images(self.data, pl_module.device)
        targets = torch.arange(min(self.data.num_classes, 2 * SHOWN), device=pl_module.device)
        drawn = translation_matrix(
            partial(translated, pl_module),
            self.classifier,
            batch["image"],
            batch["label"],
            targets,
            self.data.class_names,
        )
        log_matrix(trainer, "translations", drawn)

    def _measured(self, module: LightningModule, split: SplitName, count: int, foils: int | None) -> Translations:
        assert isinstance(module, Translator)
        device = module.device
        for network in (self.classifier, self.second):
            if network is not None:
                network.to(device)
        batch = on_device(device, self.data.samples(range(count), split))
        training = on_device(device, self.data.reference(whole=True))
        with torch.inference_mode(False):
            return measure_translations(
                module.translate, self.classifier, batch, training, self.data.num_classes, self.second, foils
            )

    def _log(self, module: LightningModule, stage: str, found: Translations) -> None:
        by_class = zip(self.data.class_names, found.validity_by_class.tolist(), strict=True)
        values = {**found.numbers, **{f"validity_of_{name}": value for name, value in by_class}}
        known = {f"{stage}/{name}": value for name, value in values.items() if not math.isnan(value)}
        module.log_dict(known, sync_dist=True)
