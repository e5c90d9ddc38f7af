"""Send explanations to whatever loggers there are. The only file that knows W&B."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch.loggers as lightning_loggers
import numpy as np
import wandb
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_info
from PIL import Image
from wandb.errors import CommError, UsageError

from xaicf.viz.heatmap import Pixels

SYNC_HINT = "W&B is offline ({reason}); send the run later with: wandb sync {folder}/wandb/offline-run-*"


class WandbLogger(lightning_loggers.WandbLogger):
    """Lightning's W&B logger that goes offline by itself, and says in one line how to sync.

    It does so where nobody is logged in and where the server cannot be reached; ``WANDB_MODE`` is
    obeyed.

    Args:
        project: of the run.
        save_dir: folder of W&B's files.
        name: of the run; W&B makes one up if left out.
        group: of the run.
        tags: of the run.
    """

    def __init__(
        self,
        project: str = "xaicf",
        save_dir: str = "runs",
        name: str | None = None,
        group: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> None:
        super().__init__(name=name, save_dir=save_dir, project=project, group=group, tags=tags)

    @property
    @rank_zero_experiment
    def experiment(self) -> "wandb.Run":
        """Give the run, opened at the first call."""
        run: wandb.Run
        if self._experiment is not None:
            run = super().experiment
            return run
        try:
            if "WANDB_MODE" not in os.environ and not wandb.login(prompt=False, verify=False):
                self._go_offline("nobody is logged in")
            run = super().experiment
        except (CommError, UsageError, TimeoutError) as error:
            self._go_offline(str(error).partition("\n")[0])
            run = super().experiment
        # Everything of an explanation goes against the epoch: global_step counts every optimiser's steps.
        run.define_metric("explain/*", step_metric="epoch")
        run.define_metric("samples/*", step_metric="epoch")
        return run

    def _go_offline(self, reason: str) -> None:
        # W&B reads its environment once, so the mode goes to its next call.
        self._wandb_init["mode"] = "offline"
        rank_zero_info(SYNC_HINT.format(reason=reason, folder=self.save_dir))


@dataclass(frozen=True)
class Table:
    """Rows to be logged as one table; a ``Path`` in a cell is a picture.

    Attributes:
        key: under which it is logged.
        columns: names.
        rows: one value for each column.
    """

    key: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def log_epoch(
    loggers: Sequence[Logger],
    epoch: int,
    scalars: Mapping[str, float],
    pictures: Mapping[str, Path],
    table: Table | None = None,
) -> None:
    """Log numbers and pictures once, against the epoch. Call it on rank 0 only.

    W&B gets all, TensorBoard numbers and pictures, any other logger the numbers.

    Args:
        loggers: of the trainer.
        epoch: the x-axis.
        scalars: by name.
        pictures: PNG files by name.
        table: for W&B.
    """
    for logger in loggers:
        if isinstance(logger, lightning_loggers.WandbLogger):
            entry: dict[str, object] = {**scalars, "epoch": epoch}
            entry |= {name: wandb.Image(str(path)) for name, path in pictures.items()}
            if table is not None:
                rows = [[_cell(value) for value in row] for row in table.rows]
                entry[table.key] = wandb.Table(columns=list(table.columns), data=rows)
            # One by one: of two patterns that match, such as Lightning's own "*", W&B takes either at random.
            for name in (*scalars, *pictures):
                logger.experiment.define_metric(name, step_metric="epoch")
            logger.experiment.log(entry)
            continue
        if isinstance(logger, TensorBoardLogger):
            # Lightning draws a curve "epoch" over steps of the optimiser; points over epochs would tangle it.
            logger.log_metrics(dict(scalars), step=epoch)
            for name, path in pictures.items():
                pixels = np.asarray(Image.open(path).convert("RGB"))
                logger.experiment.add_image(name, pixels, epoch, dataformats="HWC")
        else:
            logger.log_metrics({**scalars, "epoch": epoch}, step=epoch)


def log_table(project: str, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Log one table as a W&B run of its own."""
    logger = WandbLogger(project=project, name=name)
    logger.experiment.log({name: wandb.Table(columns=list(columns), data=[list(row) for row in rows])})
    logger.experiment.finish()


def save_picture(pixels: Pixels, path: Path, enlarge: int = 1) -> Path:
    """Write pixels (H, W, 3) in [0, 1] as PNG, each pixel ``enlarge`` wide; gives the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bytes_ = (pixels * 255).round().astype(np.uint8).repeat(enlarge, 0).repeat(enlarge, 1)
    Image.fromarray(bytes_).save(path)
    return path


def _cell(value: object) -> object:
    return wandb.Image(str(value)) if isinstance(value, Path) else value
