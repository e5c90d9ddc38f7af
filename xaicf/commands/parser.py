"""Arguments of the commands that need no trainer, and the words of all of them."""

import shutil
import textwrap
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from inspect import getmodule
from typing import Any, NoReturn

from jsonargparse import DefaultHelpFormatter

from xaicf.core import InputError

WIDTH = 79
"""Of descriptions, and of lines where the terminal's width is not known."""

WIDEST = 118
"""Of lines, however wide the terminal is."""

TITLES = {
    "trainer": "the trainer: where, how long, and with which callbacks and logger",
    "model": "the model: --model NAME, then --model.OPTION; --model.help NAME tells the options",
    "data": "the data: --data NAME, then --data.OPTION; --data.help NAME tells the options",
    "checkpoint": "best.ckpt, by default of the lowest val/loss",
    "last_checkpoint": "last.ckpt, to go on from",
    "fit": "to go on: --ckpt_path last, or a file",
    "validate": "what is measured: --ckpt_path best, last or a file",
    "test": "what is measured: --ckpt_path best, last or a file",
    "predict": "what is asked: --ckpt_path best, last or a file",
    "explain": "the store",
}
"""Of the groups of options, which are else the first lines of docstrings."""

TRAINED = "runs/classifier/digits/best.ckpt"
LIGHTNING = {
    "fit": ("Train a network by a configuration, and explain as it learns.", "--config configs/classifier/digits.yaml"),
    "validate": (
        "Measure a trained network on the validation split, and explain it.",
        f"--config configs/classifier/digits.yaml --ckpt_path {TRAINED}",
    ),
    "test": (
        "Measure a trained network on the test split.",
        f"--config configs/classifier/digits.yaml --ckpt_path {TRAINED}",
    ),
    "predict": (
        "Put the test split through a trained network.",
        f"--config configs/classifier/digits.yaml --ckpt_path {TRAINED}",
    ),
    "explain": (
        "Ask explainers about a split, and write a store; what it holds is not computed again.",
        "--config configs/explain/digits.yaml --output runs/explain/digits",
    ),
}
"""What each command of the trainer does, and an example of its arguments."""

GROUPS = {
    "train": ("fit", "validate", "test", "predict"),
    "explain": ("explain", "verify", "evaluate", "report"),
    "look before": ("data", "methods"),
    "of papers": ("study",),
    "in Weights & Biases": ("dashboard",),
}
"""All commands, by what they are for."""

COMMANDS = tuple(name for names in GROUPS.values() for name in names)


class _Narrow(RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions and examples, and makes no others wider than :data:`WIDEST`."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401  (whatever argparse's own takes)
        keywords["width"] = min(WIDEST, shutil.get_terminal_size((WIDTH + 2, 24)).columns - 2)
        super().__init__(*args, **keywords)


class Told(_Narrow, DefaultHelpFormatter):
    """Tells types and defaults too."""


def overview(others: Mapping[str, Callable[..., None]]) -> str:
    """Say what each command does.

    Args:
        others: commands that need no trainer.
    """
    about = {name: words for name, (words, _) in LIGHTNING.items()}
    about |= {name: _first_line(main) for name, main in others.items()}
    lines = ["usage: python -m xaicf COMMAND [OPTIONS]", "", "Why this class, and not that one?", ""]
    for title, commands in GROUPS.items():
        lines += [f"{title}:", *(f"  {command:<11}{about[command]}" for command in commands), ""]
    lines += ["COMMAND --help tells its options, with their defaults.", ""]
    return "\n".join([*lines, _example("xaicf fit --config configs/quickstart/classifier.yaml")])


def lightning_words() -> dict[str, Any]:
    """Give what LightningCLI hands on to its parsers, those of subcommands under their names."""
    words: dict[str, Any] = {"formatter_class": Told}  # of the subcommands too
    for command, (description, example) in LIGHTNING.items():
        usage = f"python -m xaicf {command} --config FILE [--config FILE ...] [--OPTION VALUE ...]"
        words[command] = {
            "usage": f"{usage}{' --output DIR' if command == 'explain' else ''}",
            "description": f"{description}\n\nEvery option may stand in a file too; what comes later wins.",
            "epilog": _example(f"xaicf {command} {example}"),
        }
    return words


class Parser(ArgumentParser):
    """Takes a mistake for what it is: an error of one line, like any other.

    Args:
        command: such as ``xaicf verify``.
        description: what it does, in a sentence.
        example: of its arguments.
    """

    def __init__(self, command: str, description: str, example: str = "") -> None:
        super().__init__(
            f"python -m {command}",
            description=textwrap.fill(description, WIDTH),
            epilog=_example(f"{command} {example}") if example else None,
            formatter_class=_Narrow,
            allow_abbrev=False,
        )
        self.command = command

    def error(self, message: str) -> NoReturn:
        """Raise :class:`InputError`."""
        raise InputError(f"{self.command}: {message}")


def _example(command: str) -> str:
    return f"example:\n  python -m {command}"


def _first_line(main: Callable[..., None]) -> str:
    return (getattr(getmodule(main), "__doc__", None) or "").partition("\n")[0]
