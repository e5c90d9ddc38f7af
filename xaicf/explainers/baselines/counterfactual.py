"""Any counterfactual as a baseline."""

from torch import Tensor

from xaicf.core import Images, InputError, Labels, Status, Subject
from xaicf.explainers.base import Explainer
from xaicf.explainers.baselines.base import Baseline


class Counterfactual(Baseline):
    """The counterfactual of an explainer, such as CDeepEx's point where the two classes tie.

    Where a search has found none, the best try is taken, or the image itself where none was possible, and the
    explanation has the status of the search.

    Args:
        explainer: that gives counterfactuals.
    """

    def __init__(self, explainer: Explainer) -> None:
        self.explainer = explainer
        self.needs = explainer.needs

    @property
    def name(self) -> str:
        """Name the explainer."""
        return self.explainer.name

    def check(self, subject: Subject) -> None:
        """Raise :class:`InputError` where ``subject`` lacks what the explainer needs."""
        self.explainer.check(subject)

    def __call__(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Images:
        """Give (B, C, H, W).

        Raises:
            InputError: the explainer gives no counterfactual.
        """
        return self.solve(subject, inputs, fact, foil)[0]

    def solve(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> tuple[Images, Tensor]:
        """Give (B, C, H, W) and what became of each search (B,).

        Raises:
            InputError: the explainer gives no counterfactual.
        """
        found = self.explainer.explain(subject, inputs, fact, foil)
        if found.counterfactual is None:
            raise InputError(f"baseline needs an explainer that gives counterfactuals, {self.explainer.name} does not")
        tried = found.status != Status.NOT_APPLICABLE
        return found.counterfactual.where(tried[:, None, None, None], inputs), found.status
