"""Answers of a data set against counts by hand."""

import pytest
import torch

from xaicf.core import Explanation, InputError, Status
from xaicf.evaluation.attribute_changes import as_markdown, attribute_changes


def explanation() -> Explanation:
    return Explanation(
        torch.zeros(5, 1, 2, 2),
        fact=torch.tensor([0, 0, 0, 1, 0]),
        foil=torch.tensor([1, 1, 1, 0, 0]),
        status=torch.tensor([Status.SOLVED, Status.SOLVED, Status.UNSOLVED, Status.SOLVED, Status.NOT_APPLICABLE]),
        scalars={
            "distance": torch.ones(5),
            "change_colour": torch.tensor([0.5, -0.1, 0.9, 0.0, 0.0]),
            "change_mark": torch.tensor([0.2, 0.4, 0.0, -0.3, 0.0]),
        },
    )


def test_counts_solved_images_of_each_question() -> None:
    first, second = attribute_changes(explanation())
    assert (first.fact, first.foil, first.asked, len(first.changes)) == (0, 1, 3, 2)
    assert first.names == ("colour", "mark")
    torch.testing.assert_close(first.first, torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(first.mean, torch.tensor([0.2, 0.3]))
    assert (second.fact, second.foil, second.asked) == (1, 0, 1)
    torch.testing.assert_close(second.first, torch.tensor([0.0, 1.0]))


def test_is_laid_out_as_a_table() -> None:
    lines = as_markdown(attribute_changes(explanation()), ("four", "nine")).splitlines()
    assert len(lines) == 2 + 2 + 2
    assert (
        lines[4]
        == "| nine | four | mark | 1.00 | \N{MINUS SIGN}0.30 | \N{MINUS SIGN}0.30 to \N{MINUS SIGN}0.30 | 1 | 1 |"
    )


def test_needs_changes() -> None:
    with pytest.raises(InputError, match="scalars change_NAME"):
        attribute_changes(Explanation(*(torch.zeros(1, 1, 2, 2), *(torch.zeros(1).long(),) * 3)))
