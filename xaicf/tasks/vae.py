"""Train a variational autoencoder: the generator and encoder that latent searches walk in."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from xaicf.core import Batch, Encoder, Generator, Images, ImageShape, InputError, Latents, recipe
from xaicf.core.recipe import Recipe
from xaicf.losses import LIKELIHOODS, Likelihood, kl_standard_normal
from xaicf.nn import ConvDecoder, ConvEncoder
from xaicf.tasks.base import Task, make_network
from xaicf.tasks.schedule import Schedule


class VAE(Task, Generator, Encoder):
    """A variational autoencoder with a diagonal normal posterior.

    The loss is the negative evidence lower bound, reconstruction + β · KL, summed over pixels and
    latent dimensions and averaged over images.

    Reference: Kingma and Welling 2014; β as in Higgins et al. 2017.

    Args:
        image_shape: channels, height, width.
        latent_dim: length of a latent.
        beta: weight of the divergence from the prior.
        likelihood: ``bernoulli`` for strokes that are black or white but for their edges, ``gaussian`` (standard
            deviation 0.1) for photographs and whatever has areas of grey.
        encoder: makes a network from the image shape and the number of outputs, 2 · latent_dim.
        decoder: makes a network from the image shape and latent_dim to image logits.
        optimizer: makes the optimiser from the parameters.
        schedule: of the learning rate.

    Raises:
        InputError: ``latent_dim`` or ``beta`` is not positive, or a network cannot be made.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int = 64,
        beta: float = 1.0,
        likelihood: Likelihood = "bernoulli",
        encoder: Callable[[ImageShape, int], nn.Module] = ConvEncoder,
        decoder: Callable[[ImageShape, int], nn.Module] = ConvDecoder,
        optimizer: OptimizerCallable = torch.optim.Adam,
        schedule: Schedule = "constant",
    ) -> None:
        super().__init__(optimizer, schedule)
        if latent_dim < 1 or beta <= 0:
            raise InputError(f"latent_dim and beta must be positive, got {latent_dim} and {beta}")
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.beta = beta
        self.likelihood = likelihood
        self.recipes = {"encoder": recipe(encoder), "decoder": recipe(decoder)}
        self.encoder = make_network(encoder, image_shape, 2 * latent_dim)
        self.decoder = make_network(decoder, image_shape, latent_dim)

    def recipe(self) -> Recipe:
        """Write down both networks, the image shape and the latent."""
        return recipe(
            VAE,
            image_shape=list(self.image_shape),
            latent_dim=self.latent_dim,
            beta=self.beta,
            likelihood=self.likelihood,
            **self.recipes,
        )

    def decode(self, latents: Latents) -> Images:
        """Map latents (B, latent_dim) to images (B, C, H, W) in (0, 1)."""
        return torch.sigmoid(self.decoder(latents))

    def encode(self, images: Images) -> Latents:
        """Map images (B, C, H, W) in [0, 1] to the posterior's mean (B, latent_dim)."""
        mean: Latents = self.encoder(images)[:, : self.latent_dim]
        return mean

    def forward(self, images: Images) -> Images:
        """Reconstruct images from the posterior's mean."""
        return self.decode(self.encode(images))

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the negative evidence lower bound and its two terms, in nats per image."""
        mean, log_variance = self.encoder(batch["image"]).chunk(2, dim=1)
        latents = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        reconstruction = LIKELIHOODS[self.likelihood](self.decoder(latents), batch["image"]).mean()
        divergence = kl_standard_normal(mean, log_variance).mean()
        return {
            "loss": reconstruction + self.beta * divergence,
            "reconstruction": reconstruction,
            "kl": divergence,
        }
