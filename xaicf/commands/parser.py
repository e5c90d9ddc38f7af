"""Arguments of the commands that need no trainer, and the words of all of them."""

import textwrap
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from inspect import getmodule
from typing import Any, NoReturn

from jsonargparse import DefaultHelpFormatter

from xaicf.core import InputError

WIDTH = 79

TITLES = {
    "trainer": "the trainer: where, how long, and with which callbacks and logger",
    "model": "the model: --model NAME, then --model.OPTION; --model.help NAME tells the options",
    "data": "the data: --data NAME, then --data.OPTION; --data.help NAME tells the options",
    "checkpoint": "best.ckpt, by default of the lowest val/loss",
    "last_checkpoint": "last.ckpt, to go on from",
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


class Told(RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Keeps the lines of descriptions and examples, and tells types and defaults."""


def lightning_words(others: Mapping[str, Callable[..., None]]) -> dict[str, Any]:
    """Give what LightningCLI hands on to its parsers, those of subcommands under their names.

    Args:
        others: commands that need no trainer.
    """
    lines = [f"  {name:<10}{_first_line(main)}" for name, main in others.items()]
    about = "Why this class, and not that one?\n\nCommands without a trainer, each with a --help of its own:"
    words: dict[str, Any] = {
        "usage": "python -m xaicf COMMAND [OPTIONS]",
        "description": "\n".join([about, *lines]),
        "epilog": _example("xaicf fit --config configs/quickstart/classifier.yaml"),
        "formatter_class": Told,
    }
    for command, (description, example) in LIGHTNING.items():
        usage = f"python -m xaicf {command} --config FILE [--config FILE ...] [--OPTION VALUE ...]"
        words[command] = {
            "usage": f"{usage}{' --output DIR' if command == 'explain' else ''}",
            "description": f"{description}\n\nEvery option may stand in a file too; what comes later wins.",
            "epilog": _example(f"xaicf {command} {example}"),
            "formatter_class": Told,
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
            formatter_class=RawDescriptionHelpFormatter,
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
