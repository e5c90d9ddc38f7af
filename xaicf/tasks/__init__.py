"""Trainable tasks: a network, its loss and its optimiser as a LightningModule."""

from xaicf.tasks.base import Task
from xaicf.tasks.classifier import Classifier
from xaicf.tasks.vae import VAE

__all__ = ["VAE", "Classifier", "Task"]
