"""The page holds every answer and picture, and no name in it is anything but text."""

import base64
import hashlib
import io
import json
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from xaicf.core import Explanation, Status
from xaicf.viz import Page
from xaicf.viz.page import Summary
from xaicf.viz.page.drawing import SIDE, shrunk
from xaicf.viz.page.page import FRAMES
from xaicf.viz.page.palette import STEPS, Bytes, indices, palette

EVIL = "</script><img src=x onerror=alert(1)><!--"
NAMES = ["cat", "dog", EVIL]


def explained(rows: int = 4, side: int = 5, channels: int = 1, **fields: Any) -> Explanation:
    torch.manual_seed(0)
    images = torch.rand(rows, channels, side, side)
    defaults: dict[str, Any] = {
        "inputs": images,
        "fact": torch.arange(rows) % 3,
        "foil": (torch.arange(rows) + 1) % 3,
        "status": torch.ones(rows, dtype=torch.int64),
        "attribution": torch.randn(rows, channels, side, side),
        "counterfactual": 1 - images,
        "scalars": {"distance": torch.arange(rows) / 3},
    }
    return Explanation(**{**defaults, **fields})


def add(page: Page, name: str, explanation: Explanation, first: int = 7) -> None:
    rows = torch.arange(len(explanation))
    page.add(name, explanation, rows + first, rows % 3, NAMES)


def written(page: Page) -> str:
    return page.html(EVIL, EVIL, {EVIL: Summary(1, 2, 3, {EVIL: (0.5, 1)})})


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">([^<]*)</script>', html)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def cut(data: dict[str, Any], number: int) -> tuple[Bytes, Image.Image]:
    sheet, place = data["sheets"][number // data["tiles"]], number % data["tiles"]
    image = Image.open(io.BytesIO(base64.b64decode(sheet["source"].partition(",")[2])))
    left, top = place % sheet["columns"] * sheet["width"], place // sheet["columns"] * sheet["height"]
    return np.asarray(image)[top : top + sheet["height"], left : left + sheet["width"]], image


@pytest.mark.parametrize("channels", [1, 3])
def test_every_picture_and_number_is_in_the_page(channels: int) -> None:
    page, one = Page(), explained(channels=channels)
    add(page, "one", one)
    data = data_of(written(page))
    assert [data["classes"][place] for place in (row[2] for row in data["questions"])] == ["cat", "dog", EVIL, "cat"]
    assert [data["classes"][place] for place in (row[3] for row in data["questions"])] == ["dog", EVIL, "cat", "dog"]
    assert [row[0] for row in data["questions"]] == [7, 8, 9, 10]
    (explainer,) = data["explainers"]
    assert (explainer["name"], explainer["other"], explainer["scalars"]) == ("one", "counterfactual", ["distance"])
    assert one.attribution is not None
    assert one.counterfactual is not None
    for row, (status, other, signed, scale, scalars, _) in enumerate(explainer["answers"]):
        for number, image in ((data["questions"][row][4], one.inputs[row]), (other, one.counterfactual[row])):
            expected = (image.permute(1, 2, 0).numpy() * 255).round()
            assert np.array_equal(cut(data, number)[0].reshape(expected.shape), expected)
        largest = float(one.attribution[row].sum(0).abs().max())
        assert scale == pytest.approx(largest, rel=1e-5)
        pixels, image = cut(data, signed)
        assert np.array_equal(pixels, indices(one.attribution[row], largest))
        colours = np.frombuffer(palette(), np.uint8).reshape(-1, 4)
        assert np.array_equal(np.asarray(image.convert("RGBA")), colours[np.asarray(image)])
        assert status == 1
        assert scalars == [pytest.approx(row / 3, rel=1e-5)]


def test_a_counterfactual_that_is_surer_of_the_fact_is_called_a_prototype() -> None:
    page = Page()
    add(page, "surer", explained(scalars={"log_odds_after": torch.ones(4)}))
    add(page, "other", explained())
    assert [one["other"] for one in data_of(written(page))["explainers"]] == ["prototype", "counterfactual"]


def test_what_was_measured_makes_no_explainer_look_for_ties() -> None:
    """Every counterfactual that was evaluated has a residual."""
    page, residual = Page(), {"boundary_residual": torch.ones(4)}
    for name, scalars in (("own", {}), ("search", residual)):
        rows = torch.arange(4)
        page.add(name, explained(scalars=scalars), rows, rows % 3, NAMES, residual)
    assert [one["ties"] for one in data_of(written(page))["explainers"]] == [False, True]


def test_explainers_meet_at_the_same_image_fact_and_foil_alone() -> None:
    page, one = Page(), explained()
    add(page, "one", one[:2], first=7)
    add(page, "one", one[2:], first=9)  # another part
    other_foil = torch.where(torch.arange(4) == 0, 2, one.foil)
    add(page, "two", explained(foil=other_foil, counterfactual=None, baseline=one.inputs, attribution=None))
    other_image = one.inputs.clone()
    other_image[3] = 0
    add(page, "three", explained(inputs=other_image, counterfactual=None, scalars={}))
    data = data_of(written(page))
    there = {one["name"]: [found is not None for found in one["answers"]] for one in data["explainers"]}
    assert there["one"] == [True] * 4 + [False] * 2
    assert there["two"] == [False] + [True] * 3 + [True, False]
    assert there["three"] == [True] * 3 + [False] * 2 + [True]
    assert [one["other"] for one in data["explainers"]] == ["counterfactual", "baseline", None]
    assert [row[0] for row in data["questions"]] == [7, 8, 9, 10, 7, 10]


def test_what_is_not_applicable_or_not_finite_has_no_picture() -> None:
    nothing = torch.full((4, 1, 5, 5), torch.nan)
    status = torch.tensor([Status.NOT_APPLICABLE, Status.UNSOLVED, Status.SOLVED, Status.SOLVED])
    distance = torch.tensor([torch.nan, torch.inf, -torch.inf, 167.0])
    page = Page()
    scalars = {"distance": distance}
    add(page, "one", explained(status=status, attribution=nothing, counterfactual=nothing, scalars=scalars))
    answers = data_of(written(page))["explainers"][0]["answers"]
    assert [found[:4] for found in answers] == [[number, None, None, None] for number in (-1, 0, 1, 1)]
    assert [found[4] for found in answers] == [[None], ["Infinity"], ["-Infinity"], [167]]


def test_large_pictures_are_shrunk_and_the_scale_is_of_what_is_drawn() -> None:
    images = torch.rand(1, 1, 3 * SIDE, 2 * SIDE)
    assert shrunk(images).shape == (1, 1, SIDE, round(SIDE * 2 / 3))
    assert torch.equal(shrunk(images[..., :SIDE, :SIDE]), images[..., :SIDE, :SIDE])
    side = 2 * SIDE
    peak = torch.zeros(1, 1, side, side)
    peak[..., 0, 0] = -4.0
    page, zeros = Page(), torch.zeros(1, 1, side, side)
    add(page, "one", explained(1, inputs=zeros, attribution=peak, counterfactual=zeros))
    assert data_of(written(page))["explainers"][0]["answers"][0][3] == 1  # a quarter: the mean of four pixels


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def test_names_are_text_and_the_pagemay_load_nothing() -> None:
    page = Page()
    add(page, EVIL, explained(scalars={EVIL: torch.zeros(4)}))
    html = written(page)
    parser = Tags()
    parser.feed(html)
    assert parser.tags.count("script") == 2
    assert not {"img", "link", "iframe"} & set(parser.tags)
    assert not {"src", "href", "style", "onerror"} & parser.attributes
    assert "://" not in html
    data = data_of(html)
    assert data["classes"][2] == data["explainers"][0]["name"] == data["explainers"][0]["scalars"][0] == EVIL
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(policy[1]).split(";"))
    assert rules.pop("default-src") == rules.pop("base-uri") == rules.pop("form-action") == "'none'"
    assert rules.pop("img-src") == "data:"
    for kind, tag in (("style-src", "style"), ("script-src", "script")):
        found = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert found
        digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
        assert rules.pop(kind) == f"'sha256-{digest}'"
    assert not rules
    assert "_COLOUR" not in html


