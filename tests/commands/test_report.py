"""Stores become a page that opens from disk, is filtered and sorted in a browser, and trusts no name."""

import dataclasses
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from xaicf.commands.report import main, report
from xaicf.core import DataError, Explanation, InputError, UserError
from xaicf.store import Evaluation, Folder, Manifest, Part, part_name, write_evaluation, write_part

EVIL = "<img src=x onerror=alert(1)>"
NAMES = ["cat", "dog", EVIL]
SIDE = 28


def store(path: Path, explainers: list[str], samples: int = 12, block: int = 5, first: int = 0, seed: int = 0) -> str:
    """Write a store: fact and foil change with the id, distance falls with it, every fourth row is unsolved."""
    torch.manual_seed(seed)
    ids = torch.arange(samples) + first
    images = torch.rand(samples, 1, SIDE, SIDE)
    manifest = Manifest(explainers, "test", ids.tolist(), block, block, NAMES)
    manifest.write(Folder(path))
    for place, name in enumerate(explainers):
        whole = Explanation(
            images,
            ids % 3,
            (ids + 1) % 3,
            (ids % 4 > 0).long() if place == 0 else torch.ones_like(ids),
            attribution=torch.randn(samples, 1, SIDE, SIDE),
            counterfactual=1 - images if place == 0 else None,
            scalars={"distance": torch.where(ids % 5 == 0, torch.nan, 100.0 - ids + place)},
        )
        for number in range(manifest.blocks):
            rows = slice(number * block, (number + 1) * block)
            write_part(Folder(path) / name, part_name(number), Part(whole[rows], ids[rows], ids[rows] % 3))
    return str(path)


