"""Criticisms: the smallest edit of an image, among those that a generator can draw, that makes it the foil."""

from typing import Literal, get_args

import torch

from xaicf.core import Explanation, Images, InputError, Labels, PerImage, Subject
from xaicf.explainers.bisection import Descent, Edited, Point, smallest_change
from xaicf.explainers.inversion import Inversion
from xaicf.explainers.latent import LatentExplainer, LatentImages, Precision, decode, latent_images, logits

Norm = Literal["l1", "l2"]


class Criticism(LatentExplainer):
    """Why fact, and not foil? Because this little would have to be otherwise.

    From z0, the encoder's mean or what :class:`Inversion` finds, Adam lowers (equation 2)

        λ · CE(D(G(z)), foil) + ‖x - G(z)‖₁

    inside a bisection over λ, and the counterfactual is the G(z) nearest to x that was met and that the classifier
    gives the foil; an image is unsolved where none was. The attribution is x - G(z): it holds what the generator cannot
    draw of x, whose root mean square is ``reconstruction_error``.

    Scalars: ``distance``, the norm that is minimised; ``class_weight``, λ of the descent that met the
    counterfactual; ``latent_distance`` (squared), ``latent_l1``, ``gradient_evaluations``, ``reconstruction_error`` and
    ``reconstruction_is_fact`` as those of :class:`~xaicf.explainers.CDeepEx`. With ``frames`` the trace holds
    ``images`` (B, frames, C, H, W) and ``probabilities`` (B, frames, classes) of a descent from z0 at that λ, the
    counterfactual last.

    Reference: Liu et al. 2019, "Generative counterfactual introspection for explainable deep learning", equation 2; the
    paper gives neither the descent nor the range of λ.

    Args:
        norm: of the change, over all pixels: ``l1`` its sum, ``l2`` its Euclidean length.
        weights: the lowest λ and the highest, in pixel values of the norm per nat.
        bisections: of λ, after a first descent at the highest.
        steps: of Adam, for each λ.
        step_size: of Adam, at the beginning.
        frames: of the path that are kept; 0 for none.
        precision: of the networks, see :class:`~xaicf.explainers.CDeepEx`.
        inversion: how z0 is found for a generator without an encoder.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        norm: Norm = "l1",
        weights: tuple[float, float] = (0.1, 100.0),
        bisections: int = 8,
        steps: int = 80,
        step_size: float = 0.2,
        frames: int = 0,
        precision: Precision = "double",
        inversion: Inversion | None = None,
    ) -> None:
        super().__init__(precision, inversion)
        check_norm(norm, frames)
        check_search(weights, bisections, steps, step_size)
        self.norm: Norm = norm
        self.weights = weights
        self.bisections = bisections
        self.descent = Descent(steps, step_size)
        self.frames = frames

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        with latent_images(subject, inputs, fact, False, self.precision, self.inversion) as images:
            edit = edit_of_latents(images, self.norm)
            low, high = self.weights
            found = smallest_change(edit, images.start, foil, self.descent, low, high, self.bisections, self.frames)
            with torch.no_grad():
                counterfactual = edit.draw(found.point, torch.arange(len(inputs), device=inputs.device))
            searched = images.scalars(found.point, found.evaluations, fact)
        with torch.no_grad():
            solved = subject.classifier(counterfactual).argmax(1) == foil
        scalars = {"distance": distance(self.norm, inputs, counterfactual), "class_weight": found.weight, **searched}
        return images.explanation(fact, foil, solved, counterfactual, scalars, found.trace)


def edit_of_latents(images: LatentImages, norm: Norm) -> Edited:
    """Say what an edit of latents draws, and how far it is from the inputs."""

    def draw(latents: Point, rows: Labels) -> Images:
        return decode(images.subject, latents, images.wide)

    return Edited(
        draw,
        lambda pictures: logits(images.subject, pictures, images.wide),
        lambda pictures, rows: distance(norm, images.inputs[rows], pictures),
    )


def distance(norm: Norm, images: Images, others: Images) -> PerImage:
    """Give how far images (B, C, H, W) are apart (B,): the sum of absolute differences, or their Euclidean length."""
    apart: PerImage = torch.linalg.vector_norm((images - others).flatten(1), 1 if norm == "l1" else 2, dim=1)
    return apart


def check_norm(norm: str, frames: int) -> None:
    """Raise :class:`InputError` where the norm is unknown, or a path would have one frame."""
    if norm not in get_args(Norm):
        raise InputError(f"norm must be l1 or l2, got {norm}")
    if frames < 0 or frames == 1:
        raise InputError(f"frames must be 0, or at least 2, got {frames}")


def check_search(weights: tuple[float, float], bisections: int, steps: int, step_size: float) -> None:
    """Raise :class:`InputError` where an option of a search is out of its range."""
    if not (len(weights) == 2 and 0 < weights[0] < weights[1] < torch.inf):
        raise InputError(f"weights must be two numbers above 0, the lower first, got {list(weights)}")
    if bisections < 0 or steps < 1 or not 0 < step_size < torch.inf:
        raise InputError(
            f"bisections must be >= 0, steps at least 1 and step_size > 0, got {bisections}, {steps} and {step_size}"
        )
