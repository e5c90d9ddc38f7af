"""Unsolved rows count in the solved share and nowhere else."""

import numpy as np

from xaicf.viz.page.summary import summarise

STATUS = np.array([1, 1, 1, 0, -1])


def test_means_are_over_finite_values_of_solved_rows() -> None:
    scalars = {
        "distance": np.array([1.0, 2.0, 6.0, 100.0, np.nan]),
        "odd": np.array([np.inf, np.nan, 4.0, 0.0, 0.0], np.float32),
        "never": np.array([np.nan, np.nan, np.nan, 1.0, 1.0]),
        "steps": np.array([1, 2, 3, 40, 50]),
    }
    found = summarise(STATUS, scalars)
    assert (found.solved, found.unsolved, found.not_applicable) == (3, 1, 1)
    assert found.means == {"distance": (3.0, 3), "odd": (4.0, 1), "steps": (2.0, 3)}


def test_the_share_is_of_what_applies() -> None:
    one, almost, none = (summarise(np.array(status), {}) for status in (STATUS, [1] * 9999 + [0], [-1]))
    assert (one.asked, almost.share, none.share, one.share) == (5, "99.99%", "–", "75.0%")