def evaluated(path: str, explainers: list[str], samples: int = 12, measures: int = 0) -> str:
    """Keep measurements: deletion of even ids alone and falling with them, distance in place of the scalar."""
    ids = list(range(samples))
    table: dict[str, list[object]] = {
        "explainer": [name for name in explainers for _ in ids],
        "index": ids * len(explainers),
        "foil": [(index + 1) % 3 for index in ids] * len(explainers),
        "deletion": [1 / (1 + index) if index % 2 == 0 else float("nan") for index in ids] * len(explainers),
        "distance": [float(index * 7 % 12) for index in ids] * len(explainers),
        **{f"measure_{number}": [index / 7 + number for index in ids] * len(explainers) for number in range(measures)},
    }
    rows: list[dict[str, object]] = []
    for place, name in enumerate(explainers):
        about = {"group": "attribution", "meaning": "the area under p_fact."}
        half = {**about, "explainer": name, "better": "lower", "n": samples // 2, "mean": 0.25 + place}
        rows += [
            half | {"measure": "deletion", "low": 0.125 + place, "high": 0.375 + place},
            half | {"measure": "frechet_distance", "group": "counterfactual", "n": samples},
            half | {"measure": "l1", "n": 0, "mean": 0},
            half | {"measure": "distance", "better": None, "n": samples, "low": 0.0, "high": 9.0},
        ]
        rows += [half | {"measure": f"measure_{number}", "low": 0.0, "high": 9.0} for number in range(measures)]
    write_evaluation(Folder(path), Evaluation(rows, pa.table(table)))
    return path


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(r'id="data">([^<]*)<', page.read_text(encoding="utf-8"))
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_page_holds_what_the_store_does(tmp_path: Path) -> None:
    output = tmp_path / "new" / "page.html"
    report([store(tmp_path / "run", ["a", "b"])], str(output))
    data = data_of(output)
    assert [row[0] for row in data["questions"]] == list(range(12))
    assert [found[0] for found in data["explainers"][0]["answers"]] == [int(index % 4 > 0) for index in range(12)]
    html = output.read_text(encoding="utf-8")
    assert '<th scope="row">a</th><td>12</td><td>9</td><td>3</td><td>0</td><td>75.0%</td>' in html
    assert "Made from run (12 images of the test split)." in html
    assert str(tmp_path) not in html


def test_the_page_says_which_data_and_networks_it_is_about(tmp_path: Path) -> None:
    path = store(tmp_path / "run", ["a"])
    networks: dict[str, Any] = {
        "classifier": {"class_path": "xaicf.nn.foreign_classifier", "init_args": {"factory": "own.net"}},
        "generator": {"class_path": "xaicf.load_frozen", "init_args": {"path": "vae.ckpt"}},
    }
    settings = {"data": {"class_path": "xaicf.data.MNIST"}, "model": {"init_args": networks}}
    manifest = Manifest.read(Folder(path))
    dataclasses.replace(manifest, settings=settings, networks=dict.fromkeys(networks, "")).write(Folder(path))
    report([path], str(tmp_path / "page.html"))
    said = "run (12 images of the test split, data MNIST, classifier own.net, generator vae.ckpt)"
    assert said in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_table_is_of_what_was_measured(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    path = evaluated(store(tmp_path / "run", ["a", "b"]), ["a", "b"])
    report([path], str(output))
    html = output.read_text(encoding="utf-8")
    arrow = '<span role="img" aria-label="lower is better" title="lower is better">↓</span>'
    best = "<strong>0.25 <small>[0.125, 0.375]</small> <small>n 6</small></strong>"
    assert f"deletion {arrow}</th><td>{best}</td><td>1.25 <small>[1.12, 1.38]</small> <small>n 6</small></td>" in html
    assert f"frechet distance {arrow}</th><td>0.25 <small>n 12</small></td><td>1.25 <small>n 12</small></td>" in html
    assert '<th scope="row">distance</th><td>0.25 <small>[0, 9]</small></td>' in html
    assert html.count('<th scope="row">distance</th>') == 1  # the scalar of that name is not there
    assert html.index("Counterfactuals</th>") < html.index("Signed maps</th>")
    assert "<dt>deletion</dt><dd>the area under p_fact" in html
    assert "Not evaluated" not in html
    (one, _) = data_of(output)["explainers"]
    assert (one["measures"], one["scalars"]) == (["deletion", "distance"], [])
    assert [found[4] for found in one["answers"]][:3] == [[1, 0], [None, 7], [0.333333, 2]]


def test_a_question_that_was_not_measured_has_no_number(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    report([evaluated(store(tmp_path / "run", ["a"]), ["a"], samples=2)], str(output))
    answers = data_of(output)["explainers"][0]["answers"]
    assert [found[4] for found in answers] == [[1, 0], [None, 7], *[[None, None]] * 10]


def test_a_store_that_was_not_evaluated_says_so(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    one, two = (store(tmp_path / name, [name]) for name in ("one", "two<i>"))
    advice = "<code>python -m xaicf evaluate DIR --output table</code> adds the measures."
    report([one, two], str(output))
    html = output.read_text(encoding="utf-8")
    assert f"Not evaluated: one, two&lt;i&gt;. {advice}" in html
    assert '<th scope="col">distance</th>' in html
    evaluated(one, ["one"])
    report([one, two], str(output))
    html = output.read_text(encoding="utf-8")
    assert f"Not evaluated: two&lt;i&gt;. {advice}" in html
    assert '<th scope="row">distance</th><td>0.25 <small>[0, 9]</small></td><td>–</td>' in html
    assert '<th scope="row">distance</th><td>–</td><td>' in html  # the other's own


def test_a_damaged_evaluation_is_named(tmp_path: Path) -> None:
    path = evaluated(store(tmp_path / "run", ["a"]), ["a"])
    (tmp_path / "run" / "evaluation.json").write_text("[{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"^\S*run/evaluation\.json or its table is damaged[^\n]*$"):
        report([path], str(tmp_path / "page.html"))


def test_fewer_images_leave_the_table_whole(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    stores = [store(tmp_path / "run", ["a"]), store(tmp_path / "late", ["b"], first=100)]
    report(stores, str(output), images=7)
    html = output.read_text(encoding="utf-8")
    assert [row[0] for row in data_of(output)["questions"]] == list(range(7))
    assert "The 7 images with the lowest ids of 24 are shown; the table is over all." in html
    assert html.count("</th><td>12</td>") == 2


def test_explainers_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    stores = [store(tmp_path / folder / "run", [name, "same"]) for folder, name in (("x", "only"), ("y", "other"))]
    report([f"{stores[0]}/", stores[1]], str(output))
    found = {one["name"]: one["answers"] for one in data_of(output)["explainers"]}
    assert list(found) == ["only", "same (x/run)", "other", "same (y/run)"]
    assert all(len(answers) == 12 and None not in answers for answers in found.values())  # side by side
    report([stores[0], store(tmp_path / "two", ["same"])], str(output))
    assert [one["name"] for one in data_of(output)["explainers"]] == ["only", "same (run)", "same (two)"]


def test_mistakes_are_named(tmp_path: Path) -> None:
    path = store(tmp_path / "run", ["a"])
    output = str(tmp_path / "page.html")
    with pytest.raises(InputError, match="images must be at least 1, got 0"):
        report([path], output, images=0)
    with pytest.raises(InputError, match="each named once"):
        report([path, f"{path}/"], output)
    with pytest.raises(InputError, match="got none"):
        report([], output)
    with pytest.raises(DataError, match=r"nowhere/manifest\.json is missing"):
        report([str(tmp_path / "nowhere")], output)
    with pytest.raises(DataError, match=re.escape(f"cannot write {tmp_path}: ")):
        report([path], str(tmp_path))
    with pytest.raises(DataError, match=r"cannot write .*manifest\.json/page\.html"):
        report([path], f"{path}/manifest.json/page.html")
    (tmp_path / "run" / "a" / "part_000001.json").unlink()
    with pytest.raises(DataError, match="lacks 1 of 3 parts of a"):
        report([path], output)
    assert not Path(output).exists()


def test_the_command_line_says_where_the_page_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "page.html"
    paths = [store(tmp_path / "run", ["a"]), store(tmp_path / "more", ["b"])]
    main([*paths, "--output", str(output), "--images", "3"])
    assert capsys.readouterr().out == f"Report in {output}\n"
    assert len(data_of(output)["questions"]) == 3
    for wrong in ([*paths], ["--output", "x"], [*paths, "--output", "x", "--images", "many"], [*paths, "--what"]):
        with pytest.raises(UserError, match="report: "):
            main(wrong)


class Page:
    """A report in a browser."""

    def __init__(self, driver: Any, path: Path) -> None:
        self.driver = driver
        driver.get(path.as_uri())
        self.settle()

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def settle(self) -> None:
        """Wait until what is in view is drawn."""
        drawn = """
            const seen = [...document.querySelectorAll("article")].filter((one) => {
              const box = one.getBoundingClientRect();
              return box.bottom > 0 && box.top < innerHeight;
            });
            return seen.every((one) => one.querySelector("canvas") && [...one.querySelectorAll("canvas")].every(
              (canvas) => canvas.getContext("2d").getImageData(0, 0, 1, 1).data[3] === 255));
        """
        deadline = time.monotonic() + 10
        while not self.run(drawn):
            assert time.monotonic() < deadline, "pictures in view are not drawn"
            time.sleep(0.05)

    def choose(self, control: str, text: str) -> None:
        from selenium.webdriver.support.ui import Select  # noqa: PLC0415  (optional)

        select = Select(self.driver.find_element("id", control))
        select.select_by_visible_text(text)
        self.settle()

    def ids(self) -> list[int]:
        labels = self.run("return [...document.querySelectorAll('article')].map((one) => one.ariaLabel)")
        return [int(re.match(r"Sample (\d+):", label)[1]) for label in labels]  # type: ignore[index]

    def count(self) -> str:
        return str(self.driver.find_element("id", "count").text)

    def errors(self) -> list[Any]:
        """Give what the console holds, but for advice on how :meth:`settle` reads pictures."""
        return [entry for entry in self.driver.get_log("browser") if entry["source"] != "rendering"]


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
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(service))
    yield found
    found.quit()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    output = folder / "page.html"
    report([store(folder / EVIL, ["a", "b"]), store(folder / "two", ["b"])], str(output))
    return output


@pytest.fixture
def opened(driver: Any, small: Path) -> Page:
    return Page(driver, small)


def test_a_hostile_name_is_text(opened: Page) -> None:
    from selenium.common.exceptions import NoAlertPresentException  # noqa: PLC0415  (optional)

    heading = opened.run("return document.querySelectorAll('article h2')[1].textContent")
    assert heading == f"Why dog, and not {EVIL}?"
    assert f"b ({EVIL})" in opened.run("return document.querySelector('table').innerText")
    opened.choose("fact", EVIL)
    assert opened.run("return document.querySelectorAll('img').length") == 0
    with pytest.raises(NoAlertPresentException):
        _ = opened.driver.switch_to.alert.text
    assert opened.errors() == []


def test_the_page_may_load_nothing(opened: Page) -> None:
    found = opened.driver.execute_async_script("""
        const done = arguments[0];
        document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective), {once: true});
        fetch("https://127.0.0.1/").catch(() => setTimeout(() => done("not refused"), 500));
    """)
    assert found == "connect-src"
    opened.errors()  # the refusal itself


def test_filters_count_what_they_leave(opened: Page) -> None:
    assert opened.count() == "12 of 12 images shown."
    opened.choose("fact", "cat")
    assert opened.ids() == [0, 3, 6, 9]
    assert opened.count() == "4 of 12 images shown."
    opened.choose("status", "unsolved")
    assert opened.ids() == [0]
    opened.choose("fact", "any")
    assert opened.ids() == [0, 4, 8]
    opened.choose("foil", "cat")
    assert opened.ids() == [8]
    boxes = opened.driver.find_elements("css selector", "#explainers input")
    assert len(boxes) == 3
    boxes[0].click()
    assert opened.ids() == [8]  # the other store's leaves it unsolved too
    boxes[2].click()
    assert opened.ids() == []
    assert opened.count() == "0 of 12 images shown."
    opened.choose("status", "any")
    assert opened.ids() == [2, 5, 8, 11]
    assert opened.run("return document.querySelector('article').querySelectorAll('.answer').length") == 1
    opened.driver.find_element("css selector", "button[type=reset]").click()
    time.sleep(0.1)
    opened.settle()
    assert opened.ids() == list(range(12))
    assert opened.run("return document.querySelector('article').querySelectorAll('.answer').length") == 3
    assert opened.errors() == []


def test_rows_are_sorted_either_way_and_those_without_a_value_are_last(opened: Page) -> None:
    opened.choose("order", "falling")
    assert opened.ids() == list(range(11, -1, -1))
    opened.choose("sort", "distance (a)")
    assert opened.ids() == [1, 2, 3, 4, 6, 7, 8, 9, 11, 0, 5, 10]
    opened.choose("order", "rising")
    assert opened.ids() == [11, 9, 8, 7, 6, 4, 3, 2, 1, 0, 5, 10]
    first = opened.run("return document.querySelector('article .answer').innerText")
    assert re.search(r"distance\s+89$", first)
    assert opened.errors() == []


def test_rows_are_sorted_by_a_measure(driver: Any, tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    evil = f"a{EVIL}".replace("/", "")
    report([evaluated(store(tmp_path / "run", [evil, "b"]), [evil, "b"])], str(output))
    page = Page(driver, output)
    assert page.run("return [...document.querySelectorAll('#sort optgroup')].map((one) => one.label)") == [evil, "b"]
    page.choose("sort", f"deletion ↓ ({evil})")
    assert page.ids() == [10, 8, 6, 4, 2, 0, 1, 3, 5, 7, 9, 11]
    page.choose("order", "falling")
    assert page.ids() == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]
    page.choose("sort", "distance (b)")
    assert page.ids() == [5, 10, 3, 8, 1, 6, 11, 4, 9, 2, 7, 0]
    numbers = "return document.querySelector('article .answer:last-child dl').innerText"
    assert page.run(numbers).split("\n") == ["deletion ↓", "–", "distance", "11"]
    page.driver.find_element("id", "numbers").click()
    page.settle()
    assert page.run(numbers).split("\n") == ["distance", "11"]
    assert page.run("return document.querySelectorAll('img').length") == 0
    assert evil in page.run("return document.querySelector('table').innerText")
    assert page.errors() == []


def test_pictures_and_controls_have_names_and_take_the_keyboard(opened: Page) -> None:
    unnamed = """
        return [...document.querySelectorAll("canvas, select, input, button, article, [role=region]")].filter((one) =>
          !one.getAttribute("aria-label") && !one.labels?.length && !one.textContent.trim()).length;
    """
    assert opened.run(unnamed) == 0
    label = opened.run("return document.querySelector('.answer canvas:last-of-type').getAttribute('aria-label')")
    assert label == "counterfactual of a for sample 0"
    signed = opened.run("return document.querySelectorAll('.answer canvas')[1].getAttribute('aria-label')")
    assert re.fullmatch(
        r"Signed map of a for sample 0: red speaks for cat, blue for dog, full colour at [\d.]+", signed
    )
    body = opened.driver.find_element("tag name", "body")
    body.send_keys("\ue004")
    reached = []
    for _ in range(7):
        reached.append(opened.run("return document.activeElement.id || document.activeElement.className"))
        opened.driver.switch_to.active_element.send_keys("\ue004")
    assert reached[:6] == ["summary", "fact", "foil", "status", "sort", "order"]
    assert opened.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_it_follows_the_dark_scheme(opened: Page) -> None:
    def ground(scheme: str) -> str:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        return str(opened.run("return getComputedStyle(document.body).backgroundColor"))

    assert ground("dark") == "rgb(13, 17, 23)"
    assert ground("light") == "rgb(255, 255, 255)"


def test_two_thousand_images_open_and_scroll(driver: Any, tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    names = ["a", "b", "c", "d", "e"]
    path = store(tmp_path / "large", names, samples=2000, block=500)
    report([evaluated(path, names, samples=2000, measures=14)], str(output))
    page = Page(driver, output)
    assert page.count() == "2,000 of 2,000 images shown."
    for share in (0.1, 0.5, 1.0, 0.3):
        page.run("scrollTo(0, document.body.scrollHeight * arguments[0])", share)
        time.sleep(0.1)
        page.settle()
        filled = page.run("return [...document.querySelectorAll('article')].filter((one) => one.firstChild).length")
        assert 0 < filled < 40
    page.choose("order", "falling")
    page.choose("sort", "measure 13 ↓ (e)")
    assert page.ids()[0] == 1999
    assert page.errors() == []
