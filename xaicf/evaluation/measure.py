"""What a measure is: a number for each image, and which way is better."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torchmetrics import Metric

from xaicf.core import Explanation, Flags, PerImage, Status, Subject

Function = Callable[..., PerImage]
"""Maps a subject and an explanation of B images, and masks (B, H, W) where it needs them, to B numbers; NaN where
the measure does not apply."""


@dataclass(frozen=True)
class About:
    """What a table says of a measure.

    Attributes:
        group: ``counterfactual``, ``attribution`` or ``scalars``, which the explainer itself reports.
        better: ``higher``, ``lower``, or None where neither way is.
        meaning: in a sentence.
    """

    group: str
    better: str | None
    meaning: str


@dataclass(frozen=True)
class Measure:
    """A measure of explanations.

    Attributes:
        name: in tables.
        function: pure; the networks are left as found.
        higher_is_better: None where neither way is.
        of: the tensor that an explanation must have for it, by its name in :meth:`Explanation.tensors`.
        over: ``all`` images that were asked about, or the ``solved`` ones.
        needs_mask: it is measured against the area that is known to matter.
        source: who defined it.
    """

    name: str
    function: Function
    higher_is_better: bool | None
    of: str
    over: Literal["all", "solved"] = "solved"
    needs_mask: bool = False
    source: str = ""

    def applies(self, explanation: Explanation, mask: Flags | None = None) -> bool:
        """Tell whether there is what is measured."""
        return self.of in explanation.tensors() and not (self.needs_mask and mask is None)

    @torch.no_grad()
    def __call__(self, subject: Subject, explanation: Explanation, mask: Flags | None = None) -> PerImage:
        """Measure each image (B,) in float64; NaN where it does not count.

        Args:
            subject: the classifier and its helpers.
            explanation: of B images, to which the measure applies.
            mask: the area that is known to matter (B, H, W).
        """
        counts = explanation.status == Status.SOLVED
        if self.over == "all":
            counts = explanation.status != Status.NOT_APPLICABLE
        values = torch.full(explanation.status.shape, torch.nan, dtype=torch.float64, device=explanation.status.device)
        rows = counts.nonzero().flatten()
        if len(rows):
            beside = () if mask is None or not self.needs_mask else (mask[rows],)
            values[rows] = self.function(subject, explanation[rows], *beside).double()
        return values

    @property
    def about(self) -> About:
        """Say what it tells of, for a table, by the first line of its function's docstring."""
        function = self.function.func if isinstance(self.function, functools.partial) else self.function
        meaning = (function.__doc__ or "").strip().partition("\n")[0].replace("``", "").removeprefix("Give ")
        return About(self.of.partition("/")[0], self.better, meaning)

    @property
    def better(self) -> str | None:
        """Say which way is better."""
        return None if self.higher_is_better is None else "higher" if self.higher_is_better else "lower"

    def metric(self) -> "MeanMeasure":
        """Make a torchmetrics metric of it."""
        return MeanMeasure(self)


def reported(name: str, meaning: str, over: Literal["all", "solved"] = "solved") -> Measure:
    """Make a measure of a scalar that explainers themselves report, of which less is better."""

    def function(subject: Subject, explanation: Explanation) -> PerImage:
        return explanation.scalars[name]

    function.__doc__ = meaning
    return Measure(name, function, False, f"scalars/{name}", over)


class MeanMeasure(Metric):
    """The mean of a measure over images, summed over batches and processes.

    Args:
        measure: any.
    """

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self, measure: Measure) -> None:
        super().__init__()
        self.measure = measure
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @property
    def higher_is_better(self) -> bool | None:  # type: ignore[override]  # a constant of the class there, which refuses to be set
        """Tell which way is better."""
        return self.measure.higher_is_better

    def update(self, subject: Subject, explanation: Explanation, mask: Flags | None = None) -> None:
        """Add the images of an explanation."""
        values = self.measure(subject, explanation, mask)
        values = values[~values.isnan()].to(self.total.device)
        self.total += values.sum()
        self.count += len(values)

    def compute(self) -> Tensor:
        """Give the mean; NaN over no image."""
        return self.total / self.count
