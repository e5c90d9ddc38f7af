"""Which attributes answer a question: the changes of many explanations together, for each fact and foil."""

from dataclasses import dataclass

import torch
from torch import Tensor

from xaicf.core import Explanation, InputError, Status

PREFIX = "change_"
"""What names of scalars begin with that hold the change of an attribute."""


@dataclass(frozen=True)
class AttributeChanges:
    """What explanations of one question, why fact and not foil, say of attributes.

    Attributes:
        fact: the class.
        foil: the other.
        asked: images that were asked about.
        names: of the attributes.
        changes: signed, of those images that were solved (n, attributes).
    """

    fact: int
    foil: int
    asked: int
    names: tuple[str, ...]
    changes: Tensor

    @property
    def first(self) -> Tensor:
        """For each attribute the share of solved images in which it changes most (attributes,)."""
        return first(self.changes)

    @property
    def mean(self) -> Tensor:
        """The mean signed change of each attribute (attributes,)."""
        return self.changes.mean(0)


def first(changes: Tensor) -> Tensor:
    """Give for each attribute the share of changes (n, attributes) in which it is largest; NaN where there is none."""
    if len(changes) == 0:
        return torch.full((changes.shape[1],), torch.nan)
    return torch.bincount(changes.abs().argmax(1), minlength=changes.shape[1]) / len(changes)


def attribute_changes(explanation: Explanation) -> list[AttributeChanges]:
    """Gather the changes of attributes for each pair of fact and foil, in the order of the classes.

    Args:
        explanation: with scalars ``change_NAME``, such as those of
            :class:`~xaicf.explainers.AttributeCriticism`.

    Raises:
        InputError: it has none.
    """
    names = tuple(name.removeprefix(PREFIX) for name in explanation.scalars if name.startswith(PREFIX))
    if not names:
        raise InputError("attribute changes need an explanation with scalars change_NAME, and it has none")
    changes = torch.stack([explanation.scalars[PREFIX + name] for name in names], 1)
    applies = explanation.status != Status.NOT_APPLICABLE
    pairs = torch.stack([explanation.fact, explanation.foil], 1)[applies]
    found = []
    for fact, foil in sorted({(fact, foil) for fact, foil in pairs.tolist()}):
        asked = applies & (explanation.fact == fact) & (explanation.foil == foil)
        solved = asked & (explanation.status == Status.SOLVED)
        found.append(AttributeChanges(fact, foil, int(asked.sum()), names, changes[solved]))
    return found


def as_markdown(found: list[AttributeChanges], class_names: tuple[str, ...]) -> str:
    """Lay changes out as a table: a line for each question and attribute, those that change most often first.

    Raises:
        InputError: a class has no name.
    """
    missing = [number for one in found for number in (one.fact, one.foil) if number >= len(class_names)]
    if missing:
        raise InputError(f"class_names must name class {max(missing)}, got {len(class_names)} names")
    lines = [
        "| why | and not | attribute | changes most | mean change | quartiles | solved | asked |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        first = one.first
        for number in first.nan_to_num().argsort(descending=True, stable=True).tolist():
            cells = ["–", "–", "–"]
            if len(one.changes):
                low, high = torch.quantile(
                    one.changes[:, number].double(), torch.tensor([0.25, 0.75]).double()
                ).tolist()
                cells = [f"{first[number]:.2f}", f"{one.mean[number]:+.2f}", f"{low:+.2f} to {high:+.2f}"]
                cells = [cell.replace("-", "\N{MINUS SIGN}") for cell in cells]
            words = [class_names[one.fact], class_names[one.foil], one.names[number]]
            told = [*(word.replace("|", "\\|") for word in words), *cells]
            lines.append(f"| {' | '.join(told)} | {len(one.changes)} | {one.asked} |")
    return "\n".join(lines) + "\n"
