"""Explain a fixed set of validation images at the end of each validation."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from torch import nn

from xaicf.callbacks.gather import gathered
from xaicf.callbacks.logging import log_epoch
from xaicf.callbacks.record import Record, write_record
from xaicf.callbacks.table import explanation_table
from xaicf.core import Batch, Editor, Explanation, Generator, InputError, Subject, Translator
from xaicf.data import ImageData
from xaicf.explainers import Explainer, ask, classify, pose
from xaicf.explainers.question import FoilPolicy, check_questions, with_reference


class ExplainAtValidationEnd(Callback):
    """At the end of each validation, ask "why this class, and not that one?" of the same images.

    The module in training takes the empty seat of the :class:`Subject`: a generator, a translator, an
    editor or the classifier itself. Images are shared out over the processes and the answers gathered; process 0 writes
    them to ``<default_root_dir>/explanations`` (pictures, tensors, numbers, ``index.html``) and
    logs them once, against the epoch; at the end of a training W&B gets one table of all its epochs. Skipped in the
    sanity check. ``validate`` writes to the folder
    ``explanations/validate``, so that the record of a training stays.

    Args:
        explainers: what to ask; their names must differ.
        classifier: frozen, for when something else is trained; a translator's own if left out.
        generator: frozen, for explainers that need one while something else is trained.
        translator: frozen, likewise.
        editor: frozen, likewise.
        samples: how many validation images, the first ones of the split.
        every_n_epochs: how often in a training; ``validate`` always explains.
        foil: ``second`` (most likely class but the fact), ``label`` (the true class of misclassified images),
            ``all`` (every other class) or the number of a class.

    Raises:
        InputError: no explainer, names that are equal, or a number below 1.
    """

    def __init__(
        self,
        explainers: Sequence[Explainer],
        classifier: nn.Module | None = None,
        generator: nn.Module | None = None,
        translator: nn.Module | None = None,
        editor: nn.Module | None = None,
        samples: int = 16,
        every_n_epochs: int = 1,
        foil: FoilPolicy = "second",
    ) -> None:
        names = [explainer.name for explainer in explainers]
        if not names or len(set(names)) < len(names):
            raise InputError(f"explainers must be one or more with different names, got {names}")
        if samples < 1 or every_n_epochs < 1:
            raise InputError(f"samples and every_n_epochs must be >= 1, got {samples} and {every_n_epochs}")
        self.explainers = tuple(explainers)
        # A tuple, so that neither Lightning nor DDP takes the frozen networks for parts of the training.
        self.frozen = (classifier, generator, translator, editor)
        self.samples = samples
        self.every_n_epochs = every_n_epochs
        self.foil: FoilPolicy = foil
        self.stores: dict[int, str] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check, before anything is trained, that every question can be asked.

        Raises:
            InputError: a seat is empty or taken twice, or the data is no :class:`ImageData`.
            ClassifierError: the classifier does not fit the images or the classes of the data.
        """
        if stage == "fit":
            self.stores = {}
        if stage in {"fit", "validate"}:
            self.check(pl_module, getattr(trainer, "datamodule", None))

    def check(self, pl_module: LightningModule, data: LightningDataModule | None) -> None:
        """Raise, as :meth:`setup` does, where the module, the data, the networks and the questions do not fit."""
        data = _as_images(data)
        subject = self._subject(pl_module)
        subject.classifier.to(pl_module.device)
        check_questions(self.explainers, subject, data.image_shape, data.class_names, self.foil)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Explain, write and log."""
        training = trainer.state.fn == "fit"
        if trainer.sanity_checking or (training and (trainer.current_epoch + 1) % self.every_n_epochs):
            return
        data = _as_images(getattr(trainer, "datamodule", None))
        subject = self._subject(pl_module)
        for network in subject.modules:
            network.to(pl_module.device)
        subject = with_reference(subject, self.explainers, data.reference)
        ids = range(min(self.samples, len(data.splits["val"])))
        with gathered(trainer) as share:
            own = ids[trainer.global_rank :: trainer.world_size]
            share.value = self._explain(subject, data.samples(own), pl_module.device) if own else {}
        if trainer.is_global_zero:
            records = _in_order(share.values, data.class_names)
            folder = Path(trainer.default_root_dir) / ("explanations" if training else "explanations/validate")
            written = write_record(folder, trainer.current_epoch, records)
            if training:
                self.stores[trainer.current_epoch] = str(written.store)
            table = partial(explanation_table, {trainer.current_epoch: str(written.store)})
            log_epoch(trainer.loggers, trainer.current_epoch, written.scalars, written.pictures, table)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log one table of all epochs, on process 0."""
        if trainer.is_global_zero and len(self.stores) > 1:
            table = partial(explanation_table, self.stores)
            log_epoch(trainer.loggers, max(self.stores), {}, {}, table)

    def _subject(self, module: LightningModule) -> Subject:
        classifier, generator, translator, editor = self.frozen
        if isinstance(module, Generator):
            generator = _only(generator, module, "generator")
        elif isinstance(module, Translator):
            translator = _only(translator, module, "translator")
            classifier = module.trained_against if classifier is None else classifier
        elif isinstance(module, Editor):
            editor = _only(editor, module, "editor")
        else:
            classifier = _only(classifier, module, "classifier")
        if classifier is None:
            raise InputError(f"explaining while {type(module).__name__} trains needs a classifier checkpoint")
        return Subject(classifier, generator, translator, editor=editor)

    def _explain(self, subject: Subject, batch: Batch, device: torch.device) -> dict[str, "Answer"]:
        answers: dict[str, Answer] = {}
        images, labels = batch["image"].to(device), batch["label"].to(device)
        row = pose(classify(subject, images), self.foil, labels).row.cpu()
        for explainer in self.explainers:
            begin = time.perf_counter()
            explanation = ask(explainer, subject, images, self.foil, labels).to("cpu")
            seconds = (time.perf_counter() - begin) / len(images)
            answers[explainer.name] = (explanation, batch["index"][row], batch["label"][row], seconds)
        return answers


Answer = tuple[Explanation, torch.Tensor, torch.Tensor, float]
"""An explanation with its sample ids, their labels, and seconds per image."""


def _in_order(shares: Sequence[dict[str, Answer]], class_names: Sequence[str]) -> list[Record]:
    """Join what the processes explained, in the order of sample ids."""
    shares = [share for share in shares if share]
    records = []
    for name in shares[0]:
        explanations, indices, labels, seconds = zip(*(share[name] for share in shares), strict=True)
        index = torch.cat(indices)
        order = index.argsort(stable=True)
        explanation = Explanation.cat(explanations)[order]
        mean_seconds = sum(seconds) / len(seconds)
        records.append(Record(name, explanation, index[order], torch.cat(labels)[order], class_names, mean_seconds))
    return records


def _only(frozen: nn.Module | None, module: LightningModule, seat: str) -> LightningModule:
    if frozen is not None:
        raise InputError(f"{seat} is given, but {type(module).__name__} in training takes that seat")
    return module


def _as_images(data: LightningDataModule | None) -> ImageData:
    if not isinstance(data, ImageData):
        raise InputError(f"ExplainAtValidationEnd needs an ImageData module, got {type(data).__name__}")
    return data
