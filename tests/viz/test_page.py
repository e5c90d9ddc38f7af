"""The page holds everything it shows, and every name in it is text."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from xaicf.viz import page

EVIL = "<img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def png(tmp_path: Path) -> Path:
    path = tmp_path / "one.png"
    Image.new("RGB", (3, 2), (255, 0, 0)).save(path)
    return path


def parsed(html: str) -> Tags:
    parser = Tags()
    parser.feed(html)
    return parser


def test_names_are_text_wherever_they_stand(png: Path) -> None:
    evil_attribute = '" onload="alert(1)'
    figures = [(EVIL, png), (evil_attribute, png)]
    found = parsed(page(EVIL, EVIL, {EVIL: {EVIL: 1.0}}, {EVIL: figures}))
    images = [attributes for tag, attributes in found.tags if tag == "img"]
    assert [attributes["alt"] for attributes in images] == [EVIL, evil_attribute]
    assert all(set(attributes) == {"alt", "src", "loading"} for attributes in images)
    assert found.text.count(EVIL) == 6  # title, h1, introduction, row, column, heading


def test_the_page_is_self_contained(png: Path) -> None:
    html = page("t", "i", {"a": {"x": 1.0}}, {"s": [("text", png)]})
    found = parsed(html)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in found.tags}
    assert "://" not in re.sub(r'src="data:[^"]*"', "", html)
    sources = [attributes["src"] for tag, attributes in found.tags if tag == "img"]
    head, _, data = str(sources[0]).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == png.read_bytes()
    assert str(png.parent) not in html


def test_a_number_that_one_column_lacks_is_an_empty_cell(png: Path) -> None:
    html = page("t", "i", {"a": {"x": 1.2345, "y_z": 2.0}, "b": {"y_z": 3.0}}, {})
    assert "<th></th><th>a</th><th>b</th>" in html
    assert "<td>x</td><td>1.23</td><td></td>" in html
    assert "<td>y z</td><td>2</td><td>3</td>" in html
