"""Names of explainers in words, and those that are anybody's as they are."""

import pytest

from xaicf.viz.page.names import heading, readable


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cdeepex", "CDeepEx"),
        ("xgem-penalised", "xGEM, penalised"),
        ("attribute-criticism", "attribute criticism"),
        ("input_x_gradient-weighted", "input × gradient, weighted contrast"),
        ("integrated_gradients-subset-3_5-blur", "integrated gradients, subset contrast, 3 5, blur"),
        ("deep_shap-log_odds-features.3-foil_samples", "deep SHAP, log odds contrast, features.3, foil samples"),
        ("smoothed-lrp_epsilon_plus-mean-16x0.1", "smoothed LRP epsilon plus, mean contrast, 16x0.1"),
        ("bent-gradient-max (two-runs)", "bent gradient, max contrast (two-runs)"),
        ("max", "max"),
    ],
)
def test_names_of_the_package(name: str, words: str) -> None:
    assert readable(name) == words


@pytest.mark.parametrize("name", ["", "a", "My own, b-c", "-x-", "<img-src> (x_y)", "größer-pair", "a_b\n"])
def test_other_names_stay(name: str) -> None:
    assert readable(name) == name


def test_a_heading_tells_the_name_itself() -> None:
    assert heading("lime-pair") == '<th scope="col" title="lime-pair">LIME, pair contrast</th>'
    assert heading('a_"b') == '<th scope="col">a_<wbr>&quot;b</th>'
    assert heading('a-mean ("<i>)') == (
        '<th scope="col" title="a-mean (&quot;&lt;i&gt;)">a, mean contrast (&quot;&lt;i&gt;)</th>'
    )
