"""A translator's image of the foil as the counterfactual."""

import torch

from xaicf.core import Explanation, Images, Labels, Status, Subject
from xaicf.explainers.base import Explainer
from xaicf.explainers.baselines import Ganmex


class Translation(Explainer):
    """Why fact, and not foil? Because redrawn as the foil it would look like this.

    The counterfactual is G(x, foil), the attribution x - G(x, foil). It is solved where the classifier gives it
    the foil. For maps of the classifier that compare with it see :class:`~xaicf.explainers.baselines.Ganmex`.

    Reference: Shih et al. 2021, "GANMEX: one-vs-one attributions using GAN-based model explainability", section 3.

    Args:
        source: which translators are taken; :class:`~xaicf.explainers.baselines.Ganmex` with its limits if left out.
    """

    needs = ("translator",)

    def __init__(self, source: Ganmex | None = None) -> None:
        self.source = Ganmex() if source is None else source

    def check(self, subject: Subject) -> None:
        """Raise :class:`InputError` where there is no translator, or one that is refused."""
        super().check(subject)
        self.source.check(subject)

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        made = self.source(subject, inputs, fact, foil)
        with torch.no_grad():
            solved = subject.classifier(made).argmax(1) == foil
        status = torch.where(solved, Status.SOLVED, Status.UNSOLVED)
        return Explanation(inputs, fact, foil, status, inputs - made, made)
