"""Which classes a way passes through, and how they are counted."""

import torch

from xaicf.core import Explanation
from xaicf.studies.gci_path import _ways
from xaicf.studies.paths import draw_paths, passed_through


def ways() -> Explanation:
    """Give three ways of four frames among five classes, from 0 to 1: straight, by 2, and by 2 and 3 but unsolved."""
    likeliest = torch.tensor([[0, 0, 1, 1], [0, 2, 2, 1], [0, 3, 2, 0]])
    probabilities = 0.05 + 0.75 * torch.nn.functional.one_hot(likeliest, 5)
    images = torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    return Explanation(
        images,
        torch.zeros(3, dtype=torch.int64),
        torch.ones(3, dtype=torch.int64),
        status=torch.tensor([1, 1, 0]),
        counterfactual=1 - images,
        trace={"images": images[:, None].repeat(1, 4, 1, 1, 1), "probabilities": probabilities},
    )


def test_fact_and_foil_are_not_passed_through() -> None:
    expected = torch.zeros(3, 5, dtype=torch.bool)
    expected[1, 2] = expected[2, 2] = expected[2, 3] = True
    assert torch.equal(passed_through(ways()), expected)


def test_ways_are_counted_where_they_are_solved() -> None:
    rows = _ways("a to b", ways())
    told = [(row.measure, row.ours, row.n) for row in rows]
    assert told == [
        ("a to b: solved", 2 / 3, 3),
        ("a to b: by way of another digit", 0.5, 2),
        ("a to b: by way of a 0", 0.0, 2),
        ("a to b: by way of a 2, the most frequent", 0.5, 2),
    ]


def test_picture_names_the_likeliest_class_of_each_frame() -> None:
    figure = draw_paths(ways(), [1, 2], 4, "abcde")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:6] == ["input: a", "a  0.80", "c  0.80", "c  0.80", "b  0.80", "a, not b"]
    assert titles[6:12] == ["input: a", "a  0.80", "d  0.80", "c  0.80", "a  0.80", "a, not b"]
