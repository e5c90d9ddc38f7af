"""Unsolved rows count in the solved share and nowhere else."""

import numpy as np

from xaicf.viz.page.summary import summarise, summary_table

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


def test_the_table_says_counts_shares_and_how_many_a_mean_is_of() -> None:
    one = summarise(STATUS, {"latent_distance": np.arange(5.0), "odd": np.array([np.inf, 1, 2, 0, 0])})
    none = summarise(np.array([-1]), {"latent_distance": np.array([1.0])})
    html = summary_table({"<b>one": one, "none": none})
    almost = summarise(np.array([1] * 9999 + [0]), {})
    assert (almost.share, none.share, one.share) == ("99.99%", "–", "75.0%")
    assert "&lt;b&gt;one</th><td>5</td><td>3</td><td>1</td><td>1</td><td>75.0%</td><td>1</td>" in html
    assert "<td>1.5 <small>(2 finite)</small></td>" in html
    assert "none</th><td>1</td><td>0</td><td>0</td><td>1</td><td>–</td><td>–</td><td>–</td>" in html
    assert "latent distance" in html
    assert "<b>" not in html
    assert '<th scope="row" title="gradcam-pair">Grad-CAM, pair contrast</th>' in summary_table({"gradcam-pair": none})
