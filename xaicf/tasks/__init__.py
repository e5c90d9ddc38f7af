"""Trainable tasks: a network, its loss and its optimiser as a LightningModule."""

from xaicf.tasks.adversarial import AdversarialTask
from xaicf.tasks.attgan import AttGAN
from xaicf.tasks.autoencoder import AE
from xaicf.tasks.base import Task
from xaicf.tasks.classifier import Classifier
from xaicf.tasks.ganmex import Ganmex
from xaicf.tasks.vae import VAE
from xaicf.tasks.wgan import WGAN

__all__ = ["AE", "VAE", "WGAN", "AdversarialTask", "AttGAN", "Classifier", "Ganmex", "Task"]
