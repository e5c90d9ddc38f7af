"""The command line: Lightning's own, with the data's shape and classes linked into the task."""

import difflib
import inspect
import pydoc
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

import xaicf.callbacks
import xaicf.explainers
import xaicf.nn
from xaicf.core import InputError, UserError, read_checkpoint
from xaicf.data import ImageData
from xaicf.tasks import Task

LINKED = ("image_shape", "num_classes", "class_names")
"""What a task may take from its data; a task without such an argument is left alone."""

NOISE = re.compile(
    r"[\s-]*(Does not validate|Subtypes:|Errors:|Given value type:|Given value: (\[|\{|Namespace|NestedArg)|$"
    r"|Expected a <class 'NoneType'>|Expected a path but|Not a valid subclass|Subclass types|a class path|a dict )"
)
"""Lines of jsonargparse's reports that say nothing of the mistake."""


class CLI(LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict`` for any task and data module of the package."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Link the data into the task, and the run's folder into its checkpoints."""
        for name in LINKED:
            parser.link_arguments(f"data.{name}", f"model.init_args.{name}", apply_on="instantiate")
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
        parser.set_defaults(
            {
                "trainer.default_root_dir": "runs/default",
                "checkpoint.filename": "best",
                "checkpoint.monitor": "val/loss",
                "checkpoint.save_last": True,
                "checkpoint.enable_version_counter": False,
            }
        )
        parser.link_arguments("trainer.default_root_dir", "checkpoint.dirpath")

    def before_instantiate_classes(self) -> None:
        """Read a checkpoint named on the command line before anything is built.

        ``best`` and ``last`` are those of the run's folder; ``fit`` begins anew where there is no ``last``.
        """
        config = self.config[self.config.subcommand]
        path = config.get("ckpt_path")
        if path in {"best", "last"}:
            path = str(Path(config.checkpoint.dirpath, f"{path}.ckpt"))
            if config.ckpt_path == "last" and self.config.subcommand == "fit" and not Path(path).exists():
                return
            config.ckpt_path = path
        if path is not None:
            read_checkpoint(path)

    def instantiate_classes(self) -> None:
        """Build everything; a value that a constructor refuses is the user's mistake."""
        try:
            super().instantiate_classes()
        except ValueError as error:
            # jsonargparse wraps whatever a constructor raises.
            cause: BaseException = error
            while cause.__cause__ is not None and not isinstance(cause, UserError):
                cause = cause.__cause__
            if isinstance(cause, UserError | ValueError):
                raise InputError(str(cause)) from error
            raise

    def after_fit(self) -> None:
        """Say where the results lie."""
        print(f"Results in {Path(self.trainer.default_root_dir)}")


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        args: the arguments; those of the process if left out.

    Returns:
        The exit code: 0 on success, 2 for a user's mistake, told in one line on stderr.
    """
    try:
        CLI(
            Task,
            ImageData,
            subclass_mode_model=True,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            seed_everything_default=0,
            save_config_kwargs={"overwrite": True},
            parser_kwargs={"exit_on_error": False},
            args=args,
        )
    except (UserError, ArgumentError, MisconfigurationException) as error:
        print(f"xaicf: error: {_one_line(str(error))}", file=sys.stderr)
        return 2
    return 0


def _one_line(report: str) -> str:
    """Shorten a report to the keys, the mistake and, where jsonargparse does not say it, what is allowed."""
    text = " ".join(" ".join(line for line in report.splitlines() if not NOISE.match(line)).split())
    unknown = re.search(r"Option '([\w.]+)' is not accepted(?:\. Got value: Namespace\(class_path='([\w.]+)')?", text)
    owners = re.findall(r"given class_path '([\w.]+)'", text)
    if unknown and (unknown[2] or owners):
        owner = unknown[2] or owners[-1]
        taken = [name for name in inspect.signature(pydoc.locate(owner)).parameters if name not in LINKED]
        text = f"{text[: unknown.start()]}option {unknown[1]} of {owner} is not one of {', '.join(taken)}"
    text = re.sub(r"Type \S+\[.* callable class: ", "", text)
    text = re.sub(r'Parser key "([\w.]+)":|Problem with given class_path \'([\w.]+)\':', r"\1\2:", text)
    missing = re.search(r"- Expected a dot import path string: (\w+)|", text)
    return text
