"""A report in a browser: from the atlas to a cell, an image and its slider, by mouse and by keyboard alone."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reporting import EVIL, SIDE, evaluated, store

from xaicf.commands.report import report
from xaicf.core import Explanation
from xaicf.store import read
from xaicf.viz import heatmap

TAB, ENTER, SPACE, ESCAPE = "\ue004", "\ue007", " ", "\ue00c"
LEFT, RIGHT, UP, DOWN, HOME, END = "\ue012", "\ue014", "\ue013", "\ue015", "\ue011", "\ue010"


class Opened:
    """A report in a browser."""

    def __init__(self, driver: Any, path: Path) -> None:
        self.driver = driver
        self.errors()  # of the page before
        self.requests()
        driver.get(path.as_uri())
        self.settle()

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def settle(self) -> None:
        """Wait until what is in view is drawn."""
        drawn = """
            return [...document.querySelectorAll("canvas")].every((one) => {
              const box = one.getBoundingClientRect();
              return box.bottom < 0 || box.top > innerHeight || !box.width || "drawn" in one.dataset;
            });
        """
        deadline = time.monotonic() + 60
        while not self.run(drawn):
            assert time.monotonic() < deadline, "pictures in view are not drawn"
            time.sleep(0.02)

    def choose(self, control: str, text: str) -> None:
        from selenium.webdriver.support.ui import Select  # noqa: PLC0415  (optional)

        select = Select(self.driver.find_element("id", control))
        select.select_by_visible_text(text)

    def write(self, control: str, text: str) -> None:
        self.driver.find_element("id", control).clear()
        self.driver.find_element("id", control).send_keys(text)

    def ids(self) -> list[int]:
        labels = self.run("return [...document.querySelectorAll('article')].map((one) => one.ariaLabel)")
        return [int(re.match(r"Sample (\d+):", label)[1]) for label in labels]  # type: ignore[index]

    def text(self, name: str) -> str:
        return str(self.run("return document.getElementById(arguments[0]).textContent", name))

    def cell(self, row: int, column: int) -> Any:
        return self.find(f"#atlas tbody tr:nth-child({row + 1}) td:nth-child({column + 2})")

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains  # noqa: PLC0415  (optional)

        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def tab_to(self, selector: str) -> None:
        for _ in range(80):
            if self.run("return document.activeElement.matches(arguments[0])", selector):
                assert self.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
                return
            self.keys(TAB)
        raise AssertionError(f"{selector} is not reached")

    def pixels(self) -> Any:
        """Give what the viewer's canvas shows (H, W, 3), in [0, 1]."""
        script = """
            const canvas = document.getElementById("canvas");
            return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
        """
        time.sleep(0.1)
        return np.array(self.run(script)).reshape(SIDE, SIDE, 4)[..., :3] / 255

    def errors(self) -> list[Any]:
        """Give what the console holds, but for advice on how :meth:`pixels` reads a canvas."""
        return [entry for entry in self.driver.get_log("browser") if entry["source"] != "rendering"]

    def requests(self) -> set[str]:
        """Give the addresses asked for since the last call, pictures in the page itself left out."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return {url for url in asked if not url.startswith("data:")}


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    service = shutil.which("chromedriver")
    if browser is None or service is None:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(service))
    yield found
    found.quit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stores, and their page: two of ``b``, one of whose folders has a hostile name, and one of ``a``."""
    folder = tmp_path_factory.mktemp("report")
    stores = [
        store(folder / EVIL, ["a", "b"], samples=24, certified=True),
        store(folder / "two", ["b"], samples=24, ways=True),
    ]
    report(stores, str(folder / "page.html"))
    return folder


@pytest.fixture
def opened(driver: Any, folder: Path) -> Opened:
    return Opened(driver, folder / "page.html")


