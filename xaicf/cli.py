"""The command line: Lightning's own, with the data's shape and classes linked into the task."""

import contextlib
import json
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

import xaicf.callbacks
import xaicf.commands.dashboard
import xaicf.commands.data
import xaicf.commands.evaluate
import xaicf.commands.methods
import xaicf.commands.report
import xaicf.commands.study
import xaicf.commands.verify
import xaicf.explainers
import xaicf.nn
import xaicf.tasks
from xaicf.callbacks import ExplainAtValidationEnd
from xaicf.callbacks.settings import SaveSettings
from xaicf.commands import Trainer
from xaicf.commands.building import refusals
from xaicf.commands.explain import Explain
from xaicf.commands.orphan import end_with_launcher
from xaicf.commands.parser import COMMANDS, TITLES, lightning_words, overview
from xaicf.core import CheckpointError, InputError, UserError, read_checkpoint
from xaicf.data import ImageData
from xaicf.mistakes import one_line
from xaicf.shipped import with_shipped

NAMED = [
    name
    for module in (xaicf.callbacks, xaicf.commands, xaicf.data, xaicf.explainers, xaicf.nn, xaicf.tasks)
    for name in module.__all__
]
"""What YAML may call by its short name, because it is imported here."""

LINKED = ("image_shape", "num_classes", "class_names", "attribute_names")
"""What a task may take from its data; a task without such an argument is left alone."""

OTHERS = {
    "data": xaicf.commands.data.main,
    "dashboard": xaicf.commands.dashboard.main,
    "evaluate": xaicf.commands.evaluate.main,
    "methods": xaicf.commands.methods.main,
    "report": xaicf.commands.report.main,
    "study": xaicf.commands.study.main,
    "verify": xaicf.commands.verify.main,
}
"""Commands that need no trainer."""

NOT_FOR_USERS = (
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # within Lightning
    r"The '\w+' does not have many workers",  # images lie in memory
    "Total length of .* across ranks is zero",  # a store that is complete
    r"Found \d+ module\(s\) in eval mode",  # a moving average stays in it
    "Checkpoint directory .* exists and is not empty",  # the settings are written there first
    "LightningCLI's args parameter is intended",
)
"""Warnings that tell a user of nothing to be done."""

LIMITS = ("limit_train_batches", "limit_val_batches", "limit_test_batches", "limit_predict_batches", "overfit_batches")
"""Settings of the trainer for which 1 means one batch, and 1.0 all of them."""

# typing may hand out a Union[float, int] it has met before for Lightning's Union[int, float], and 1 be read as 1.0.
for limit in LIMITS:
    Trainer.__init__.__annotations__[limit] = int | float | None


class Parser(LightningArgumentParser):
    """Takes functions such as ``xaicf.load_frozen`` as networks of a model, also where the data is linked into it."""

    def add_function_arguments(self, *args: Any, linked_targets: object = None, **keywords: Any) -> list[str]:  # noqa: ANN401  (whatever jsonargparse's own takes)
        """Leave out the links, which jsonargparse hands on though its own method does not take them."""
        added: list[str] = super().add_function_arguments(*args, **keywords)
        return added

    def add_argument_group(self, *args: Any, name: str | None = None, **keywords: Any) -> Any:  # noqa: ANN401  (a private class of jsonargparse)
        """Give the group its title of :data:`TITLES`, which is else the first line of a docstring."""
        title = args[:1] if name is None else (TITLES.get(name, *args[:1]),)
        return super().add_argument_group(*title, *args[1:], name=name, **keywords)


