"""Maps that say "why fact", bent into "why fact, and not foil"."""

import torch

from xaicf.core import Explanation, Images, InputError, Labels, PerImage, Status, Subject
from xaicf.explainers.base import Explainer
from xaicf.explainers.contrast import log_odds

WEIGHTS = [0.005 * step for step in range(1, 401)]
"""Of the foil's map: 0.005, 0.010, ..., 2."""


class Bent(Explainer):
    """Two maps of another explainer, one why fact and one why foil, weighed against each other.

    For each weight w in 0.005, 0.010, ..., 2 the map M_w = E_fact - w · E_foil is imposed on the image, and kept if
    that lowers the probability of the fact and raises that of the foil; the attribution is the mean of the maps kept.
    An image is unsolved where none is, and then given E_fact - E_foil.

    The paper does not say how a map is imposed. Here M_w, scaled to a largest absolute value of 1, is taken off the
    image ``strength`` times, since what is positive speaks for the fact, and the image clamped to [0, 1]. A map with
    one channel changes all channels of the image alike.

    Scalars: ``kept``, the share of the weights.

    Reference: CDeepEx, §4.1, of LIME, GradCAM and LRP.

    Args:
        explainer: that explains its fact, such as ``Attribution("lime", "logit")``.
        strength: largest change of a pixel's value, in (0, 1].

    Raises:
        InputError: ``strength`` is out of its range.
    """

    def __init__(self, explainer: Explainer, strength: float = 1.0) -> None:
        if not 0 < strength <= 1:
            raise InputError(f"strength must be in (0, 1], got {strength}")
        self.needs = explainer.needs
        self.explainer = explainer
        self.strength = strength

    @property
    def name(self) -> str:
        """Name the explainer that is bent, and a strength other than 1."""
        strength = "" if self.strength == 1 else f"-{self.strength:g}"
        return f"bent-{self.explainer.name}{strength}"

    def preflight(self, subject: Subject, inputs: Images) -> None:
        """Raise :class:`ClassifierError` where the explainer cannot go through the classifier."""
        super().preflight(subject, inputs)
        self.explainer.preflight(subject, inputs)

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        why_fact, why_foil = (self._map(subject, inputs, asked, other) for asked, other in ((fact, foil), (foil, fact)))
        total, kept = torch.zeros_like(why_fact), inputs.new_zeros(len(inputs))
        with torch.no_grad():
            before = _pair(subject, inputs, fact, foil)
            for weight in WEIGHTS:
                bent = why_fact - weight * why_foil
                after = _pair(subject, self.imposed(inputs, bent), fact, foil)
                keep = (after[0] < before[0]) & (after[1] > before[1])
                total += bent * keep[:, None, None, None]
                kept += keep
        some = kept > 0
        mean = total / kept.clamp(min=1)[:, None, None, None]
        return Explanation(
            inputs,
            fact,
            foil,
            status=torch.where(some, Status.SOLVED, Status.UNSOLVED),
            attribution=mean.where(some[:, None, None, None], why_fact - why_foil),
            scalars={"kept": kept / len(WEIGHTS)},
        )

    def imposed(self, inputs: Images, maps: Images) -> Images:
        """Give images (B, C, H, W) with maps (B, C or 1, H, W) taken off."""
        largest = maps.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
        return (inputs - self.strength * maps / largest).clamp(0, 1)

    def _map(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Images:
        found = self.explainer.explain(subject, inputs, fact, foil).attribution
        if found is None:
            raise InputError(f"explainer must give an attribution, {self.explainer.name} gives none")
        return found


def _pair(subject: Subject, images: Images, fact: Labels, foil: Labels) -> tuple[PerImage, PerImage]:
    """Give the log-odds of fact and foil, each (B,): they rise with the probability, and tell apart what is near 1."""
    logits = subject.classifier(images)
    return log_odds(logits, fact, foil), log_odds(logits, foil, fact)
