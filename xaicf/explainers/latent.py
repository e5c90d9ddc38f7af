"""The images that a generator can make of an input: x(z) = G(z) + Δ, with Δ = x - G(z0)."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from xaicf.core import (
    ClassifierError,
    Encoder,
    Explanation,
    Flags,
    Generator,
    Images,
    InputError,
    Labels,
    Latents,
    Logits,
    PerImage,
    Status,
    Subject,
    is_out_of_memory,
)
from xaicf.explainers.base import Explainer
from xaicf.explainers.inversion import Inversion
from xaicf.explainers.precision import Precision, check_precision, widened


class LatentExplainer(Explainer):
    """An explainer that searches a generator's latent space.

    Args:
        precision: of the networks in the search. ``double`` makes the result independent of how images are
            batched; ``single`` is faster.
        inversion: how z0 is found for a generator without an encoder; :class:`Inversion` if left out.

    Raises:
        InputError: the precision is unknown.
    """

    needs = ("generator",)

    def __init__(self, precision: Precision, inversion: Inversion | None) -> None:
        check_precision(precision)
        self.precision: Precision = precision
        self.inversion = Inversion() if inversion is None else inversion


@dataclass(frozen=True)
class LatentImages:
    """A batch of inputs, each with its latent and what the generator cannot draw of it.

    What leaves a network is rounded to the inputs' precision: in double precision, what rounding inside it depends
    on, such as the size of the batch, is gone.

    Attributes:
        subject: whose generator draws.
        inputs: x (B, C, H, W).
        start: z0 (B, d): the encoder's mean, or where there is none what an inversion found.
        reconstruction: G(z0) (B, C, H, W).
        clamp: whether images are clamped to [0, 1].
        wide: the precision of the networks.
        evaluations: gradients that finding z0 took for each image.
    """

    subject: Subject
    inputs: Images
    start: Latents
    reconstruction: Images
    clamp: bool
    wide: torch.dtype
    evaluations: int = 0

    def image(self, latents: Latents, rows: Labels) -> Images:
        """Draw x(z) for latents (n, d) of some rows (n,)."""
        # x + (G(z) - G(z0)) is G(z) + Δ, and exactly x at z0.
        shown = self.inputs[rows] + (decode(self.subject, latents, self.wide) - self.reconstruction[rows])
        return shown.clamp(0, 1) if self.clamp else shown

    def logits(self, latents: Latents, rows: Labels) -> Logits:
        """Classify x(z)."""
        return logits(self.subject, self.image(latents, rows), self.wide)

    def drawn(self, latents: Latents, rows: Labels) -> Images:
        """Draw G(z) for latents (n, d) of some rows (n,), without Δ."""
        return decode(self.subject, latents, self.wide)

    def classified(self, images: Images) -> Logits:
        """Classify images (n, C, H, W)."""
        return logits(self.subject, images, self.wide)

    def scalars(self, latents: Latents, evaluations: PerImage, fact: Labels) -> dict[str, PerImage]:
        """Say how far a search has gone, and how well the generator draws the inputs.

        Args:
            latents: where the search has ended (B, d).
            evaluations: gradients that it took (B,).
            fact: (B,).

        Returns:
            ``latent_distance`` from z0 (squared), ``latent_l1``, ``gradient_evaluations``, those that finding z0 took
            among them, ``reconstruction_error``, the root mean square of Δ, and ``reconstruction_is_fact``, 1 where the
            classifier gives G(z0) the class ``fact``, else 0.
        """
        with torch.no_grad():
            drawn = logits(self.subject, self.reconstruction, self.wide).argmax(1)
        apart = (self.inputs - self.reconstruction).flatten(1)
        moved = latents - self.start
        return {
            "latent_distance": moved.square().sum(1),
            "latent_l1": moved.abs().sum(1),
            "gradient_evaluations": evaluations + self.evaluations,
            "reconstruction_error": apart.square().mean(1).sqrt(),
            "reconstruction_is_fact": (drawn == fact).to(self.inputs.dtype),
        }

    def explanation(
        self,
        fact: Labels,
        foil: Labels,
        solved: Flags,
        counterfactual: Images,
        scalars: dict[str, PerImage],
        trace: dict[str, Tensor] | None = None,
    ) -> Explanation:
        """Explain the inputs by what separates them from their counterfactuals."""
        return Explanation(
            self.inputs,
            fact,
            foil,
            status=torch.where(solved, Status.SOLVED, Status.UNSOLVED),
            attribution=self.inputs - counterfactual,
            counterfactual=counterfactual,
            scalars=scalars,
            trace=trace,
        )


@contextlib.contextmanager
def latent_images(
    subject: Subject, inputs: Images, fact: Labels, clamp: bool, precision: Precision, inversion: Inversion
) -> Iterator[LatentImages]:
    """Find the latents of a batch; inside, the subject's networks compute in ``precision``.

    Args:
        subject: with a generator.
        inputs: x (B, C, H, W) in [0, 1].
        fact: the class of each (B,).
        clamp: see :class:`LatentImages`.
        precision: ``double`` or ``single``; ``double`` is for inputs in single precision, where the device has it.
        inversion: for a generator without an encoder.

    Raises:
        InputError: the generator draws or takes other images.
    """
    generator = subject.generator
    assert isinstance(generator, Generator)
    with widened(precision == "double", inputs, *subject.modules) as wide:
        evaluations = 0
        if isinstance(generator, Encoder):
            start = _encoded(generator, inputs, wide)
        else:
            with torch.no_grad():
                _check(inputs, decode(subject, inputs.new_zeros(1, generator.latent_dim), wide))
            prior = generator.prior(inversion.candidates, torch.Generator().manual_seed(0)).to(inputs)
            start, _, evaluations = inversion(
                lambda latents: decode(subject, latents, wide),
                lambda images: logits(subject, images, wide),
                prior,
                inputs,
                fact,
            )
        with torch.no_grad():
            reconstruction = decode(subject, start, wide)
        _check(inputs, reconstruction)
        yield LatentImages(subject, inputs, start, reconstruction, clamp, wide, evaluations)


def decode(subject: Subject, latents: Latents, wide: torch.dtype) -> Images:
    """Draw G(z) in a precision; rounded to that of the latents."""
    assert isinstance(subject.generator, Generator)
    return subject.generator.decode(latents.to(wide)).to(latents.dtype)


def logits(subject: Subject, images: Images, wide: torch.dtype) -> Logits:
    """Give D(x) in a precision; rounded to that of the images.

    Raises:
        ClassifierError: the classifier has weights that stay in single precision.
    """
    try:
        found: Logits = subject.classifier(images.to(wide)).to(images.dtype)
    except RuntimeError as error:
        if wide == images.dtype or not re.search("dtype|scalar type", str(error)):
            raise
        raise ClassifierError(
            "classifier has weights that are not registered and stay in single precision; "
            f"set precision single: {error}"
        ) from error
    return found


@torch.no_grad()
def _encoded(generator: Encoder, inputs: Images, wide: torch.dtype) -> Latents:
    try:
        return generator.encode(inputs.to(wide)).to(inputs.dtype)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise InputError(f"generator does not take images of {tuple(inputs.shape[1:])}: {error}") from error


def _check(inputs: Images, drawn: Images) -> None:
    if drawn.shape[1:] != inputs.shape[1:]:
        raise InputError(
            f"generator draws images of {tuple(drawn.shape[1:])}, the inputs are {tuple(inputs.shape[1:])}"
        )
