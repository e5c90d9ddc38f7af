"""Code blocks of Markdown pages, and a way to run each as a reader would."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import invalidate_caches
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser
from torch import nn

from xaicf.cli import main
from xaicf.commands.parser import LIGHTNING
from xaicf.commands.study import read
from xaicf.data import ImageData
from xaicf.explainers import Explainer
from xaicf.explainers.baselines import Baseline
from xaicf.shipped import shipped, with_shipped

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)?(?: title=\"(?P<title>[^\"]+)\")?.*$")
REASON = re.compile(r"^ *<!-- not run: (?P<reason>.+) -->$")

BRIEF = {
    "fit": [
        "--trainer.max_epochs=1",
        "--trainer.limit_train_batches=2",
        "--trainer.limit_val_batches=1",
        "--trainer.check_val_every_n_epoch=1",
        "--trainer.log_every_n_steps=1",
        "--trainer.enable_progress_bar=false",
        "--trainer.enable_model_summary=false",
        "--trainer.logger=false",
    ],
    "validate": ["--trainer.limit_val_batches=1", "--trainer.enable_progress_bar=false", "--trainer.logger=false"],
    "test": ["--trainer.limit_test_batches=1", "--trainer.enable_progress_bar=false", "--trainer.logger=false"],
    "predict": ["--trainer.limit_predict_batches=1", "--trainer.enable_progress_bar=false"],
    "explain": ["--model.ids=[0,1]", "--model.block_size=2", "--trainer.enable_progress_bar=false"],
    "evaluate": ["--images=2", "--again=1", "--reference=64"],
    "methods": ["--methods", "gradient", "--image-shape", "3", "32", "32"],
}
"""What makes a command short, by its name; it comes last, so that all that the page says is read too."""

SLIM = {
    "class_path: ExplainAtValidationEnd": [
        "--trainer.callbacks.init_args.samples=1",
        "--trainer.callbacks.init_args.every_n_epochs=1",
    ],
    "class_path: TorchvisionNet": ["--model.network.architecture=mobilenet_v3_small"],
    "class_path: VAE": [
        "--model.encoder=ConvEncoder",
        "--model.encoder.channels=[4, 8]",
        "--model.encoder.hidden=16",
        "--model.decoder=ConvDecoder",
        "--model.decoder.channels=[4, 8]",
        "--model.decoder.hidden=16",
    ],
    "class_path: Ganmex": ["--model.generator.width=4", "--model.generator.blocks=1"],
    "class_path: AttGAN": ["--model.generator.channels=[4, 8, 8]", "--model.critic.channels=[4, 8, 8]"],
}
"""What makes a training short, by what its configuration holds."""


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        page: it stands in.
        line: of its fence, from 1.
        language: after the fence.
        title: name of the file that it is, if it is one.
        reason: that the page gives for it not to be run.
        text: without the page's indentation.
    """

    page: Path
    line: int
    language: str
    title: str
    reason: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Read the blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    begin: int | None = None
    found: re.Match[str] | None = None
    for number, line in enumerate(lines):
        if begin is None:
            found = FENCE.match(line)
            begin = number if found else None
        elif found is not None and line.strip() == "```":
            before = next((one for one in reversed(lines[:begin]) if one.strip()), "")
            why = REASON.match(before)
            text = "".join(f"{one.removeprefix(found['indent'])}\n" for one in lines[begin + 1 : number])
            yield Block(
                page, begin + 1, found["language"] or "", found["title"] or "", why["reason"] if why else "", text
            )
            begin = None
    assert begin is None, f"{page}:{begin} is not closed"


def commands(text: str) -> Iterator[list[str]]:
    """Split a shell block into commands, with continued lines joined, comments dropped and ``$`` taken off."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words:
            yield words


def arguments_of(words: list[str]) -> list[str] | None:
    """Give the arguments for ``python -m xaicf`` in a command, whatever starts it; None where it is another command."""
    for place in range(len(words) - 1):
        if words[place : place + 2] == ["-m", "xaicf"]:
            return words[place + 2 :]
    return None


def run(block: Block, names: dict[str, Any]) -> None:
    """Run a block in the current folder.

    Args:
        block: any.
        names: of the page's Python, which its blocks share.
    """
    if block.title:
        Path(block.title).write_text(block.text, encoding="utf-8")
        invalidate_caches()
    if block.language == "python":
        compiled = compile("\n" * block.line + block.text, str(block.page), "exec")
        if not block.reason:
            exec(compiled, names)
            for name, value in list(names.items()):
                if name.startswith("test_"):
                    value()
                    del names[name]
    elif block.language in {"bash", "console", "sh"}:
        for words in commands(block.text):
            run_command(words, block)
    elif block.language == "yaml" and block.title:
        pass  # a later block names the file
    elif block.language == "yaml":
        for settings in named_classes(yaml.safe_load(block.text)):
            parse(settings)
    else:
        assert block.language in {"text", "bibtex", "mermaid"}, f"{block.place}: nobody runs {block.language or 'it'}"


def run_command(words: list[str], block: Block) -> None:
    """Run one command, shortened, or only parse it where the block says why."""
    arguments = arguments_of(words)
    if words[0] == "make":
        done = subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block.place}: {done.stderr}"
    elif arguments is None:
        assert block.reason, f"{block.place}: nobody runs {words}; say why above it: <!-- not run: REASON -->"
    elif block.reason or "--help" in arguments:
        parse_only(arguments)
    elif arguments[0] == "study":
        read(arguments[1], with_shipped(arguments[2:]))
    else:
        assert main([*arguments, *brief(arguments)]) == 0, f"{block.place}: {shlex.join(arguments)} failed"


def brief(arguments: list[str]) -> list[str]:
    """Give what makes a command short."""
    added = list(BRIEF.get(arguments[0], []))
    if arguments[0] == "methods" and "--factory" not in arguments:
        added = added[:2]
    if arguments[0] in LIGHTNING and arguments[0] != "explain":
        files = [shipped(word.rpartition("=")[2]) for word in arguments if word.endswith(".yaml")]
        texts = [re.sub(r"#.*", "", Path(file).read_text()) for file in files]
        added += [option for held, few in SLIM.items() if any(held in text for text in texts) for option in few]
    return added


def parse_only(arguments: list[str]) -> None:
    """Let the command line read arguments, and stop there; of commands without a trainer, know their options."""
    trained = arguments[0] in LIGHTNING
    arguments = [*arguments, "--print_config" if trained else "--help"]
    with redirect_stdout(StringIO()) as told:
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
    assert code == 0, f"{shlex.join(arguments)} is refused"
    assert told.getvalue()
    for word in arguments[1:]:
        assert trained or not word.startswith("--") or word.partition("=")[0] in told.getvalue(), f"no option {word}"


def named_classes(settings: object) -> Iterator[dict[str, Any]]:
    """Find, at the top of each branch, what names a class."""
    if isinstance(settings, dict):
        if "class_path" in settings:
            yield settings
        else:
            for value in settings.values():
                yield from named_classes(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from named_classes(value)


def parse(settings: dict[str, Any]) -> None:
    """Check the name of a class and the names and types of its arguments."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--one", type=Explainer | Baseline | ImageData | nn.Module)
    parser.parse_object({"one": settings})
