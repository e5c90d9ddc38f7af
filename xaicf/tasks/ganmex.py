"""Train a translator of classes: a StarGAN that has the frozen classifier as its class discriminator."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, get_args

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional

from xaicf.core import (
    FITNESS,
    Batch,
    CheckpointError,
    ClassifierError,
    Images,
    ImageShape,
    InputError,
    Labels,
    PerImage,
    Translator,
    load_frozen,
    network_sha256,
    other_classes,
    recipe,
)
from xaicf.core.logits import PROBABILITIES, are_probabilities, checked_logits
from xaicf.core.recipe import Recipe
from xaicf.losses import Game, critic_loss, generator_loss, gradient_penalty
from xaicf.nn import DCGANCritic, StarGANGenerator
from xaicf.nn.average import frozen_copy
from xaicf.tasks.adversarial import AdversarialTask
from xaicf.tasks.base import make_network

ClassDiscriminator = Literal["classifier", "own"]

CRITIC = partial(DCGANCritic, norm="none")
"""Scores each image for itself, as a gradient penalty needs."""

DIGEST = "classifier_digest"
"""Where the weights of a checkpoint hold the SHA-256 of the classifier that they were trained against."""


class Ganmex(AdversarialTask, Translator):
    """A generator G(x, c) that redraws an image as the nearest realistic member of another class.

    With x̃ = G(x, c), the frozen classifier S and the class c' of x the generator lowers

    λ_src · adv(x̃) - λ_cls · log S_c(x̃) + λ_rec · ‖x - G(x̃, c')‖₁ + λ_sim · ‖x - x̃‖₁,

    each term a mean over images and pixels, c drawn evenly from the other classes. The critic tells x̃ from images; it
    has no classification term, since the classifier is not trained. With ``class_discriminator`` ``own`` it is a
    plain StarGAN: the critic has an output for each class more, learns them from the labels, and stands for S.

    The authors' weights are for sums in some terms, not means, and mean nothing here.

    The classifier is no part of the module: neither DDP nor a checkpoint sees it, but its SHA-256 is written down, and
    a training goes on against no other.

    Logged in training are ``critic_loss``, ``penalty``, ``generator_loss`` and its terms before they are weighted,
    ``adversarial``, ``classification``, ``reconstruction`` and ``similarity``; in validation all terms but
    ``adversarial``, which does not compare between epochs, and ``loss``, their weighted sum, each image asked for one
    class by its id. :class:`~xaicf.callbacks.LogTranslations` measures what is made.

    Reference: Shih et al. 2021, "GANMEX: one-vs-one attributions using GAN-based model explainability", equation 9;
    Choi et al. 2018, "StarGAN".

    Args:
        image_shape: channels, height, width.
        num_classes: of the classifier.
        class_names: one for each class; their numbers if left out.
        classifier: images in [0, 1] to logits, a module or the path of a checkpoint; it is copied. May be left out
            where nothing is trained, and with a class discriminator of its own, where it does not take part.
        class_discriminator: who judges the class.
        game: of critic and generator; ``log`` is the paper's, ``wasserstein`` its code's, with a gradient penalty.
        adversarial_weight: λ_src.
        class_weight: λ_cls.
        reconstruction_weight: λ_rec.
        similarity_weight: λ_sim.
        penalty_weight: of the gradient penalty.
        n_critic: batches for each step of the generator.
        ema_decay: of a moving average of the generator, see :class:`AdversarialTask`.
        generator: makes a network from the image shape and the number of classes to images of given classes.
        critic: makes a network from the image shape and the number of scores; without batch norm.
        generator_optimizer: makes the generator's optimiser.
        critic_optimizer: makes the critic's.

    Raises:
        InputError: a number is out of its range, an option unknown, or a network cannot be made.
        ClassifierError: the classifier does not take the images, has other classes, or gives probabilities.
        CheckpointError: there is no checkpoint at the classifier's path.
    """

    classifier_digest: Tensor
    measured: Tensor

    def __init__(
        self,
        image_shape: ImageShape,
        num_classes: int,
        class_names: Sequence[str] = (),
        classifier: nn.Module | str | None = None,
        class_discriminator: ClassDiscriminator = "classifier",
        game: Game = "wasserstein",
        adversarial_weight: float = 1.0,
        class_weight: float = 1.0,
        reconstruction_weight: float = 0.0,
        similarity_weight: float = 10.0,
        penalty_weight: float = 10.0,
        n_critic: int = 2,
        ema_decay: float | None = 0.999,
        generator: Callable[[ImageShape, int], nn.Module] = StarGANGenerator,
        critic: Callable[[ImageShape, int], nn.Module] = CRITIC,
        generator_optimizer: OptimizerCallable = lambda weights: torch.optim.Adam(weights, lr=3e-4, betas=(0.5, 0.9)),
        critic_optimizer: OptimizerCallable = lambda weights: torch.optim.Adam(weights, lr=3e-4, betas=(0.5, 0.9)),
    ) -> None:
        super().__init__(generator_optimizer, critic_optimizer, n_critic, ema_decay)
        weights = {
            "adversarial": adversarial_weight,
            "classification": class_weight,
            "reconstruction": reconstruction_weight,
            "similarity": similarity_weight,
        }
        if num_classes < 2:
            raise InputError(f"num_classes must be at least 2, got {num_classes}")
        if not all(weight >= 0 for weight in (*weights.values(), penalty_weight)):
            raise InputError(f"weights must be at least 0, got {weights} and penalty_weight {penalty_weight}")
        if class_names and len(class_names) != num_classes:
            raise InputError(f"class_names must be one for each of {num_classes} classes, got {len(class_names)}")
        if class_discriminator not in get_args(ClassDiscriminator) or game not in get_args(Game):
            raise InputError(
                f"class_discriminator must be classifier or own and game wasserstein or log, "
                f"got {class_discriminator} and {game}"
            )
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.class_names = tuple(class_names) or tuple(map(str, range(num_classes)))
        self.class_discriminator: ClassDiscriminator = class_discriminator
        self.game: Game = game
        self.weights = weights
        self.penalty_weight = penalty_weight
        self.recipes = {"generator": recipe(generator), "critic": recipe(critic)}
        scores = 1 + num_classes * (class_discriminator == "own")
        self.play(make_network(generator, image_shape, num_classes), make_network(critic, image_shape, scores))
        if any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in self.critic.modules()):
            raise InputError("critic must score each image for itself, without batch norm, such as DCGANCritic")
        self.register_buffer(DIGEST, torch.zeros(32, dtype=torch.uint8))
        self.register_buffer("measured", torch.full((len(FITNESS),), torch.nan))
        # A tuple, so that it becomes no part of the module.
        self.judges: tuple[nn.Module, ...] = () if classifier is None else (self._judge(classifier),)
        if self.judges and class_discriminator == "classifier":
            self.classifier_digest.copy_(_bytes(network_sha256(self.judges[0])))

    def _judge(self, classifier: nn.Module | str) -> nn.Module:
        judge = frozen_copy(load_frozen(Path(classifier)) if isinstance(classifier, str) else classifier)
        weight = next(judge.parameters(), torch.empty(0))
        logits = checked_logits(judge, torch.zeros(2, *self.image_shape, device=weight.device))
        if logits.shape[1] != self.num_classes:
            raise ClassifierError(f"classifier has {logits.shape[1]} classes, the data has {self.num_classes}")
        if are_probabilities(logits):
            raise ClassifierError(PROBABILITIES)
        return judge

    def recipe(self) -> Recipe:
        """Write down both networks, the image shape, the classes and the game; not the classifier."""
        return recipe(
            Ganmex,
            image_shape=list(self.image_shape),
            num_classes=self.num_classes,
            class_names=list(self.class_names),
            class_discriminator=self.class_discriminator,
            game=self.game,
            adversarial_weight=self.weights["adversarial"],
            class_weight=self.weights["classification"],
            reconstruction_weight=self.weights["reconstruction"],
            similarity_weight=self.weights["similarity"],
            penalty_weight=self.penalty_weight,
            n_critic=self.n_critic,
            ema_decay=self.ema_decay,
            **self.recipes,
        )

    @property
    def classifier_sha256(self) -> str | None:
        """The SHA-256 of the weights of the classifier that it is, or was, trained against; None for none."""
        found = bytes(self.classifier_digest.tolist())
        return found.hex() if any(found) else None

    @property
    def trained_against(self) -> nn.Module | None:
        """The frozen classifier that it is trained against, or only measured by; None for none."""
        return self.judges[0] if self.judges else None

    @property
    def fitness(self) -> dict[str, float]:
        """The five numbers as last measured in a validation, NaN before any."""
        return dict(zip(FITNESS, self.measured.tolist(), strict=True))

    def record_fitness(self, numbers: Mapping[str, float]) -> None:
        """Write the five numbers down, for the checkpoint too."""
        self.measured.copy_(torch.tensor([numbers[name] for name in FITNESS]))

    def translate(self, images: Images, classes: Labels) -> Images:
        """Redraw images (B, C, H, W) in [0, 1] as members of classes (B,), by the moving average where there is one."""
        made: Images = self.shown(images, classes)
        return made

    def forward(self, images: Images, classes: Labels | None = None) -> Images:
        """Redraw images as members of classes; of the next class, in turn, if left out."""
        if classes is None:
            classes = torch.arange(len(images), device=images.device) % self.num_classes
        return self.translate(images, classes)

    def setup(self, stage: str) -> None:
        """Check that there is a classifier to train against.

        Raises:
            InputError: there is none.
        """
        if not self.judges and self.class_discriminator == "classifier" and stage != "predict":
            raise InputError("Ganmex needs a classifier, such as --model.classifier CHECKPOINT")

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Take the classifier along wherever the module goes, to a device or a precision."""
        for judge in self.judges:
            judge._apply(fn, recurse)  # type: ignore[no-untyped-call]  # noqa: SLF001  (as torch, which leaves it untyped, does with submodules)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return self

    def class_logits(self, images: Images) -> Tensor:
        """Give the logits (B, classes) of who judges the class: the classifier, or the critic's further outputs."""
        judge = self.judges[0] if self.class_discriminator == "classifier" else self.critic
        logits: Tensor = judge(images)
        return logits if self.class_discriminator == "classifier" else logits[:, 1:]

    def scores(self, images: Images) -> PerImage:
        """Give the critic's scores (B,) of images (B, C, H, W) in [0, 1]."""
        scores: PerImage = self.critic(images)[:, 0]
        return scores

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the terms that compare between epochs, with the generator that is looked at."""
        classes = other_classes(batch["label"], batch["index"], self.num_classes)
        terms = self.terms(batch, classes, self.shown)[1]
        return {"loss": self._weighted(terms), **terms}

    def terms(self, batch: Batch, classes: Labels, generator: nn.Module) -> tuple[Images, dict[str, Tensor]]:
        """Redraw a batch, and compute every term of the generator's loss but the adversarial one, not yet weighted."""
        images = batch["image"]
        made = generator(images, classes)
        terms = {
            "classification": functional.cross_entropy(self.class_logits(made), classes),
            "similarity": (images - made).abs().mean(),
        }
        if self.weights["reconstruction"]:
            terms["reconstruction"] = (images - generator(made, batch["label"])).abs().mean()
        return made, terms

    def generator_step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the generator's loss and its terms."""
        made, terms = self.terms(batch, self._drawn(batch["label"]), self.generator)
        terms["adversarial"] = generator_loss(self.game, self.scores(made))
        return {"generator_loss": self._weighted(terms), **terms}

    def critic_step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the critic's loss, its penalty and, where it judges classes too, how it does on images."""
        images = batch["image"]
        with torch.no_grad():
            made = self.generator(images, self._drawn(batch["label"]))
        both = self.critic(torch.cat([images, made]))
        real_scores, made_scores = both[:, 0].chunk(2)
        values = {"critic_loss": critic_loss(self.game, real_scores, made_scores)}
        if self.penalty_weight:
            mix = torch.rand(len(images), device=images.device)
            values["penalty"] = gradient_penalty(self.scores, images, made, mix).mean()
            values["critic_loss"] = values["critic_loss"] + self.penalty_weight * values["penalty"]
        if self.class_discriminator == "own":
            known = functional.cross_entropy(both[: len(images), 1:], batch["label"])
            values["critic_classification"] = known
            values["critic_loss"] = values["critic_loss"] + self.weights["classification"] * known
        return values

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint that was trained against another classifier.

        Raises:
            CheckpointError: it was, or it is of another network.
        """
        super().on_load_checkpoint(checkpoint)
        before = checkpoint["state_dict"].get(DIGEST)
        own = self.classifier_digest.cpu()
        if own.any() and before is not None and not torch.equal(before.cpu(), own):
            raise CheckpointError(
                f"checkpoint was trained against the classifier {bytes(before.tolist()).hex()[:12]}, "
                f"this one is {str(self.classifier_sha256)[:12]}"
            )

    def _drawn(self, labels: Labels) -> Labels:
        steps = torch.randint(self.num_classes - 1, labels.shape, device=labels.device)
        return other_classes(labels, steps, self.num_classes)

    def _weighted(self, terms: dict[str, Tensor]) -> Tensor:
        return torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()


def _bytes(digest: str) -> Tensor:
    return torch.tensor(list(bytes.fromhex(digest)), dtype=torch.uint8)
