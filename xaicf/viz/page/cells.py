"""What the answers of a cell of the atlas have in common: their mean map, and the kinds of maps there are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xaicf.viz.page.kinds import LEAST, Maps, kinds


@dataclass(frozen=True)
class Cell:
    """Questions that the atlas shows as one.

    Attributes:
        label: of their images; None for any.
        fact: of the questions.
        foil: likewise; None for any.
        questions: their numbers, rising.
    """

    label: int | None
    fact: int
    foil: int | None
    questions: list[int]


@dataclass(frozen=True)
class Common:
    """Maps averaged.

    Attributes:
        questions: whose maps they are.
        mean: of the maps, each divided by its largest absolute value (H, W).
        typical: the question whose map is nearest to the centre of its kind; None for maps of several kinds.
    """

    questions: list[int]
    mean: npt.NDArray[np.float32]
    typical: int | None = None


@dataclass(frozen=True)
class Shared:
    """What one explainer's maps in a cell share.

    Attributes:
        whole: all of them.
        kinds: groups of maps that look alike, see :func:`~xaicf.viz.page.kinds.kinds`; none where none are clear.
        asked: whether there were maps enough to look for groups.
    """

    whole: Common
    kinds: list[Common]
    asked: bool


def cells(questions: Sequence[tuple[int, int, int, int]]) -> list[Cell]:
    """List the cells of the atlas that hold any question.

    Args:
        questions: image, label, fact and foil of each.

    Returns:
        For each fact and foil the questions about them, whatever the label; and for each label and fact those of
        the images that are labelled so and taken for the fact. Of these, where the two differ, only the questions
        whose foil is the label, if every image was asked one.
    """
    pairs, confusions = defaultdict[tuple[int, int], list[int]](list), defaultdict[tuple[int, int], list[int]](list)
    for number, (_, label, fact, foil) in enumerate(questions):
        pairs[fact, foil].append(number)
        confusions[label, fact].append(number)
    found = [Cell(None, fact, foil, members) for (fact, foil), members in pairs.items()]
    for (label, fact), members in confusions.items():
        about_label = [number for number in members if questions[number][3] == label]
        images, answered = ({questions[number][0] for number in some} for some in (members, about_label))
        whole = label != fact and answered == images
        found.append(Cell(label, fact, label, about_label) if whole else Cell(label, fact, None, members))
    return found


def shared(cell: Cell, maps: Mapping[int, Maps]) -> Shared | None:
    """Average an explainer's maps of a cell, and group them.

    Args:
        cell: whose questions.
        maps: by question, each (H, W), of any scale; of the questions that the explainer has solved.

    Returns:
        None where the explainer has no map in the cell, or its maps are of several sizes.
    """
    members = [number for number in cell.questions if number in maps]
    if len({maps[number].shape for number in members}) != 1:
        return None
    stack = np.stack([_scaled(maps[number]) for number in members])
    grouped = kinds(stack.reshape(len(stack), -1))
    return Shared(
        Common(members, stack.mean(0)),
        [
            Common([members[row] for row in kind.rows], stack[kind.rows].mean(0), members[kind.typical])
            for kind in grouped
        ],
        len(members) >= LEAST,
    )


def _scaled(values: Maps) -> npt.NDArray[np.float32]:
    whole = values.astype(np.float32)
    largest = np.abs(whole).max()
    return whole / largest if largest else whole
