"""Train a plain autoencoder: a generator and encoder without a prior."""

from collections.abc import Callable

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from xaicf.core import Batch, Encoder, Generator, Images, ImageShape, InputError, Latents, recipe
from xaicf.core.recipe import Recipe
from xaicf.losses import LIKELIHOODS, Likelihood
from xaicf.nn import ConvDecoder, ConvEncoder
from xaicf.tasks.base import Task, make_network
from xaicf.tasks.schedule import Schedule


class AE(Task, Generator, Encoder):
    """An autoencoder: the loss is the reconstruction alone, summed over pixels and averaged over images.

    Nothing draws its codes towards a known distribution. So each validation in a training measures their mean and
    covariance over the validation images, all processes', and :meth:`sample` draws from that normal distribution. The
    two are part of a checkpoint; before any validation they are those of the standard normal. With fewer images
    than latent dimensions samples stay in the subspace that the codes span.

    Reference: CDeepEx, §4.4, whose networks are :class:`xaicf.nn.StridedEncoder` and its mirror image. The paper
    gives neither loss nor length of the code.

    Args:
        image_shape: channels, height, width.
        latent_dim: length of a latent.
        likelihood: ``bernoulli`` for strokes that are black or white but for their edges, ``gaussian``, a multiple of
            the squared error, for photographs and whatever has areas of grey.
        encoder: makes a network from the image shape and the number of outputs, latent_dim.
        decoder: makes a network from the image shape and latent_dim to image logits.
        optimizer: makes the optimiser from the parameters.
        schedule: of the learning rate.

    Raises:
        InputError: ``latent_dim`` is not positive, or a network cannot be made.
    """

    code_mean: Tensor
    code_covariance: Tensor

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int = 64,
        likelihood: Likelihood = "bernoulli",
        encoder: Callable[[ImageShape, int], nn.Module] = ConvEncoder,
        decoder: Callable[[ImageShape, int], nn.Module] = ConvDecoder,
        optimizer: OptimizerCallable = torch.optim.Adam,
        schedule: Schedule = "constant",
    ) -> None:
        super().__init__(optimizer, schedule)
        if latent_dim < 1:
            raise InputError(f"latent_dim must be at least 1, got {latent_dim}")
        if likelihood not in LIKELIHOODS:
            raise InputError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, got {likelihood}")
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.likelihood = likelihood
        self.recipes = {"encoder": recipe(encoder), "decoder": recipe(decoder)}
        self.encoder = make_network(encoder, image_shape, latent_dim)
        self.decoder = make_network(decoder, image_shape, latent_dim)
        self.register_buffer("code_mean", torch.zeros(latent_dim))
        self.register_buffer("code_covariance", torch.eye(latent_dim))

    def recipe(self) -> Recipe:
        """Write down both networks, the image shape and the latent."""
        return recipe(
            AE,
            image_shape=list(self.image_shape),
            latent_dim=self.latent_dim,
            likelihood=self.likelihood,
            **self.recipes,
        )

    def decode(self, latents: Latents) -> Images:
        """Map latents (B, latent_dim) to images (B, C, H, W) in (0, 1)."""
        return torch.sigmoid(self.decoder(latents))

    def encode(self, images: Images) -> Latents:
        """Map images (B, C, H, W) in [0, 1] to latents (B, latent_dim)."""
        latents: Latents = self.encoder(images)
        return latents

    def prior(self, n: int, generator: torch.Generator | None = None) -> Latents:
        """Draw latents (n, latent_dim) from a normal distribution with the codes' mean and covariance."""
        variances, axes = torch.linalg.eigh(self.code_covariance.double().cpu())
        normal = torch.randn(n, self.latent_dim, generator=generator).double()
        latents: Latents = self.code_mean.double().cpu() + (normal * variances.clamp(min=0).sqrt()) @ axes.T
        return latents

    def forward(self, images: Images) -> Images:
        """Reconstruct images."""
        return self.decode(self.encode(images))

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the reconstruction's negative log-likelihood, in nats per image."""
        image_logits = self.decoder(self.encode(batch["image"]))
        return {"loss": LIKELIHOODS[self.likelihood](image_logits, batch["image"]).mean()}

    def on_validation_epoch_start(self) -> None:
        """Begin to measure the codes."""
        size = self.latent_dim + 1
        self.moments = torch.zeros(size, size, dtype=torch.float64, device=self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log every value of the step, and measure the codes."""
        super().validation_step(batch, batch_idx)
        codes = self.encode(batch["image"]).double()
        # With a 1 before each code, one product holds their number, their sum and their squares.
        extended = torch.cat([torch.ones_like(codes[:, :1]), codes], 1)
        self.moments += extended.T @ extended

    def on_validation_epoch_end(self) -> None:
        """Keep the mean and covariance of the codes, in a training."""
        if self.trainer.sanity_checking or self.trainer.state.fn != "fit":
            return
        moments = self.trainer.strategy.reduce(self.moments, reduce_op="sum")
        assert isinstance(moments, Tensor)
        moments = moments / moments[0, 0]
        mean = moments[0, 1:]
        self.code_mean.copy_(mean)
        self.code_covariance.copy_(moments[1:, 1:] - mean.outer(mean))