def test_the_mouse_leads_from_the_atlas_to_the_counterfactual(opened: Opened, folder: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains  # noqa: PLC0415  (optional)

    answers: Explanation = read(folder / EVIL, "a")
    cells = "return [...document.querySelectorAll('#atlas td')].map((one) => one.textContent)"
    # Of 24 images every sixth from the fifth, 5, 11, 17 and 23, is labelled as the class after its own, which is dog's.
    assert opened.run(cells) == ["8", "·", "4", "·", "8", "·", "·", "·", "4"]
    opened.cell(0, 2).click()
    assert opened.text("cell-title") == f"Labelled cat, taken for {EVIL}"
    assert opened.ids() == [5, 11, 17, 23]
    means = opened.run("return [...document.querySelectorAll('.shared')].map((one) => one.innerText)")
    names = ["a", f"b ({EVIL})", "b (two)"]
    assert [text.split("\n")[:2] for text in means] == [[name, "mean of 4"] for name in names]
    opened.find("article[data-question='11'] button.open").click()
    assert opened.run("return document.getElementById('viewer').open")
    assert opened.text("viewer-title") == f"Why {EVIL}, and not cat?"
    image, after = (one[11, 0].numpy() for one in (answers.inputs, answers.counterfactual) if one is not None)
    assert np.abs(opened.pixels() - image[..., None]).max() < 0.01
    slider = opened.find("#point")
    slider.click()  # its middle
    middle = int(slider.get_attribute("value")) / 100
    assert 0.4 < middle < 0.6
    assert np.abs(opened.pixels() - (image + middle * (after - image))[..., None]).max() < 0.02
    ActionChains(opened.driver).click_and_hold(slider).move_by_offset(slider.size["width"], 0).release().perform()
    assert opened.text("where") == "the counterfactual"
    assert np.abs(opened.pixels() - after[..., None]).max() < 0.01
    assert opened.text("certificate") == (
        "Certified by a fresh pass of the classifier: fact and foil are equally likely, but for 0.005 nats."
        "No third class wins: the likeliest one is 2 nats below both."
    )
    table = opened.run("return document.getElementById('probabilities').innerText").split()
    assert table[:3] == ["probability", "input", "counterfactual"]
    assert [word for word in table if word.endswith("%")] == ["80%", "40%", "10%", "40%", "10%", "20%"]
    opened.find("#next").click()
    assert "Sample 17, labelled cat: solved." in opened.text("viewer-about")
    opened.find("#close").click()
    assert opened.run("return document.activeElement.dataset.question") == "17"
    assert opened.errors() == []
    assert {url for url in opened.requests() if not url.endswith("page.html")} == set()


def test_the_signed_map_lies_on_top_in_the_colours_of_its_scale(opened: Opened, folder: Path) -> None:
    answers = read(folder / EVIL, "b")
    opened.find("article[data-question='7'] .answer:nth-child(2) button.open").click()
    assert not opened.find("#way").is_displayed()  # a map alone
    assert "this method gives a map and no counterfactual" in opened.text("certificate")
    opened.run("const o = document.getElementById('opacity'); o.value = 100; o.dispatchEvent(new Event('input'))")
    opened.find("#overlay").click()
    assert answers.attribution is not None
    expected = heatmap(answers.attribution[7], answers.inputs[7])
    assert np.abs(opened.pixels() - expected).max() < 0.02
    label = opened.run("return document.getElementById('canvas').getAttribute('aria-label')")
    largest = float(answers.attribution[7].abs().max())
    assert re.search(rf"red speaks for dog, blue for <img .*, full colour at {largest:.3g}", label)


def test_a_search_is_shown_step_by_step(opened: Opened, folder: Path) -> None:
    answers = read(folder / "two", "b")
    assert answers.trace is not None
    opened.find("article[data-question='3'] .answer:nth-child(3) button.open").click()
    for step, share in ((1, "75%"), (2, "50%"), (3, "25%")):
        opened.find("#point").send_keys(RIGHT)
        assert np.abs(opened.pixels() - answers.trace["images"][3, step - 1, 0].numpy()[..., None]).max() < 0.01
        assert share in opened.text("probabilities")
    assert opened.text("where") == "the counterfactual"


def test_the_keyboard_alone_leads_all_the_way(opened: Opened) -> None:
    opened.tab_to("#atlas td")
    assert opened.run("return document.activeElement.ariaLabel") == f"labelled cat, predicted {EVIL}: 4 images"
    opened.keys(DOWN, LEFT)
    assert opened.run("return document.activeElement.ariaLabel") == "labelled and predicted dog: 8 images"
    opened.keys(UP, END, ENTER)
    assert opened.run("return document.activeElement.id") == "cell-title"
    assert opened.ids() == [5, 11, 17, 23]
    opened.tab_to("#gallery button.open")
    opened.keys(ENTER)
    opened.tab_to("#point")
    opened.keys(RIGHT, RIGHT, RIGHT)
    assert opened.text("where").startswith("3 % of the way, a blend")
    opened.keys(END)
    assert opened.run("return document.getElementById('point').getAttribute('aria-valuetext')") == "the counterfactual"
    opened.tab_to("#overlay")
    opened.keys(SPACE, ESCAPE)
    assert not opened.run("return document.getElementById('viewer').open")
    assert opened.run("return document.activeElement.dataset.question") == "5"
    opened.driver.execute_script("document.getElementById('back').focus()")
    opened.keys(ENTER)
    assert opened.run("return document.activeElement.ariaLabel") == f"labelled cat, predicted {EVIL}: 4 images"
    assert opened.errors() == []


def test_the_atlas_counts_questions_too(opened: Opened) -> None:
    opened.find("#counts [value=questions]").click()
    cells = "return [...document.querySelectorAll('#atlas td')].map((one) => one.textContent)"
    assert opened.run(cells) == ["·", "·", "8", "8", "·", "·", "·", "8", "·"]
    opened.find("#frequent button").click()
    assert opened.text("cell-title") == "Why cat, and not dog?"
    assert opened.ids() == [0, 3, 6, 9, 12, 15, 18, 21]
    assert opened.run("return document.querySelector('#atlas [aria-selected=true]').ariaLabel").endswith(
        "dog: 8 questions"
    )


def test_a_colour_is_a_share_of_the_row_and_few_of_many_are_faint(opened: Opened) -> None:
    shown = """
        const counts = new Map(arguments[0]);
        legendOf(counts);
        const share = (one) => one.style.getPropertyValue("--share");
        return [[...grid("confusions", counts).querySelectorAll("td")].map(share),
          [...document.querySelectorAll("#atlas-key > span")].map((one) => [one.textContent, share(one.firstChild)])];
    """
    # Of 100 images one, and 64, and none; of 4 images two.
    cells, key = opened.run(shown, [["0:0", 35], ["0:1", 1], ["0:2", 64], ["1:0", 2], ["1:1", 2]])
    assert cells == ["59%", "13%", "100%", "88%", "71%", "", "", "", ""]
    assert key == [["1%", "13%"], ["4%", "25%"], ["16%", "50%"], ["64%", "100%"]]
    single, _ = opened.run(shown, [["0:0", 99], ["0:1", 1]])
    assert single[1] == "20%"


def test_filters_count_what_they_leave(opened: Opened) -> None:
    assert opened.text("count") == "24 of 24 images shown."
    opened.choose("fact", "cat")
    assert opened.ids() == [0, 3, 6, 9, 12, 15, 18, 21]
    assert opened.text("count") == "8 of 24 images shown."
    opened.choose("status", "unsolved")
    assert opened.ids() == [0, 12]
    opened.choose("fact", "any")
    opened.write("id", "4, 7-9 16")
    assert opened.ids() == [4, 8, 16]
    opened.write("id", "nonsense")
    assert opened.ids() == []
    opened.find("#id").clear()
    opened.find("#controls button[type=reset]").click()
    time.sleep(0.1)
    assert opened.text("count") == "24 of 24 images shown."
    opened.choose("label", "cat")
    opened.choose("foil", "cat")
    assert opened.ids() == [5, 11, 17, 23]
    boxes = opened.driver.find_elements("css selector", "#explainers input")
    assert len(boxes) == 3
    boxes[0].click()
    assert opened.run("return document.querySelector('article').querySelectorAll('.answer').length") == 2
    for box in boxes[1:]:
        box.click()
    assert opened.text("count") == "0 of 24 images shown."
    assert opened.errors() == []


def test_rows_are_sorted_either_way_and_those_without_a_value_are_last(driver: Any, tmp_path: Path) -> None:
    evil = f"a{EVIL}".replace("/", "")
    names = [evil, "gradcam-pair"]
    report([evaluated(store(tmp_path / "run", names), names)], str(tmp_path / "page.html"))
    page = Opened(driver, tmp_path / "page.html")
    told = "return [...document.querySelectorAll(arguments[0])].map((one) => [one.label ?? one.textContent, one.title])"
    for heads in ("#sort optgroup", "#explainers label", "article:first-child h4"):
        assert page.run(told, heads) == [[evil, evil], ["Grad-CAM, pair contrast", "gradcam-pair"]]
    page.choose("order", "falling")
    assert page.ids() == list(range(11, -1, -1))
    page.choose("sort", f"deletion ↓ ({evil})")
    assert page.ids() == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]
    page.choose("order", "rising")
    assert page.ids() == [10, 8, 6, 4, 2, 0, 1, 3, 5, 7, 9, 11]
    page.choose("sort", "distance (Grad-CAM, pair contrast)")
    assert page.ids() == [0, 7, 2, 9, 4, 11, 6, 1, 8, 3, 10, 5]
    numbers = "return document.querySelector('article .answer:last-child dl').innerText"
    assert page.run(numbers).split("\n") == ["distance", "0"]
    page.find("#numbers").click()
    assert page.run(numbers).split("\n") == ["deletion ↓", "1", "distance", "0"]
    assert evil in page.run("return document.querySelector('#table-section table').innerText")
    assert page.errors() == []


