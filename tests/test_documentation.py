"""What the pages say is run: every code block, in the order of its page.

Each page has a folder of its own that begins with small data and hardly trained networks where the pages expect them.
Python is run as it stands, and with a title also written to a file of that name, which later blocks import. Of shell
blocks each ``python -m xaicf`` is run in this process with the page's arguments and, behind them, what makes it short:
two batches of one epoch, two images, a few questions, slim networks (``BRIEF`` and ``SLIM`` in pages.py). So every
option is read and every file that is named must be there, but the numbers mean nothing. A study is read with its
configuration and not run; its own tests run it. ``make`` names its target. A block under ``<!-- not run: REASON -->``
is not run, and of its commands those of the package are read by the command line all the same. YAML is written to its
file, or each class in it is looked up with its arguments.
"""

import csv
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pages import ROOT, blocks, brief, run, run_command
from PIL import Image
from small_data import write_small

from xaicf import store
from xaicf.cli import main
from xaicf.core import FITNESS, load_frozen
from xaicf.explainers.solvers import SOLVERS, AugmentedLagrangian, SequentialQuadratic

PAGES = [
    page
    for page in (*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")))
    if page.name != "CHANGELOG.md" and any(blocks(page))
]
OWN = ROOT / "docs/own/explainer.md"
TRAINED = ("quickstart/classifier", "quickstart/vae", "classifier/mnist", "vae/mnist", "ganmex/mnist")
"""Networks that pages find trained, by configuration."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder as a reader has it who has trained what the README trains."""
    home = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        write_small(Path("DATA"), "MNIST", test=20)
        for label, colour in enumerate(((200, 0, 0), (0, 200, 0), (0, 0, 200))):
            Path("MY_IMAGES", f"class {label}").mkdir(parents=True)
            for number in range(20):
                Image.new("RGB", (40 + number, 48), colour).save(f"MY_IMAGES/class {label}/{number}.png")
        for config in TRAINED:
            given = ["fit", f"--config=configs/{config}.yaml"]
            given += ["--data.root=DATA"] if config.endswith("/mnist") else []
            assert main([*given, *brief(given), "--trainer.callbacks=null"]) == 0
        for path in Path("runs").rglob("last.ckpt"):
            path.unlink()
        # A translator of two batches is unfit, and would be refused; the pages speak of one that is not.
        file = "runs/ganmex/mnist/best.ckpt"
        translator: Any = load_frozen(file)
        translator.record_fitness(dict.fromkeys(FITNESS[:3], 1.0) | dict.fromkeys(FITNESS[3:], 0.1))
        checkpoint = torch.load(file, weights_only=True)
        torch.save({**checkpoint, "state_dict": translator.state_dict()}, file)
        yield home


@pytest.fixture
def reader(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in a fresh copy of that folder, which Python looks into as it does under ``python -m``."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XAICF_DATA", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    # Networks that have hardly learned have no ties, and looking for one to the end takes long.
    monkeypatch.setitem(SOLVERS, "sequential_quadratic", SequentialQuadratic(steps=4))
    monkeypatch.setitem(SOLVERS, "augmented_lagrangian", AugmentedLagrangian(outer_steps=1))
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or ".").parent == tmp_path:
            del sys.modules[name]


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_of_a_page_runs(page: Path) -> None:
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        try:
            run(block, names)
        except Exception as error:
            error.add_note(f"in the block of {block.place}")
            raise


@pytest.mark.usefixtures("reader")
def test_an_explainer_of_sixty_lines_needs_nothing_but_its_file() -> None:
    """The page's class is used by YAML alone while training, over a split, in the table and on the page."""
    page = list(blocks(OWN))
    (code,) = (block for block in page if block.title == "hiding.py")
    assert len(code.text.splitlines()) <= 60
    for block in page:
        if block.title in {"hiding.py", "train.yaml", "explain.yaml"}:
            Path(block.title).write_text(block.text)
    (shell,) = (block for block in page if block.language == "bash")
    asked = [line.split() for line in shell.text.splitlines()]
    assert [words[3] for words in asked] == ["fit", "explain", "evaluate", "report"]
    for words in asked:
        run_command(words, shell)
    assert list(Path("runs/hiding/explanations").glob("epoch_0000/hiding/sample_*.png"))
    found = store.read("runs/hiding/store", "hiding")
    assert found.attribution is not None
    squares = found.attribution.unfold(2, 8, 8).unfold(3, 8, 8).flatten(4)  # (B, 1, 4, 4, 64), a square each
    assert torch.equal(squares, squares[..., :1].expand_as(squares))
    assert (squares[..., 0].flatten(1).std(1) > 0).all()
    with Path("runs/hiding/table.csv").open(encoding="utf-8") as file:
        assert "hiding" in {row["explainer"] for row in csv.DictReader(file)}
    assert "hiding" in Path("runs/hiding/page.html").read_text(encoding="utf-8")
