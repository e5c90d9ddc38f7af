"""Weighted contrast, §5.1 and Fig. 3: step along the sign of a contrast's gradient, and see what changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.core import Images, InputError, Labels, PerImage, Subject
from xaicf.explainers import Attribution
from xaicf.explainers.contrast import Contrast
from xaicf.studies.asking import explain_all, logits_of
from xaicf.studies.case import CASES, Case, Examined
from xaicf.studies.study import Better, Place, Row, Study

CONTRASTS: tuple[Contrast, ...] = ("logit", "mean", "max", "weighted")

WORDS = {"logit": "original", "mean": "mean", "max": "max", "weighted": "weighted"}

NUMBERS = ("Δy_t", "Δp_t", "Δaccuracy")


@dataclass(frozen=True)
class WCRecourse(Study):
    """Changes images by at most ε a pixel, in n steps along the sign of the gradient of a contrast of the true class.

    x ← clamp(x + (ε / n) · sign ∂S/∂x) into [max(x0 - ε, 0), min(x0 + ε, 1)].

    Args:
        cases: classifiers and their images.
        steps: n.
        epsilons: ε, of pixels in [0, 1].
        most: of each case, at most so many images are changed, evenly from its own.

    Raises:
        InputError: there is no case, number of steps or ε, or one is not above 0.
    """

    title: ClassVar[str] = "What a step along the sign of each contrast's gradient does to the true class"
    spread: ClassVar[str] = "bootstrap interval of 95 % over images, of differences paired"

    cases: Sequence[Case] = CASES
    steps: Sequence[int] = (1, 2, 10)
    epsilons: Sequence[float] = (0.001, 0.003)
    most: int = 510

    def __post_init__(self) -> None:
        if not self.cases or min(self.steps, default=0) < 1 or min(self.epsilons, default=0.0) <= 0:
            raise InputError(
                f"there must be a case, steps and epsilons above 0, got {len(self.cases)} cases, {list(self.steps)} "
                f"and {list(self.epsilons)}"
            )

    def quick(self) -> Self:
        """Give the same: a quick run looks at a few images of each case."""
        return self

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Step each case's images."""
        verdicts: list[Row] = []
        details: list[Row] = []
        found: dict[str, dict[tuple[float, int, Contrast], Tensor]] = {}
        for case in self.cases:
            examined = case.examined(place)
            right = examined.logits.argmax(1) == examined.labels
            verdicts.append(Row.share(f"{case.name}: accuracy before", right, better="higher"))
            which = torch.arange(len(right))[:: max(-(-len(right) // self.most), 1)]
            changes = {
                (epsilon, steps, contrast): changed(examined, which, contrast, epsilon, steps)
                for epsilon, steps, contrast in product(self.epsilons, self.steps, CONTRASTS)
            }
            found[case.name] = changes
            for epsilon, steps in product(self.epsilons, self.steps):
                where = f"{case.name}, ε {epsilon:g}, n {steps}"
                ours = {contrast: changes[epsilon, steps, contrast] for contrast in CONTRASTS}
                verdicts.append(Row(f"{where}: claims of 3 that hold", _claims(ours), goal=3, better="higher"))
                for number, column in zip(NUMBERS, range(3), strict=True):
                    for contrast in CONTRASTS:
                        name = f"{where}, {WORDS[contrast]}: {number}"
                        details.append(Row.mean(name, ours[contrast][:, column]))
                    for contrast in CONTRASTS[:-1]:
                        less = ours["weighted"][:, column] - ours[contrast][:, column]
                        better: Better = "lower" if number == "Δy_t" else "higher"
                        name = f"{where}: {number} of weighted less {WORDS[contrast]}"
                        details.append(Row.mean(name, less, better=better))
        return [*verdicts, *details], {"recourse": _picture(found, self.epsilons, self.steps)}


def step(subject: Subject, images: Images, labels: Labels, contrast: Contrast, epsilon: float, steps: int) -> Images:
    """Change images (N, C, H, W) as the study says, towards labels (N,)."""
    low, high = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=1)
    explainer = Attribution("gradient", contrast)
    now = images
    for _ in range(steps):
        gradient = explain_all(explainer, subject, now, labels).attribution
        assert gradient is not None
        now = (now + epsilon / steps * gradient.sign()).clamp(low, high)
    return now


def changed(examined: Examined, which: Tensor, contrast: Contrast, epsilon: float, steps: int) -> Tensor:
    """Give by how much logit, probability and correctness of the true class of some images change: (N, 3)."""
    parts = []
    for rows, images in examined.blocks(which):
        labels = examined.labels[rows]
        moved = step(Subject(examined.network), images, labels, contrast, epsilon, steps)
        after = _of_class(logits_of(examined.network, moved), labels)
        parts.append(after - _of_class(examined.logits[rows], labels))
    return torch.cat(parts)


def _of_class(logits: Tensor, labels: Labels) -> Tensor:
    logits = logits.double()
    own = labels[:, None]
    right = (logits.argmax(1, keepdim=True) == own).double()
    return torch.cat([logits.gather(1, own), logits.softmax(1).gather(1, own), right], 1)


def _claims(changes: dict[Contrast, Tensor]) -> int:
    """Count: weighted raises p_t most, accuracy most (or as much as any), and y_t not most."""
    means = {contrast: values.mean(0) for contrast, values in changes.items()}
    best: list[PerImage] = [torch.stack([means[contrast][column] for contrast in CONTRASTS]) for column in range(3)]
    own = means["weighted"]
    return int(own[1] >= best[1].max()) + int(own[2] >= best[2].max()) + int(own[0] < best[0].max())


def _picture(
    found: dict[str, dict[tuple[float, int, Contrast], Tensor]], epsilons: Sequence[float], steps: Sequence[int]
) -> Figure:
    """Draw the change of each number, a row for each classifier, a column for each number."""
    figure = Figure(figsize=(11, 2.4 * len(found) + 0.5), layout="constrained")
    grid = figure.subplots(len(found), len(NUMBERS), squeeze=False)
    groups = list(product(epsilons, steps))
    for line, (name, changes) in zip(grid, found.items(), strict=True):
        for column, (axes, number) in enumerate(zip(line, NUMBERS, strict=True)):
            for place, contrast in enumerate(CONTRASTS):
                rows = [Row.mean("", changes[epsilon, n, contrast][:, column]) for epsilon, n in groups]
                heights = [row.ours or 0.0 for row in rows]
                ends = [[h - (row.low or 0) for h, row in zip(heights, rows, strict=True)]]
                ends += [[(row.high or 0) - h for h, row in zip(heights, rows, strict=True)]]
                shift = 0.2 * (place - 1.5)
                colours = ("0.6", "C1", "C2", "C0")
                along = [number + shift for number in range(len(groups))]
                axes.bar(along, heights, 0.19, color=colours[place], yerr=ends, capsize=1, label=WORDS[contrast])
            axes.axhline(0, color="black", lw=0.6)
            axes.set_title(f"{name}: {number}", fontsize=9)
            axes.set_xticks(range(len(groups)), [f"ε {e:g}\nn {n}" for e, n in groups], fontsize=7)
            axes.tick_params(axis="y", labelsize=7)
    grid[0][0].legend(fontsize=7)
    figure.suptitle("Change of the true class's logit, probability and correctness", fontsize=10)
    return figure
