"""A picture of a few validation images, made at the end of each validation."""

from pathlib import Path

import torch
from lightning import Trainer

from xaicf.callbacks.logging import log_epoch, save_picture
from xaicf.core import Batch
from xaicf.data import ImageData
from xaicf.viz.heatmap import Pixels

SHOWN = 8
"""Images in the picture, the first of as many classes."""


def shown_images(data: ImageData, device: torch.device) -> Batch:
    """Give the first validation image of each of the first classes that there are, on a device."""
    labels = data.splits["val"].labels
    ids = [int((labels == one).nonzero()[0]) for one in sorted(set(labels.tolist()))[:SHOWN]]
    return on_device(device, data.samples(ids))


def on_device(device: torch.device, batch: Batch) -> Batch:
    """Give a batch with images and labels on a device."""
    return {**batch, "image": batch["image"].to(device), "label": batch["label"].to(device)}


def log_matrix(trainer: Trainer, kind: str, drawn: Pixels) -> None:
    """Write a picture to ``<default_root_dir>/<kind>`` and log it against the epoch; for process 0."""
    path = Path(trainer.default_root_dir) / kind / f"epoch_{trainer.current_epoch:04d}" / "matrix.png"
    pictures = {f"{kind}/matrix": save_picture(drawn, path)}
    log_epoch(trainer.loggers, trainer.current_epoch, {}, pictures)
