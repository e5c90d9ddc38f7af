"""Maps of several explainers side by side: what is drawn where, the scale, and the outline of a known area."""

from dataclasses import replace

import numpy as np
import torch
from matplotlib.contour import ContourSet

from xaicf.core import Explanation, Status
from xaicf.viz import draw_maps
from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR, heatmap


def explanation() -> Explanation:
    random = torch.Generator().manual_seed(0)
    images, after = torch.rand(2, 3, 1, 8, 8, generator=random)
    return Explanation(
        images,
        torch.tensor([0, 1, 2]),
        torch.tensor([1, 2, 0]),
        torch.tensor([Status.SOLVED, Status.UNSOLVED, Status.SOLVED]),
        attribution=images - after,
        counterfactual=after,
    )


def test_a_row_for_each_image_and_a_column_for_each_map() -> None:
    one = explanation()
    figure = draw_maps({"a": one, "b": one}, [0, 1], ("cat", "dog", "cow"), ties=True)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:5] == ["cat,\nnot dog?", "a\ntie", "a", "b\ntie", "b"]
    assert titles[5:10] == ["dog,\nnot cow?", "a\ntie", "a\n(unsolved)", "b\ntie", "b\n(unsolved)"]
    assert one.attribution is not None
    np.testing.assert_array_equal(figure.axes[2].images[0].get_array(), heatmap(one.attribution[0], one.inputs[0]))


def test_the_scale_has_zero_in_the_middle_and_names_its_ends() -> None:
    (bar,) = draw_maps({"a": explanation()}, [0]).axes[2:]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["most\nfor the foil", "0", "most\nfor the fact"]
    shown = bar.collections[-1] if bar.collections else bar.images[0]
    low, high = shown.get_clim()
    assert low == -high
    np.testing.assert_allclose(shown.cmap(0.0)[:3], FOIL_COLOUR, atol=0.01)
    np.testing.assert_allclose(shown.cmap(1.0)[:3], FACT_COLOUR, atol=0.01)


def test_a_known_area_is_outlined_on_every_picture_of_its_row() -> None:
    masks = torch.zeros(3, 8, 8, dtype=torch.bool)
    masks[1, 2:4, 2:4] = True
    one = replace(explanation(), counterfactual=None)
    axes = draw_maps({"a": one}, [1], masks=masks).axes[:2]
    for each in axes:
        (outline,) = (child for child in each.get_children() if isinstance(child, ContourSet))
        (path,) = outline.get_paths()
        assert path.vertices.min() > 1
        assert path.vertices.max() < 4
