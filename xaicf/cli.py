"""The command line: Lightning's own, with the data's shape and classes linked into the task."""

import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentError
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

import xaicf.callbacks
import xaicf.explainers
import xaicf.nn  # noqa: F401  (imported so that YAML may use short class names)
from xaicf.core import UserError, read_checkpoint
from xaicf.data import ImageData
from xaicf.tasks import Task

LINKED = ("image_shape", "num_classes", "class_names")
"""What a task may take from its data; a task without such an argument is left alone."""


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
        """Read a checkpoint named on the command line before anything is built."""
        path = self.config[self.config.subcommand].get("ckpt_path")
        if path not in {None, "last", "best", "hpc", "registry"}:
            read_checkpoint(path)

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
    except (UserError, ArgumentError, MisconfigurationException, FileNotFoundError, pickle.UnpicklingError) as error:
        print(f"xaicf: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0
