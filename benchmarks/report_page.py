"""Whether a page of many images still opens quickly.

    python benchmarks/report_page.py --images 5000

A store of so many images of 28 pixels, blots of ten classes, explained by three explainers (a counterfactual with its
way, a counterfactual, a map), becomes one file, which headless Chromium opens by turns with a page of 100 of its
images. The value is the median of the seconds until the first images are drawn, the spread its quartiles; ``cell`` is
how long a cell of the atlas takes to be drawn, ``sorted`` the images in another order, ``small`` the smaller page;
``write`` is the processor seconds of making the page, ``megabytes`` the size of its file. Needs chromium and
chromedriver.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import torch
from _result import show
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from xaicf.commands.report import report
from xaicf.core import DataError, Explanation, InputError, UserError
from xaicf.store import Folder, Manifest, Part, part_name, write_part

GOAL = 5.0
FEW = 100
SIDE, CLASSES, BLOCK = 28, 10, 500
PATIENCE = 600

SECONDS = """
    const done = arguments[0];
    const begin = performance.now();
    SCRIPT;
    const seen = () => [...document.querySelectorAll("canvas")].filter((one) => {
      const box = one.getBoundingClientRect();
      return box.width && box.bottom > 0 && box.top < innerHeight;
    });
    const look = () => (seen().length && seen().every((one) => "drawn" in one.dataset)
      ? done((performance.now() - begin) / 1000) : requestAnimationFrame(look));
    look();
"""
"""Runs a script, and gives the seconds until all pictures in view are drawn."""


def write(path: Path, images: int) -> None:
    """Write a store."""
    torch.manual_seed(0)
    ids = torch.arange(images)
    fact, foil = torch.randint(CLASSES, (images,)), torch.randint(1, CLASSES, (images,))
    foil = (fact + foil) % CLASSES
    label = torch.where(torch.rand(images) < 0.9, fact, foil)
    inputs, other, noise = (blurred(images) for _ in range(3))
    way = {
        "images": torch.stack([torch.lerp(inputs, other, step / 7) for step in range(8)], 1),
        "probabilities": torch.full((images, 8, CLASSES), 1 / CLASSES),
    }
    scalars = {f"number_{number}": torch.rand(images) for number in range(12)}
    status = (torch.rand(images) < 0.9).long()
    given = (inputs, fact, foil, status)
    explained = {
        "way": Explanation(*given, inputs - other, other, scalars=scalars, trace=way),
        "counterfactual": Explanation(*given, inputs - other, other, scalars=scalars),
        "map": Explanation(*given, noise - 0.5, scalars=scalars),
    }
    manifest = Manifest(list(explained), "test", ids.tolist(), BLOCK, BLOCK, [f"class {n}" for n in range(CLASSES)])
    manifest.write(Folder(path))
    for name, whole in explained.items():
        for block in range(manifest.blocks):
            rows = slice(block * BLOCK, (block + 1) * BLOCK)
            write_part(Folder(path) / name, part_name(block), Part(whole[rows], ids[rows], label[rows]))


def blurred(images: int) -> Tensor:
    """Draw images (N, 1, side, side) that compress as digits do: dark, with some blots."""
    return (4 * gaussian_blur(torch.randn(images, 1, SIDE, SIDE), [9, 9], [2.0, 2.0])).clamp(0, 1)


def opened(driver: webdriver.Chrome, page: Path) -> float:
    """Open a page; give the seconds until its pictures in view are drawn."""
    begin = time.perf_counter()
    driver.get(page.as_uri())
    script = "document.getElementById('cell').scrollIntoView()"
    driver.execute_async_script(SECONDS.replace("SCRIPT", script))
    return time.perf_counter() - begin


def main() -> int:
    """Print a line for each pair of pages and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000, help=f"at least {FEW}")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    browser, service = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    try:
        if given.images < FEW or given.repeats < 1:
            raise InputError(f"images must be at least {FEW} and repeats 1, got {given.images} and {given.repeats}")
        if browser is None or service is None:
            raise DataError("needs chromium and chromedriver")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(argument)
    with tempfile.TemporaryDirectory() as folder:
        store, large, small = (Path(folder) / name for name in ("store", "large.html", "small.html"))
        write(store, given.images)
        begin = time.process_time()
        report([str(store)], str(large), inline=given.images)
        cost = time.process_time() - begin
        report([str(store)], str(small), images=FEW)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(service))
        try:
            driver.set_script_timeout(PATIENCE)
            driver.set_page_load_timeout(PATIENCE)
            found = defaultdict[str, list[float]](list)
            for number in range(given.repeats):
                found["small"].append(opened(driver, small))
                found["large"].append(opened(driver, large))
                WebDriverWait(driver, PATIENCE).until(lambda one: one.execute_script("return places.length"))
                for name, script in (
                    ("cell", "document.querySelector('#atlas td.apart:not(.none)').click()"),
                    ("sorted", "document.getElementById('order').value = -1; update()"),
                ):
                    found[name].append(driver.execute_async_script(SECONDS.replace("SCRIPT", script)))
                print(f"{number + 1}: " + ", ".join(f"{name} {values[-1]:.2f} s" for name, values in found.items()))
        finally:
            driver.quit()
        size = large.stat().st_size / 1e6
    more = {name: round(statistics.median(found[name]), 3) for name in ("small", "cell", "sorted")}
    figures = {"images": given.images, "write": round(cost, 1), "megabytes": round(size, 1), **more}
    show("report_page", found["large"], "s", "lower", GOAL, **figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
