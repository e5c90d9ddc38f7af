"""xGEMs: an image that the generator draws, near the input, that the classifier gives the foil."""

import torch
from torch.nn import functional

from xaicf.core import Explanation, Images, InputError, Labels, Latents, PerImage, Subject
from xaicf.explainers.descent import descend
from xaicf.explainers.inversion import Inversion
from xaicf.explainers.latent import LatentExplainer, decode, latent_images, logits
from xaicf.explainers.precision import Precision

UNLIKE = 1e6
"""Added to the rank of a point that the classifier does not give the foil."""


class XGEM(LatentExplainer):
    """Why fact, and not foil? Because the generator would draw the foil like this.

    From z0, the encoder's mean or what :class:`Inversion` finds, Adam lowers

        CE(D(G(z)), foil) + λ |x - G(z)|²

    and the counterfactual is the G(z) of the lowest value among those that the classifier gives the foil; an image is
    unsolved where there is none. The attribution is x - G(z): unlike CDeepEx's it holds what the generator cannot draw
    of x, whose root mean square is ``reconstruction_error``. The form with constraints, |z - z0|² at a tie, is
    ``CDeepEx(constrain_others=False)``.

    Scalars: ``objective``, the value reached; ``latent_distance`` (squared), ``latent_l1``, ``gradient_evaluations``,
    ``reconstruction_error`` and ``reconstruction_is_fact`` as those of :class:`~xaicf.explainers.CDeepEx`.

    Reference: Joshi et al. 2018, "xGEMs: Generating examplars to explain black-box models", equation 3, which gives
    neither λ nor the descent.

    Args:
        weight: λ, in nats per squared pixel value.
        steps: of Adam.
        step_size: of Adam, at the beginning.
        precision: of the networks, see :class:`~xaicf.explainers.CDeepEx`.
        inversion: how z0 is found for a generator without an encoder.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        weight: float = 0.1,
        steps: int = 100,
        step_size: float = 0.1,
        precision: Precision = "double",
        inversion: Inversion | None = None,
    ) -> None:
        if not (0 <= weight < torch.inf and steps >= 1 and 0 < step_size < torch.inf):
            raise InputError(
                f"weight must be >= 0, steps at least 1 and step_size > 0, got {weight}, {steps} and {step_size}"
            )
        super().__init__(precision, inversion)
        self.weight = weight
        self.steps = steps
        self.step_size = step_size

    @property
    def name(self) -> str:
        """Name the form that penalises instead of constraining."""
        return "xgem-penalised"

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        with latent_images(subject, inputs, fact, False, self.precision, self.inversion) as images:

            def cost(latents: Latents) -> tuple[PerImage, PerImage]:
                made = decode(subject, latents, images.wide)
                scores = logits(subject, made, images.wide)
                apart = (made - inputs).square().flatten(1).sum(1)
                value = functional.cross_entropy(scores, foil, reduction="none") + self.weight * apart
                return value, torch.where(scores.argmax(1) == foil, value, value + UNLIKE)

            found = descend(cost, images.start, self.steps, self.step_size)
            with torch.no_grad():
                objective, _ = cost(found.latents)
                counterfactual = decode(subject, found.latents, images.wide)
            evaluations = torch.full_like(found.rank, found.evaluations)
            searched = images.scalars(found.latents, evaluations, fact)
        with torch.no_grad():
            solved = subject.classifier(counterfactual).argmax(1) == foil
        return images.explanation(fact, foil, solved, counterfactual, {"objective": objective, **searched})
