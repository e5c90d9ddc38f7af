"""A panel is drawn for every status and kind of explanation, with names as they are."""

import io
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from xaicf.core import Explanation, Status
from xaicf.viz import panel

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
        "attribution": torch.randn(1, channels, 8, 8),
        "counterfactual": torch.rand(1, channels, 8, 8),
        "scalars": {name: torch.tensor([value]) for name, value in values.items()},
    }
    fact, foil = torch.tensor([0]), torch.tensor([1])
    return Explanation(images, fact, foil, torch.tensor([int(status)]), **(given | drop))


def texts(figure: Figure) -> str:
    """Everything that is written on a figure."""
    artists = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return "\n".join(artist.get_text() for artist in artists)  # type: ignore[attr-defined]


def drawn(figure: Figure) -> Image.Image:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=40)
    return Image.open(file)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_drawn_and_named(status: Status, channels: int) -> None:
    figure = panel(explanation(status, channels), ("three", "eight"), "cdeepex · sample 4")
    assert drawn(figure).width > 300
    written = texts(figure)
    assert "Why three, and not eight?" in written
    assert f"cdeepex · sample 4 · {status.name.lower().replace('_', ' ')}" in written
    assert ("|Δ llh| = 0.004" in written) == (status is not Status.NOT_APPLICABLE)
    assert ("nearest tie" in written) == (status is Status.SOLVED)


def test_not_applicable_needs_no_results() -> None:
    one = explanation(Status.NOT_APPLICABLE, attribution=None, counterfactual=None, scalars={})
    assert "fact and foil are the same class" in texts(panel(one, NAMES, "heading"))


def test_an_attribution_says_that_it_has_no_counterfactual() -> None:
    figure = panel(explanation(counterfactual=None), NAMES, "heading")
    assert "no counterfactual" in texts(figure)
    drawn(figure)


def test_a_counterfactual_without_a_map_leaves_no_empty_frame() -> None:
    figure = panel(explanation(attribution=None), NAMES, "heading")
    assert not figure.axes[2].axison
    drawn(figure)


def test_a_map_of_zeros_is_drawn() -> None:
    drawn(panel(explanation(attribution=torch.zeros(1, 1, 8, 8)), NAMES, "heading"))


def test_names_are_no_formulas_and_do_not_overflow() -> None:
    figure = panel(explanation(), NAMES, "labelled a $\\frac$ b" + "c" * 300)
    drawn(figure)  # an unescaped pair of dollars raises here or swallows the dollars
    assert r"dog of \$5 or \$6" in texts(figure)  # matplotlib shows \$ as a dollar
    assert max(map(len, texts(figure).split("\n"))) < 140


def test_a_panel_shows_one_image() -> None:
    two = Explanation.cat([explanation(), explanation()])
    with pytest.raises(ValueError, match="one image, got 2"):
        panel(two, NAMES, "heading")