class CLI(LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict`` for any task, and ``explain``, on any data of the package."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Add ``explain`` to Lightning's own."""
        return {**LightningCLI.subcommands(), "explain": {"model", "datamodule", "settings"}}

    def add_default_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the seed."""
        about = "of all random numbers; true takes a random one, false none"
        parser.add_argument("--seed_everything", type=bool | int, default=self.seed_everything_default, help=about)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Link the data into the task, and the run's folder into its checkpoints."""
        for name in LINKED:
            parser.link_arguments(f"data.{name}", f"model.init_args.{name}", apply_on="instantiate")
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
        # A callback of its own: with save_last, Lightning would write it only where the best is written too.
        parser.add_lightning_class_args(ModelCheckpoint, "last_checkpoint")
        parser.set_defaults(
            {
                "trainer.default_root_dir": "runs/default",
                "checkpoint.filename": "best",
                "checkpoint.monitor": "val/loss",
                "checkpoint.enable_version_counter": False,
                "last_checkpoint.filename": "last",
                "last_checkpoint.enable_version_counter": False,
            }
        )
        for name in ("checkpoint", "last_checkpoint"):
            parser.link_arguments("trainer.default_root_dir", f"{name}.dirpath")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Read a checkpoint that is named before anything else does.

        ``best`` and ``last`` are those of the run's folder; ``fit`` begins anew where there is no ``last``, the other
        commands read ``best`` where nothing is named.
        """
        super().parse_arguments(parser, args)
        config = self.config[self.config.subcommand]
        path = config.get("ckpt_path")
        if path is None and self.config.subcommand in {"validate", "test", "predict"}:
            path = "best"
        if path in {"best", "last"}:
            file = Path(config.checkpoint.dirpath, f"{path}.ckpt")
            anew = path == "last" and self.config.subcommand == "fit" and not file.exists()
            config.ckpt_path = path = None if anew else str(file)
        if config.trainer.fast_dev_run:  # a trial leaves the results of a training alone
            config.trainer.default_root_dir = str(Path(config.trainer.default_root_dir, "fast_dev_run"))
            config.checkpoint.dirpath = config.last_checkpoint.dirpath = config.trainer.default_root_dir
        if path is not None and read_checkpoint(path).get("hyper_parameters"):
            raise CheckpointError(
                f"checkpoint {path} holds hyper_parameters, which would change the model, and is refused"
            )

    def instantiate_classes(self) -> None:
        """Build everything; a value that a constructor refuses is the user's mistake, any other error a defect."""
        with refusals(NAMED, LINKED):
            super().instantiate_classes()
        if self.subcommand in {"fit", "validate"}:
            # The trainer asks again, but only after the loggers have opened their runs.
            for callback in self.trainer.callbacks:  # type: ignore[attr-defined]  # Lightning sets it from outside
                if isinstance(callback, ExplainAtValidationEnd):
                    callback.check(self.model, self.datamodule)

    def explain(self, model: Explain, datamodule: ImageData, output: str, memory: str | None = None) -> None:
        """Run :meth:`Trainer.explain`, which keeps the resolved settings."""
        written = json.loads(self.parser.dump(self.config, skip_none=False, format="json"))[self.subcommand]
        settings = {name: written[name] for name in ("seed_everything", "model", "data")}
        assert isinstance(self.trainer, Trainer)
        settings |= {"precision": written["trainer"]["precision"]}
        self.trainer.explain(model, datamodule, output, memory, settings)

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
    given = with_shipped(sys.argv[1:] if args is None else args)
    end_with_launcher()
    try:
        command = next(iter(given), "none")
        if command.startswith("-") and {"-h", "--help"} & set(given):
            print(overview(OTHERS))
            return 0
        if command not in COMMANDS and not command.startswith("-"):
            raise InputError(f"command must be one of {', '.join(COMMANDS)}, got {command}")
        if command in OTHERS:
            OTHERS[command](given[1:])
            return 0
        with _progress_on_stdout(), warnings.catch_warnings():
            for warning in NOT_FOR_USERS:
                warnings.filterwarnings("ignore", warning)
            CLI(
                LightningModule,
                ImageData,
                trainer_class=Trainer,
                parser_class=Parser,
                subclass_mode_model=True,
                subclass_mode_data=True,
                auto_configure_optimizers=False,
                seed_everything_default=0,
                save_config_callback=SaveSettings,
                save_config_kwargs={"overwrite": True, "save_to_log_dir": False},
                parser_kwargs={"exit_on_error": False, "allow_abbrev": False, **lightning_words()},
                args=given,
            )
    except (UserError, ArgumentError, MisconfigurationException) as error:
        # Lightning's own exception tells of defects too; of a user's settings, it finds only these late.
        late = ("monitor", "not supported for manual optimization")
        if isinstance(error, MisconfigurationException) and not any(part in str(error) for part in late):
            raise
        message = (
            one_line(str(error), NAMED, LINKED) if isinstance(error, ArgumentError) else " ".join(str(error).split())
        )
        print(f"xaicf: error: {message}", file=sys.stderr)
        return 2
    return 0


@contextlib.contextmanager
def _progress_on_stdout() -> Iterator[None]:
    """Move what Lightning tells of its progress away from stderr, which is for mistakes."""
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    handlers = [handler for logger in loggers for handler in logger.handlers]
    streams = {handler: handler.stream for handler in handlers if isinstance(handler, logging.StreamHandler)}
    try:
        for handler in streams:
            handler.setStream(sys.stdout)
        yield
    finally:
        for handler, stream in streams.items():
            handler.setStream(stream)
