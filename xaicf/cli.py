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
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

import xaicf.callbacks
import xaicf.explainers
import xaicf.nn
from xaicf.callbacks.settings import SaveSettings
from xaicf.core import CheckpointError, InputError, UserError, read_checkpoint
from xaicf.data import ImageData
from xaicf.tasks import Task

NAMED = (xaicf.callbacks, xaicf.data, xaicf.explainers, xaicf.nn, xaicf.tasks)
"""Imported so that YAML may use the short names of their classes."""

LINKED = ("image_shape", "num_classes", "class_names")
"""What a task may take from its data; a task without such an argument is left alone."""

NOISE = re.compile(
    r"(Does not validate|Subtypes:|Errors:|Given value type:|Given value: (\[|\{|Namespace|NestedArg)|"
    r"Expected a <class 'NoneType'>|Expected a path but|Not a valid subclass|Subclass types|a class path|a dict )"
)
"""How lines of jsonargparse's reports begin that say nothing of the mistake."""


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

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Read a checkpoint that is named before anything else does.

        ``best`` and ``last`` are those of the run's folder; ``fit`` begins anew where there is no ``last``.
        """
        super().parse_arguments(parser, args)
        config = self.config[self.config.subcommand]
        path = config.get("ckpt_path")
        if path in {"best", "last"}:
            path = str(Path(config.checkpoint.dirpath, f"{path}.ckpt"))
            if config.ckpt_path == "last" and self.config.subcommand == "fit" and not Path(path).exists():
                return
            config.ckpt_path = path
        if path is not None and read_checkpoint(path).get("hyper_parameters"):
            raise CheckpointError(
                f"checkpoint {path} holds hyper_parameters, which would change the model, and is refused"
            )

    def instantiate_classes(self) -> None:
        """Build everything; a value that a constructor refuses is the user's mistake, any other error a defect."""
        try:
            super().instantiate_classes()
        except (ValueError, MisconfigurationException) as error:
            cause: BaseException = error  # jsonargparse wraps whatever a constructor raises
            while cause.__cause__ is not None and not isinstance(cause, UserError):
                cause = cause.__cause__
            if isinstance(cause, UserError):
                raise cause from None
            if isinstance(cause, ValueError | MisconfigurationException):
                raise InputError(_shorten(str(error))) from error
            raise

    def after_fit(self) -> None:
        """Say where the results lie."""
        if self.trainer.is_global_zero:
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
            save_config_callback=SaveSettings,
            save_config_kwargs={"overwrite": True, "save_to_log_dir": False},
            parser_kwargs={"exit_on_error": False, "allow_abbrev": False},
            args=None if args is None else list(args),
        )
    except (UserError, ArgumentError, MisconfigurationException) as error:
        # Lightning's own exception tells of defects too; of a user's settings, it finds only a wrong monitor late.
        if isinstance(error, MisconfigurationException) and "monitor" not in str(error):
            raise
        message = _shorten(str(error)) if isinstance(error, ArgumentError) else " ".join(str(error).split())
        print(f"xaicf: error: {message}", file=sys.stderr)
        return 2
    return 0


def _shorten(report: str) -> str:
    """Put jsonargparse's nested report into one line: the keys, the mistake and what is allowed."""
    lines = (line.strip().removeprefix("- ") for line in report.splitlines())
    text = " ".join(" ".join(line for line in lines if not NOISE.match(line)).split())
    text = re.sub(r'Parser key "([\w.]+)":', r"\1:", text)
    text = re.sub(r"Problem with given class_path '([\w.]+)':", r"\1:", text)
    text = re.sub(r"Type .* class: (Option '\w+').*\(class_path='([\w.]+)'.*", r"\2: \1 is not accepted", text)
    if option := re.search(r"([\w.]+\.\w+): Option '\w+' is not accepted", text):
        allowed = inspect.signature(pydoc.locate(option[1])).parameters  # type: ignore[arg-type]  # a class that was just found
        text = f"{text[: option.end()]}, only {', '.join(name for name in allowed if name not in LINKED)}"
    if unknown := re.search(r"Expected a dot import path string: (\w+)", text):
        meant = difflib.get_close_matches(unknown[1], [name for module in NAMED for name in module.__all__], 1)
        text = f"{text[: unknown.start()]}unknown class {unknown[1]}{f', is it {meant[0]}?' if meant else ''}"
    return text
