"""Imports run one way: the arrow of the package, read from the source of every file."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import xaicf

PACKAGE = Path(xaicf.__file__).parent

METHODS = {"core", "nn", "losses", "tasks", "data", "explainers", "evaluation", "store", "viz"}
"""All that callbacks, studies and the command line put together."""

ALLOWED = {
    "core": {"core"},
    "nn": {"core", "nn"},
    "losses": {"core", "losses"},
    "tasks": {"core", "nn", "losses", "tasks"},
    "data": {"core", "data"},
    "explainers": {"core", "explainers"},
    "evaluation": {"core", "explainers", "evaluation"},
    "store": {"core", "store"},
    "viz": {"core", "viz"},
    "callbacks": METHODS | {"callbacks"},
    "studies": METHODS | {"callbacks", "studies", "shipped", "__init__"},
    "commands": METHODS | {"callbacks", "studies", "commands", "mistakes"},
    "mistakes": {"mistakes"},
    "shipped": {"shipped"},
    "cli": METHODS | {"callbacks", "studies", "commands", "mistakes", "shipped", "cli"},
    "__init__": {"core"},
    "__main__": {"cli"},
}
"""What each part of the package may import from the package."""

WITHOUT_LIGHTNING = {"core", "nn", "losses", "explainers"}
LIGHTNING = {"lightning", "pytorch_lightning", "lightning_fabric"}
WANDB_FILES = ("callbacks/logging.py", "commands/panels.py")
"""What logs runs, and what lays out pages that show them, which its command alone imports, and only when asked."""
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def part_of(file: str) -> str:
    """Name the folder, or the file at the top, that a file belongs to."""
    return Path(file).parts[0].removesuffix(".py")


def imported(source: str, file: str) -> Iterator[str]:
    """Give the full dotted name of everything that a file of the package imports, anywhere in it."""
    parents = ["xaicf", *Path(file).parts[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) + 1 - node.level] if node.level else []
            base += [node.module] if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)


def violations(source: str, file: str) -> list[str]:
    """Say which imports of a file go against the arrow.

    The top of the package imports the core alone, so all but the core may read its version.
    """
    part = part_of(file)
    allowed = ALLOWED[part] | ({"__init__"} if part != "core" else set())
    found = []
    for name in imported(source, file):
        root, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if root == "xaicf" and (target if target in ALLOWED else "__init__") not in allowed:
            found.append(f"{file}: {part} must not import {name}")
        if root in LIGHTNING and part in WITHOUT_LIGHTNING:
            found.append(f"{file}: {part} must not know Lightning, imports {name}")
        if root != "xaicf" and "wandb" in name.lower() and file not in WANDB_FILES:
            found.append(f"{file}: only {WANDB_FILES} may know W&B, imports {name}")
    return found


@pytest.mark.parametrize("file", FILES)
def test_imports_follow_the_arrow(file: str) -> None:
    assert violations((PACKAGE / file).read_text(encoding="utf-8"), file) == []


def test_every_folder_has_its_place() -> None:
    assert {part_of(file) for file in FILES} <= set(ALLOWED)


def test_the_table_has_no_way_round() -> None:
    """No two parts may import each other, not even through others."""
    reached = {part: set(targets) - {part} for part, targets in ALLOWED.items()}
    for _ in ALLOWED:
        reached = {part: targets.union(*(reached[target] for target in targets)) for part, targets in reached.items()}
    assert [part for part, targets in reached.items() if part in targets] == []


@pytest.mark.parametrize("package", ["nn", "losses", "explainers"])
def test_a_fresh_interpreter_stays_without_lightning(package: str) -> None:
    code = f"import sys, xaicf.{package}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert f"xaicf.{package}" in loaded
    assert not loaded & (LIGHTNING | {"wandb"})


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("core/types.py", "from xaicf.nn import TwoConv"),
        ("core/types.py", "from xaicf import __version__"),
        ("core/types.py", "import lightning"),
        ("nn/blocks.py", "from xaicf.losses.kl import kl_standard_normal"),
        ("nn/blocks.py", "from lightning import LightningModule"),
        ("nn/blocks.py", "import pytorch_lightning as pl"),
        ("losses/kl.py", "import xaicf.nn"),
        ("tasks/vae.py", "from ..data import MNIST"),
        ("tasks/vae.py", "def late():\n    from xaicf.explainers import CDeepEx"),
        ("data/mnist.py", "if True:\n    import xaicf.tasks.vae as vae"),
        ("explainers/cdeepex.py", "from xaicf import data"),
        ("explainers/solvers/polish.py", "from ... import tasks"),
        ("explainers/solvers/polish.py", "from ...tasks import Task"),
        ("explainers/base.py", "import torch, lightning.pytorch"),
        ("explainers/base.py", "import wandb"),
        ("evaluation/recourse.py", "from xaicf.store import read"),
        ("store/write.py", "from xaicf.explainers import Explainer"),
        ("viz/panel.py", "from xaicf.evaluation import recourse"),
        ("callbacks/explain.py", "from xaicf.cli import main"),
        ("callbacks/explain.py", "from xaicf import cli"),
        ("callbacks/explain.py", "from lightning.pytorch.loggers import WandbLogger"),
        ("studies/tables.py", "import xaicf.cli"),
        ("cli.py", "import wandb.sdk"),
        ("commands/dashboard.py", "import wandb_workspaces.workspaces"),
        ("__init__.py", "from xaicf.tasks import Task"),
        ("__main__.py", "from xaicf.core import Subject"),
    ],
)
def test_a_violation_is_caught(file: str, source: str) -> None:
    assert len(violations(source, file)) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("core/checkpoint.py", "from xaicf.core.errors import CheckpointError\nfrom .recipe import build"),
        ("nn/__init__.py", "from .blocks import Normalize\nfrom ..core import Images"),
        ("explainers/solvers/polish.py", "from ..base import Explainer\nimport captum.attr"),
        ("store/write.py", "from xaicf import __version__\nfrom xaicf.core import Explanation"),
        ("callbacks/logging.py", "import wandb\nfrom lightning.pytorch.loggers import WandbLogger"),
        ("callbacks/__init__.py", "from xaicf.callbacks.logging import WandbLogger\nimport xaicf.viz"),
        ("commands/panels.py", "import wandb_workspaces.workspaces\nfrom wandb.errors import Error"),
        ("cli.py", "import xaicf.callbacks, xaicf.studies\nfrom lightning.pytorch.cli import LightningCLI"),
    ],
)
def test_what_is_allowed_passes(file: str, source: str) -> None:
    assert violations(source, file) == []
