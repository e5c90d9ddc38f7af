"""What a network can do for an explanation: decode a latent, encode an image, translate to a class, edit."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from xaicf.core.types import Attributes, Images, ImageShape, Labels, Latents


class Generator(ABC):
    """A network that maps latents to images.

    Attributes:
        latent_dim: length of a latent.
    """

    latent_dim: int

    @abstractmethod
    def decode(self, latents: Latents) -> Images:
        """Map latents (B, latent_dim) to images (B, C, H, W) in [0, 1]."""

    def prior(self, n: int, generator: torch.Generator | None = None) -> Latents:
        """Draw latents (n, latent_dim) on the CPU, from the standard normal unless a subclass knows better."""
        return torch.randn(n, self.latent_dim, generator=generator)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Images:
        """Decode ``n`` latents drawn from the prior.

        Args:
            n: number of images.
            generator: source of random numbers on the CPU; the global one if left out.

        Returns:
            Images (n, C, H, W), on the device and in the precision of the network.
        """
        assert isinstance(self, nn.Module)
        return self.decode(self.prior(n, generator).to(next(self.parameters())))


class Encoder(ABC):
    """A network that maps images to latents."""

    @abstractmethod
    def encode(self, images: Images) -> Latents:
        """Map images (B, C, H, W) in [0, 1] to latents (B, latent_dim): the mean, where there is one."""


FITNESS = ("validity", "second_validity", "input_dependence", "relative_distance", "relative_frechet")
"""The five numbers that say whether a translator's images may stand in for members of a class."""


class Translator(ABC):
    """A network that redraws an image as a member of another class.

    Attributes:
        fitness: the numbers :data:`FITNESS` by name, as last measured, NaN where they were not; None where nothing is
            known.
        classifier_sha256: of the classifier that it was trained against, see
            :func:`~xaicf.core.checkpoint.network_sha256`; None where there was none.
        trained_against: that classifier itself, where it is at hand.
    """

    @property
    def fitness(self) -> dict[str, float] | None:
        """Nothing is known, unless a subclass knows better."""
        return None

    @property
    def classifier_sha256(self) -> str | None:
        """There was none, unless a subclass knows better."""
        return None

    @property
    def trained_against(self) -> nn.Module | None:
        """None is at hand, unless a subclass has it."""
        return None

    def record_fitness(self, numbers: Mapping[str, float]) -> None:  # noqa: B027  (nothing to do for most)
        """Take note of :data:`FITNESS` as just measured; a subclass that is trained keeps them."""

    @abstractmethod
    def translate(self, images: Images, classes: Labels) -> Images:
        """Map images (B, C, H, W) in [0, 1] and target classes (B,) to images of the same shape."""


class Editor(ABC):
    """A network that redraws an image with other attributes.

    Attributes:
        attribute_names: one for each attribute.
        image_shape: channels, height, width.
    """

    attribute_names: tuple[str, ...]
    image_shape: ImageShape

    @abstractmethod
    def features(self, images: Images) -> tuple[Tensor, ...]:
        """Give what stays of images (B, C, H, W) in [0, 1] whatever their attributes, tensors of B rows each."""

    @abstractmethod
    def draw(self, features: tuple[Tensor, ...], attributes: Attributes) -> Images:
        """Draw images (B, C, H, W) in [0, 1] of features and attributes (B, A) in [0, 1], differentiable in both."""

    @abstractmethod
    def read(self, images: Images) -> Attributes:
        """Give the attributes (B, A) in [0, 1] that the network itself sees in images (B, C, H, W) in [0, 1]."""

    def edit(self, images: Images, attributes: Attributes) -> Images:
        """Redraw images (B, C, H, W) in [0, 1] with attributes (B, A) in [0, 1]."""
        return self.draw(self.features(images), attributes)
