"""Bars and boxes of changes."""

import pytest
import torch
from matplotlib.figure import Figure

from xaicf.viz.changes import draw_changes, draw_top

NAMES = ["colour", "mark", "slant"]


def test_the_largest_change_is_at_the_top() -> None:
    axes = Figure().subplots()
    draw_top(axes, NAMES, torch.tensor([0.1, -0.7, 0.3]), top=2)
    widths = [bar.get_width() for bar in axes.patches]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["slant", "mark"]
    assert widths == pytest.approx([0.3, -0.7])
    assert axes.get_xlim() == (-1, 1)


def test_a_panel_for_each_question_says_how_many_there_are() -> None:
    figure = draw_changes([("4, not 9", torch.rand(5, 3) - 0.5), ("9, not 4", torch.zeros(0, 3))], NAMES)
    assert [axes.get_title() for axes in figure.axes] == ["4, not 9 (n = 5)", "9, not 4 (n = 0)"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == NAMES[::-1]
