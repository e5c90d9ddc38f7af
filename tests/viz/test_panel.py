"""A panel is drawn for every status and kind of explanation, with names as they are."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from xaicf.core import Explanation, Status
from xaicf.viz import panel
from xaicf.viz.panel import HEIGHT, WIDTH, counterfactual_title, missed, short, title

NAMES = ("golden retriever with hat", "dog of $5 or $6")


def explanation(status: Status = Status.SOLVED, channels: int = 1, **drop: Any) -> Explanation:
    images = torch.rand(1, channels, 8, 8)
    values = {
        "fact_probability": 0.9,
        "foil_probability": 0.1,
        "fact_probability_after": 0.5,
        "foil_probability_after": 0.4,
        "boundary_residual": 0.0043,
    }
    given: dict[str, Any] = {
        "inputs": images,
        "attribution": torch.randn(1, channels, 8, 8),
        "counterfactual": torch.rand(1, channels, 8, 8),
        "scalars": {name: torch.tensor([value]) for name, value in values.items()},
    }
    fact, foil = torch.tensor([0]), torch.tensor([1])
    status_ = torch.tensor([int(status)])
    return Explanation(fact=fact, foil=foil, status=status_, **(given | drop))


def blank(picture: Image.Image, left: int, right: int) -> bool:
    """Whether nothing is drawn between two columns, below the title."""
    return bool((np.asarray(picture)[60:, left:right] == 255).all())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_drawn_and_named(status: Status, channels: int) -> None:
    one = explanation(status, channels)
    picture = panel(one, ("three", "eight"), "cdeepex · sample 4")
    assert picture.size == (WIDTH, HEIGHT)
    assert not blank(picture, 12, 198)
    assert blank(picture, 412, WIDTH) == (status is Status.NOT_APPLICABLE)
    question, answer = title(one, "three", "eight", "cdeepex · sample 4")
    assert question == "Why three, and not eight?"
    assert answer == f"cdeepex · sample 4 · {status.name.lower().replace('_', ' ')}"


def test_only_a_solved_search_is_called_a_tie() -> None:
    tie, residual = counterfactual_title(explanation(Status.SOLVED), "eight")
    assert (tie, residual) == ("nearest tie found", "|Δ llh| = 0.004")
    assert counterfactual_title(explanation(Status.UNSOLVED), "eight")[0] == "best try, unsolved"
    assert counterfactual_title(explanation(scalars={}), "eight") == ["counterfactual: eight"]


def test_a_large_residual_is_told() -> None:
    assert missed(explanation()) == ""
    small, large = ({**explanation().scalars, "reconstruction_error": torch.tensor([error])} for error in (0.1, 0.31))
    assert missed(explanation(scalars=small)) == ""
    assert "misses 0.31 of a pixel's range" in missed(explanation(scalars=large))
    pictures = [np.asarray(panel(explanation(scalars=one), NAMES, "cdeepex")) for one in (small, large)]
    assert (pictures[0][263:] == 255).all(axis=2)[:, 12:400].all()
    assert not (pictures[1][263:, 12:400] == 255).all()


def test_not_applicable_needs_no_results() -> None:
    one = explanation(Status.NOT_APPLICABLE, attribution=None, counterfactual=None, scalars={})
    assert blank(panel(one, NAMES, "heading"), 412, WIDTH)


def test_an_attribution_has_bars_for_the_input_only() -> None:
    with_, without = (panel(explanation(**drop), NAMES, "h") for drop in ({}, {"counterfactual": None}))
    dark = [(np.asarray(picture)[70:200, 861:] < 60).all(2).sum() for picture in (with_, without)]
    assert dark[0] > 1000
    assert dark[1] < dark[0] / 2


def test_a_counterfactual_without_a_map_leaves_no_empty_frame() -> None:
    assert blank(panel(explanation(attribution=None), ("a", "b"), "heading"), 405, 740)


def test_pictures_are_whole_and_undistorted() -> None:
    wide = torch.zeros(1, 1, 8, 16)
    pixels = np.asarray(panel(explanation(attribution=None, counterfactual=None, inputs=wide), NAMES, "h"))
    black = (pixels[:, 12:198] == 0).all(2)
    assert black.any(0).sum() == 186
    assert black.any(1).sum() == 93


def test_a_map_of_zeros_is_grey() -> None:
    pixels = np.asarray(panel(explanation(attribution=torch.zeros(1, 1, 8, 8)), NAMES, "heading")).astype(int)
    assert np.ptp(pixels[80:255, 420:590], axis=2).max() <= 1


def test_long_names_are_cut_and_others_kept() -> None:
    assert short("dog of $5 or $6") == "dog of $5 or $6"
    assert short("golden retriever with hat") == "golden retrieve…"
    assert max(map(len, title(explanation(), "a" * 300, "b" * 300, "c" * 300))) < 140
    panel(explanation(), NAMES, "two\nlines" + "c" * 300)


def test_a_panel_shows_one_image() -> None:
    two = Explanation.cat([explanation(), explanation()])
    with pytest.raises(ValueError, match="one image, got 2"):
        panel(two, NAMES, "heading")
