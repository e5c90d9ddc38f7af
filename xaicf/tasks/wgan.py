"""Train a Wasserstein GAN: a generator without an encoder."""

from collections.abc import Callable
from typing import Literal

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from xaicf.core import Batch, Generator, Images, ImageShape, InputError, Latents, PerImage, recipe
from xaicf.core.recipe import Recipe
from xaicf.losses import critic_distance, gradient_penalty, sliced_wasserstein
from xaicf.nn import DCGANCritic, DCGANGenerator
from xaicf.tasks.adversarial import AdversarialTask
from xaicf.tasks.base import make_network

LINES = 64
"""Directions along which samples are compared with validation images."""


class WGAN(AdversarialTask, Generator):
    """A generator whose samples a critic of bounded slope cannot tell from images.

    The critic raises its mean score of images less that of samples, the generator raises its score of
    samples. The critic's slope is bounded by clipping its weights after each of its steps (batch norm's too, as in the
    original code) or by a penalty on its gradient. Unlike the original code, the critic gets no more
    steps at the beginning than later.

    Logged in training are ``critic_distance``, ``critic_loss``, ``generator_loss`` and ``penalty``; in validation
    ``critic_distance`` and ``loss``, which is the sliced Wasserstein distance of samples to
    images: unlike the critic's it compares between epochs.

    Reference: Arjovsky et al. 2017, "Wasserstein GAN"; the penalty Gulrajani et al. 2017, "Improved training
    of Wasserstein GANs" (there with Adam at 1e-4, betas 0 and 0.9).

    Args:
        image_shape: channels, height, width.
        latent_dim: length of a latent; CDeepEx has 100, and 200 for Fashion-MNIST.
        slope: what bounds the critic's slope.
        clip: largest absolute weight of the critic, for ``clipping``.
        penalty_weight: of the penalty, for ``gradient_penalty``.
        n_critic: batches for each step of the generator.
        ema_decay: decay of a moving average of the generator, from which images are decoded; it is lower in the first
            steps. Without it they are decoded from the generator itself.
        generator: makes a network from the image shape and latent_dim to image logits.
        critic: makes a network from the image shape and the number of scores, 1.
        generator_optimizer: makes the generator's optimiser.
        critic_optimizer: makes the critic's.

    Raises:
        InputError: a number is out of its range, a network cannot be made, or the critic has batch norm and
            a gradient penalty.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int = 100,
        slope: Literal["clipping", "gradient_penalty"] = "clipping",
        clip: float = 0.01,
        penalty_weight: float = 10.0,
        n_critic: int = 5,
        ema_decay: float | None = None,
        generator: Callable[[ImageShape, int], nn.Module] = DCGANGenerator,
        critic: Callable[[ImageShape, int], nn.Module] = DCGANCritic,
        generator_optimizer: OptimizerCallable = lambda weights: torch.optim.RMSprop(weights, lr=5e-5),
        critic_optimizer: OptimizerCallable = lambda weights: torch.optim.RMSprop(weights, lr=5e-5),
    ) -> None:
        super().__init__(generator_optimizer, critic_optimizer, n_critic, ema_decay)
        if latent_dim < 1:
            raise InputError(f"latent_dim must be at least 1, got {latent_dim}")
        if slope not in {"clipping", "gradient_penalty"}:
            raise InputError(f"slope must be clipping or gradient_penalty, got {slope}")
        if clip <= 0 or penalty_weight <= 0:
            raise InputError(f"clip and penalty_weight must be positive, got {clip} and {penalty_weight}")
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.slope: Literal["clipping", "gradient_penalty"] = slope
        self.clip = clip
        self.penalty_weight = penalty_weight
        self.recipes = {"generator": recipe(generator), "critic": recipe(critic)}
        self.play(make_network(generator, image_shape, latent_dim), make_network(critic, image_shape, 1))
        normalised = any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in self.critic.modules())
        if slope == "gradient_penalty" and normalised:
            raise InputError("gradient_penalty needs a critic without batch norm, such as DCGANCritic with norm layer")

    def recipe(self) -> Recipe:
        """Write down both networks, the image shape, the latent and the game."""
        return recipe(
            WGAN,
            image_shape=list(self.image_shape),
            latent_dim=self.latent_dim,
            slope=self.slope,
            clip=self.clip,
            penalty_weight=self.penalty_weight,
            n_critic=self.n_critic,
            ema_decay=self.ema_decay,
            **self.recipes,
        )

    def decode(self, latents: Latents) -> Images:
        """Map latents (B, latent_dim) to images (B, C, H, W) in (0, 1), by the moving average where there is one."""
        return torch.sigmoid(self.shown(latents))

    def forward(self, images: Images) -> PerImage:
        """Give the critic's scores (B,) of images (B, C, H, W) in [0, 1]."""
        scores: PerImage = self.critic(images).squeeze(1)
        return scores

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Compare images with as many samples, the same in each epoch: ``loss`` and ``critic_distance``."""
        images = batch["image"]
        seed = int(batch["index"][0])
        made = self.sample(len(images), torch.Generator().manual_seed(seed))
        pixels = images[0].numel()
        directions = torch.randn(pixels, LINES, generator=torch.Generator().manual_seed(0)).to(images)
        return {
            "loss": sliced_wasserstein(images, made, directions),
            "critic_distance": critic_distance(self(images), self(made)),
        }

    def critic_step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the critic's loss, the distance it estimates and, where there is one, the penalty."""
        images = batch["image"]
        with torch.no_grad():
            made = self.draw(images)
        distance = critic_distance(self(images), self(made))
        if self.slope == "clipping":
            return {"critic_loss": -distance, "critic_distance": distance}
        mix = torch.rand(len(images), device=images.device)
        penalty = gradient_penalty(self, images, made, mix).mean()
        loss = self.penalty_weight * penalty - distance
        return {"critic_loss": loss, "critic_distance": distance, "penalty": penalty}

    def generator_step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the generator's loss, the critic's mean score of samples with its sign changed."""
        return {"generator_loss": -self(self.draw(batch["image"])).mean()}

    def draw(self, images: Images) -> Images:
        """Make as many new images by the generator that is trained."""
        latents = torch.randn(len(images), self.latent_dim, device=images.device)
        return torch.sigmoid(self.generator(latents))

    def update_critic(self, batch: Batch) -> dict[str, Tensor]:
        """Take a step of the critic, and clip its weights."""
        values = super().update_critic(batch)
        if self.slope == "clipping":
            with torch.no_grad():
                for weight in self.critic.parameters():
                    weight.clamp_(-self.clip, self.clip)
        return values
