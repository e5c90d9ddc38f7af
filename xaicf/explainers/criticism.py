"""Criticisms: the smallest edit of an image, among those that a generator can draw, that makes it the foil."""

import torch

from xaicf.core import Explanation, Images, Labels, Subject
from xaicf.explainers.bisection import Norm, check_norm, check_search, length, smallest_change
from xaicf.explainers.inversion import Inversion
from xaicf.explainers.latent import LatentExplainer, latent_images
from xaicf.explainers.precision import Precision
from xaicf.explainers.way import check_frames, way

BETAS = (0.8, 0.9)
"""Of Adam. Shorter memories get nearer in as many steps, where there are many latents that hardly matter."""


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
    ``points`` (B, frames, d), ``images`` (B, frames, C, H, W) and ``probabilities`` (B, frames, classes) of the
    straight way from z0 to the counterfactual.

    Reference: Liu et al. 2019, "Generative counterfactual introspection for explainable deep learning", equation 2; the
    paper gives neither the descent nor the range of λ.

    Args:
        norm: of the change, over all pixels: ``l1`` its sum, ``l2`` its Euclidean length.
        weights: the lowest λ and the highest, in pixel values of the norm per nat.
        bisections: of λ, after a first descent at the highest; the first half of them begin at z0 again, the others at
            the nearest point so far.
        steps: of Adam, for each λ.
        step_size: of Adam, at the beginning.
        frames: of the way that are kept; 0 for none.
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
        step_size: float = 0.3,
        frames: int = 0,
        precision: Precision = "double",
        inversion: Inversion | None = None,
    ) -> None:
        super().__init__(precision, inversion)
        check_norm(norm)
        check_search(*weights, bisections, steps, step_size)
        check_frames(frames)
        self.norm: Norm = norm
        self.weights = weights
        self.bisections = bisections
        self.steps = steps
        self.step_size = step_size
        self.frames = frames

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        with latent_images(subject, inputs, fact, False, self.precision, self.inversion) as images:
            found = smallest_change(
                images.drawn,
                images.classified,
                lambda _, pictures, rows: length(inputs[rows] - pictures, self.norm),
                images.start,
                foil,
                low=self.weights[0],
                high=self.weights[1],
                bisections=self.bisections,
                steps=self.steps,
                step_size=self.step_size,
                anew=self.bisections // 2,
                betas=BETAS,
            )
            with torch.no_grad():
                counterfactual = images.drawn(found.point, torch.arange(len(inputs), device=inputs.device))
            trace = way(images.start, found.point, self.frames, images.drawn, images.classified)
            searched = images.scalars(found.point, found.evaluations, fact)
        with torch.no_grad():
            solved = subject.classifier(counterfactual).argmax(1) == foil
        scalars = {"distance": length(inputs - counterfactual, self.norm), "class_weight": found.weight, **searched}
        return images.explanation(fact, foil, solved, counterfactual, scalars, trace)