def test_the_same_image_asked_twice_is_drawn_once() -> None:
    page, one = Page(), explained()
    add(page, "one", one)
    add(page, "one", explained(foil=(one.foil + 1) % 3, inputs=one.inputs))
    data = data_of(written(page))
    assert len(data["questions"]) == 8
    assert [row[4] for row in data["questions"][:4]] == [row[4] for row in data["questions"][4:]]


def test_a_way_is_shown_in_few_frames_with_its_ends() -> None:
    images, probabilities = torch.rand(4, 30, 1, 5, 5), torch.rand(4, 30, 3)
    page = Page()
    add(page, "one", explained(trace={"images": images, "probabilities": probabilities}))
    add(page, "two", explained(trace={"activation": images}))
    data = data_of(written(page))
    assert [found[5] for found in data["explainers"][1]["answers"]] == [None] * 4
    for row, found in enumerate(data["explainers"][0]["answers"]):
        assert len(found[5]) == FRAMES
        for place, frame in ((0, found[5][0]), (29, found[5][-1])):
            expected = (images[row, place, 0].numpy() * 255).round()
            assert np.array_equal(cut(data, frame[0])[0], expected)
            both = probabilities[row, place, [row % 3, (row + 1) % 3]].tolist()
            assert frame[1:] == pytest.approx(both, rel=1e-5)


def test_a_cell_has_the_mean_of_its_scaled_maps_over_the_mean_image() -> None:
    one = explained(12, attribution=torch.randn(12, 1, 5, 5) * torch.rand(12, 1, 1, 1))
    status = one.status.clone()
    status[[0, 5]] = Status.UNSOLVED
    page = Page()
    add(page, "one", explained(12, inputs=one.inputs, attribution=one.attribution, status=status))
    data = data_of(written(page))
    found = {tuple(cell[:3]): cell[3] for cell in data["cells"]}
    # The label of row n is n % 3, as is its fact: every image is on the diagonal.
    assert set(found) == {(n, n, None) for n in range(3)} | {(None, n, (n + 1) % 3) for n in range(3)}
    ((whole, kinds, asked),) = found[None, 2, 0]
    assert (whole[0], kinds, asked) == (3, [], False)
    rows = [2, 8, 11]
    assert one.attribution is not None
    maps = one.attribution[rows, 0]
    mean = (maps / maps.abs().amax((1, 2), keepdim=True)).mean(0)
    assert whole[3] == pytest.approx(float(mean.abs().max()), rel=1e-3)
    drawn = (cut(data, whole[2])[0].astype(float) - STEPS) / STEPS * whole[3]
    assert np.abs(drawn - mean.numpy()).max() < 0.6 / STEPS
    assert np.abs(cut(data, whole[1])[0] / 255 - one.inputs[rows, 0].mean(0).numpy()).max() < 0.003