def test_a_hostile_name_is_text_and_the_page_may_load_nothing(opened: Opened) -> None:
    from selenium.common.exceptions import NoAlertPresentException  # noqa: PLC0415  (optional)

    heading = opened.run("return document.querySelectorAll('article h3')[1].textContent")
    assert heading == f"Why dog, and not {EVIL}?"
    assert f"b ({EVIL})" in opened.run("return document.querySelector('#table-section table').innerText")
    opened.choose("fact", EVIL)
    assert opened.run("return document.querySelectorAll('img').length") == 0
    with pytest.raises(NoAlertPresentException):
        _ = opened.driver.switch_to.alert.text
    assert opened.errors() == []
    found = opened.driver.execute_async_script("""
        const done = arguments[0];
        document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective), {once: true});
        fetch("https://127.0.0.1/").catch(() => setTimeout(() => done("not refused"), 500));
    """)
    assert found == "connect-src"


def test_it_is_dark_where_the_system_is_or_the_button_says_so(opened: Opened) -> None:
    def ground(scheme: str) -> str:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        return str(opened.run("return getComputedStyle(document.body).backgroundColor"))

    dark, light = "rgb(13, 17, 23)", "rgb(255, 255, 255)"
    assert (ground("dark"), ground("light")) == (dark, light)
    opened.find("#theme").click()
    assert (ground("dark"), ground("light")) == (dark, dark)
    opened.find("#theme").click()
    assert (ground("dark"), ground("light")) == (light, light)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Opened, scheme: str) -> None:
    axe = files(pytest.importorskip("axe_core_python")).joinpath("axe.min.js").read_text(encoding="utf-8")
    opened.run(f"setTheme({json.dumps(scheme == 'dark')}); document.getElementById('reading').open = true")
    opened.run(axe)
    check = "const done = arguments[0]; axe.run().then(({violations, passes}) => done([violations, passes.length]))"
    for look in (False, True):
        if look:
            opened.run(
                "document.querySelector('button.open').click(); document.querySelector('dialog details').open = true"
            )
        violations, passes = opened.driver.execute_async_script(check)
        assert [one["id"] for one in violations if one["impact"] in {"serious", "critical"}] == []
        assert passes > 10


def test_pictures_beside_the_page_are_loaded_as_they_come_into_view(driver: Any, tmp_path: Path) -> None:
    output = tmp_path / "a page & more.html"
    report([store(tmp_path / "run", ["a", "b"], samples=900, block=450)], str(output), inline=0)
    page = Opened(driver, output)
    assert len(page.ids()) == 40
    first = page.requests()
    page.run("scrollTo(0, document.body.scrollHeight)")
    deadline = time.monotonic() + 30
    while len(page.ids()) == 40:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    page.settle()
    page.choose("order", "falling")
    page.settle()
    sheets = {url for url in page.requests() if url.endswith(".png")}
    assert sheets
    assert not sheets & first
    assert all(url.startswith(f"{tmp_path.as_uri()}/a%20page%20%26%20more_files/sheet_") for url in sheets)
    assert page.errors() == []
