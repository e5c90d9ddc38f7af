"""Train an editor of attributes: an AttGAN."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from xaicf.core import (
    Attributes,
    Batch,
    Editor,
    Images,
    ImageShape,
    InputError,
    PerImage,
    other_side,
    recipe,
    same_side,
)
from xaicf.core.recipe import Recipe
from xaicf.losses import critic_loss, generator_loss, gradient_penalty
from xaicf.nn import AttGANGenerator, DCGANCritic
from xaicf.tasks.adversarial import AdversarialTask
from xaicf.tasks.base import make_network

CRITIC = partial(DCGANCritic, norm="layer")
"""Scores each image for itself, as a gradient penalty needs."""

MOST = 40
"""Attributes at most, those of CelebA."""


class AttributeNetwork(Protocol):
    """What a generator of an :class:`AttGAN` can do, beside being a module."""

    def encode(self, images: Images) -> tuple[Tensor, ...]:
        """Give the features of images."""

    def decode(self, features: tuple[Tensor, ...], codes: Attributes) -> Images:
        """Draw features with attribute codes in [-0.5, 0.5]."""


class AttGAN(AdversarialTask, Editor):
    """A generator that redraws an image x of attributes a with those of another image, b, and else the same.

    With G its encoder and decoder, told codes a - 0.5, D the critic's score and C its attributes, the generator lowers

    λ_rec · ‖x - G(x, a)‖₁ + λ_cls · BCE(C(G(x, b)), b) - D(G(x, b)),

    and the critic, which shares its convolutions between score and attributes, Wasserstein's loss with a gradient
    penalty and λ_cls' · BCE(C(x), a). All are means, over images, pixels and attributes. The b are those of the batch,
    permuted. Attributes may be any numbers in [0, 1]: the binary cross-entropy takes them as soft targets, and its
    least value, where C gives b itself, is then not 0.

    Logged in training are ``critic_loss``, ``penalty``, ``critic_classification``, ``generator_loss`` and its terms
    before they are weighted, ``adversarial``, ``classification`` and ``reconstruction``. In validation, by the
    generator that is looked at: ``reconstruction``, ``classification`` (b those of the image before) and ``loss``, the
    weighted sum, since the adversarial term does not compare between epochs; ``read_accuracy/NAME``, the share of
    images whose attribute the critic reads on its side of 0.5; ``edit_accuracy/NAME``, the share of images edited to
    the other side, to 0 or 1, in which the critic reads it there; and their means over attributes, ``read_accuracy``
    and ``edit_accuracy``. An edit that the critic does not read is not made, one that it reads may still not be seen.

    Deviations: the paper's images are in [-1, 1], where the same reconstruction is twice as large as here, so its
    weight of 100 would be 200 here, where the default of 100 lets edits be stronger; the critic is DCGAN's, one
    linear layer for score and attributes, not two fully connected ones for each. In the critic's turns the
    generator's running statistics stay.

    Reference: He et al. 2019, "AttGAN: facial attribute editing by only changing what you want", equations 9 and 10.

    Args:
        image_shape: channels, height, width.
        attribute_names: one for each attribute, 1 to 40.
        reconstruction_weight: λ_rec.
        class_weight: λ_cls.
        critic_class_weight: λ_cls'.
        adversarial_weight: of - D(G(x, b)).
        penalty_weight: of the gradient penalty.
        n_critic: batches for each step of the generator.
        ema_decay: of a moving average of the generator, see :class:`AdversarialTask`.
        generator: makes a network from the image shape and the number of attributes, that has ``encode``, ``decode``
            and, of both, ``forward`` as :class:`~xaicf.nn.AttGANGenerator` has.
        critic: makes a network from the image shape and the number of outputs, 1 and the attributes; without batch
            norm.
        generator_optimizer: makes the generator's optimiser.
        critic_optimizer: makes the critic's.

    Raises:
        InputError: there is no attribute, more than 40 or a name twice; a number is out of its range; a network cannot
            be made.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        attribute_names: Sequence[str],
        reconstruction_weight: float = 100.0,
        class_weight: float = 10.0,
        critic_class_weight: float = 1.0,
        adversarial_weight: float = 1.0,
        penalty_weight: float = 10.0,
        n_critic: int = 5,
        ema_decay: float | None = None,
        generator: Callable[[ImageShape, int], nn.Module] = AttGANGenerator,
        critic: Callable[[ImageShape, int], nn.Module] = CRITIC,
        generator_optimizer: OptimizerCallable = lambda weights: torch.optim.Adam(weights, lr=2e-4, betas=(0.5, 0.999)),
        critic_optimizer: OptimizerCallable = lambda weights: torch.optim.Adam(weights, lr=2e-4, betas=(0.5, 0.999)),
    ) -> None:
        super().__init__(generator_optimizer, critic_optimizer, n_critic, ema_decay)
        if not 1 <= len(attribute_names) <= MOST:
            raise InputError(f"AttGAN needs data with 1 to {MOST} attributes, got {len(attribute_names)}")
        twice = [name for name, times in Counter(attribute_names).items() if times > 1]
        if twice:
            raise InputError(f"attribute_names must differ, got {twice[0]} twice")
        weights = {
            "reconstruction": reconstruction_weight,
            "classification": class_weight,
            "adversarial": adversarial_weight,
            "critic_classification": critic_class_weight,
            "penalty": penalty_weight,
        }
        if not all(0 <= weight < torch.inf for weight in weights.values()):
            raise InputError(f"weights must be at least 0 and finite, got {weights}")
        self.image_shape = image_shape
        self.attribute_names = tuple(attribute_names)
        self.weights = weights
        self.recipes = {"generator": recipe(generator), "critic": recipe(critic)}
        count = len(self.attribute_names)
        self.play(make_network(generator, image_shape, count), make_network(critic, image_shape, 1 + count))
        if any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in self.critic.modules()):
            raise InputError("critic must score each image for itself, such as DCGANCritic with norm layer or none")

    def recipe(self) -> Recipe:
        """Write down both networks, the image shape, the attributes and the game."""
        return recipe(
            AttGAN,
            image_shape=list(self.image_shape),
            attribute_names=list(self.attribute_names),
            reconstruction_weight=self.weights["reconstruction"],
            class_weight=self.weights["classification"],
            critic_class_weight=self.weights["critic_classification"],
            adversarial_weight=self.weights["adversarial"],
            penalty_weight=self.weights["penalty"],
            n_critic=self.n_critic,
            ema_decay=self.ema_decay,
            **self.recipes,
        )

    def features(self, images: Images) -> tuple[Tensor, ...]:
        """Encode images (B, C, H, W) in [0, 1], by the moving average where there is one."""
        return cast("AttributeNetwork", self.shown).encode(images)

    def draw(self, features: tuple[Tensor, ...], attributes: Attributes) -> Images:
        """Draw images (B, C, H, W) in [0, 1] of features and attributes (B, A) in [0, 1], likewise."""
        return _decoded(self.shown, features, attributes)

    def read(self, images: Images) -> Attributes:
        """Give the attributes (B, A) in [0, 1] that the critic sees in images (B, C, H, W) in [0, 1]."""
        return torch.sigmoid(self.critic(images)[:, 1:])

    def forward(self, images: Images, attributes: Attributes | None = None) -> Images:
        """Redraw images with attributes; with those that are read, if left out."""
        return self.edit(images, self.read(images) if attributes is None else attributes)

    def scores(self, images: Images) -> PerImage:
        """Give the critic's scores (B,) of images (B, C, H, W) in [0, 1]."""
        scores: PerImage = self.critic(images)[:, 0]
        return scores

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute what compares between epochs: terms of the loss, and how attributes are read and edited."""
        images, attributes = batch["image"], self._attributes(batch)
        features, others = self.features(images), attributes.roll(1, 0)
        terms = {
            "reconstruction": (images - self.draw(features, attributes)).abs().mean(),
            "classification": self._told_apart(self.draw(features, others), others),
        }
        read = _agreeing(self.read(images), attributes)
        edited = [
            _agreeing(self.read(self.draw(features, asked)), asked)[number]
            for number, asked in enumerate(other_side(attributes, one) for one in range(attributes.shape[1]))
        ]
        values = {"loss": self._weighted(terms), **terms}
        for kind, shares in (("read_accuracy", read), ("edit_accuracy", torch.stack(edited))):
            values[kind] = shares.mean()
            values |= {f"{kind}/{name}": share for name, share in zip(self.attribute_names, shares, strict=True)}
        return values

    def generator_step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the generator's loss and its terms."""
        images, attributes = batch["image"], self._attributes(batch)
        features = cast("AttributeNetwork", self.generator).encode(images)
        others = self._permuted(attributes)
        made = _decoded(self.generator, features, others)
        outputs = self.critic(made)
        terms = {
            "reconstruction": (images - _decoded(self.generator, features, attributes)).abs().mean(),
            "classification": functional.binary_cross_entropy_with_logits(outputs[:, 1:], others),
            "adversarial": generator_loss("wasserstein", outputs[:, 0]),
        }
        return {"generator_loss": self._weighted(terms), **terms}

    def critic_step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the critic's loss, its penalty and how it reads the attributes of images."""
        images, attributes = batch["image"], self._attributes(batch)
        # Batch norm writes its running statistics into copies, so that this turn leaves the generator as it was.
        copies = {name: buffer.clone() for name, buffer in self.generator.named_buffers()}
        with torch.no_grad():
            made = functional_call(self.generator, copies, (images, self._permuted(attributes) - 0.5))
        outputs = self.critic(torch.cat([images, made]))
        real_scores, made_scores = outputs[:, 0].chunk(2)
        mix = torch.rand(len(images), device=images.device)
        terms = {
            "critic_classification": functional.binary_cross_entropy_with_logits(
                outputs[: len(images), 1:], attributes
            ),
            "penalty": gradient_penalty(self.scores, images, made, mix).mean(),
        }
        loss = critic_loss("wasserstein", real_scores, made_scores) + self._weighted(terms)
        return {"critic_loss": loss, **terms}

    def _attributes(self, batch: Batch) -> Attributes:
        if "attributes" not in batch:
            raise InputError(f"AttGAN needs data with attributes {', '.join(self.attribute_names)}, got none")
        attributes: Attributes = batch["attributes"]
        if attributes.ndim != 2 or attributes.shape[1] != len(self.attribute_names):
            raise InputError(
                f"attributes of a batch must be (B, {len(self.attribute_names)}), got {tuple(attributes.shape)}"
            )
        return attributes.to(batch["image"].dtype)

    def _permuted(self, attributes: Attributes) -> Attributes:
        return attributes[torch.randperm(len(attributes), device=attributes.device)]

    def _told_apart(self, images: Images, attributes: Attributes) -> Tensor:
        return functional.binary_cross_entropy_with_logits(self.critic(images)[:, 1:], attributes)

    def _weighted(self, terms: dict[str, Tensor]) -> Tensor:
        return torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()


def _decoded(generator: nn.Module, features: tuple[Tensor, ...], attributes: Attributes) -> Images:
    return cast("AttributeNetwork", generator).decode(features, attributes - 0.5)


def _agreeing(read: Attributes, asked: Attributes) -> Tensor:
    """Give for each attribute the share of images (A,) that are read on the side of 0.5 that is asked."""
    return same_side(read, asked).to(read.dtype).mean(0)
