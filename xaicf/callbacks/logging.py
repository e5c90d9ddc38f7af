"""Send explanations to whatever loggers there are. The only file that knows W&B's runs."""

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import lightning.pytorch.loggers as lightning_loggers
import numpy as np
import wandb
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_info, rank_zero_only
from PIL import Image
from wandb.errors import CommError, UsageError

from xaicf.core import InputError
from xaicf.viz.heatmap import Pixels

SYNC_HINT = "W&B is offline ({reason}); send the run later with: wandb sync {folder}/wandb/offline-run-*"

Kind = Literal["number", "image", "table"]
"""What is logged under a key."""

Artifacts = Literal["none", "references", "files"]
"""Whether what a run makes and uses is declared, and whether its files are uploaded."""

LOGGED = "logged.json"
"""Beside a run's files: what was logged under each key, since W&B keeps no summary of an offline run."""


class WandbLogger(lightning_loggers.WandbLogger):
    """Lightning's W&B logger that goes offline by itself, and says in one line how to sync.

    It does so where nobody is logged in and where the server cannot be reached; ``WANDB_MODE`` is
    obeyed. What is measured once a validation or test is drawn against the epoch.

    Checkpoints and stores are declared as artifacts that are named by the SHA-256 of what they hold. An online run says
    which it made and which it used, so that W&B draws the way from classifier to generator to explanations. An offline
    run can only say what it made: W&B refuses ``use_artifact`` there, and ``wandb sync`` has nothing to make up for it.
    What such a run used stands in its settings, ``used``, under the names that the artifacts have. By reference, an
    artifact holds the path and the MD5 of its files; uploaded ones are copied to W&B's folder for staging, so they
    are synced from the machine that ran.

    Args:
        project: of the run.
        save_dir: folder of W&B's files.
        name: of the run; W&B makes one up if left out.
        group: of the run.
        tags: of the run.
        job_type: of the run, such as ``fit`` or ``explain``, to group by.
        artifacts: ``references`` declares checkpoints and stores, ``files`` uploads checkpoints too.

    Raises:
        InputError: ``artifacts`` is unknown.
    """

    def __init__(
        self,
        project: str = "xaicf",
        save_dir: str = "runs",
        name: str | None = None,
        group: str | None = None,
        tags: Sequence[str] | None = None,
        job_type: str | None = None,
        artifacts: Artifacts = "references",
    ) -> None:
        if artifacts not in get_args(Artifacts):
            raise InputError(f"artifacts must be one of {', '.join(get_args(Artifacts))}, got {artifacts}")
        super().__init__(name=name, save_dir=save_dir, project=project, group=group, tags=tags, job_type=job_type)
        self.artifacts: Artifacts = artifacts
        self.logged: dict[str, Kind] = {}

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

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers, those of a validation or test against the epoch, which Lightning logs with them."""
        once = [name for name in metrics if name.startswith(("val/", "test/"))]
        self.note(dict.fromkeys(metrics, "number"), once)
        super().log_metrics(metrics, step)

    def note(self, keys: Mapping[str, Kind], against_epoch: Collection[str] = ()) -> None:
        """Write down what is logged under keys, and have some drawn against the epoch; for process 0."""
        new = {name: kind for name, kind in keys.items() if name not in self.logged}
        # One by one: of two patterns that match, such as Lightning's own "*", W&B takes either at random.
        for name in new:
            if name in against_epoch:
                self.experiment.define_metric(name, step_metric="epoch")
        if new:
            self.logged |= new
            path = Path(self.experiment.dir, LOGGED)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(self.logged, indent=2) + "\n", encoding="utf-8")

    def _go_offline(self, reason: str) -> None:
        # W&B reads its environment once, so the mode goes to its next call.
        self._wandb_init["mode"] = "offline"
        rank_zero_info(SYNC_HINT.format(reason=reason, folder=self.save_dir))


@dataclass(frozen=True)
class Table:
    """Rows to be logged as one table; pixels (H, W, 3) in [0, 1] in a cell are a picture.

    Attributes:
        key: under which it is logged.
        columns: names.
        rows: one value for each column.
    """

    key: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Item:
    """What one run makes and another uses.

    Attributes:
        kind: such as ``classifier`` or ``explanations``.
        sha256: of what it holds, in hexadecimal.
        files: by their names in it.
        metadata: plain values.
        aliases: such as ``best``.
    """

    kind: str
    sha256: str
    files: Mapping[str, Path]
    metadata: Mapping[str, object] = field(default_factory=dict)
    aliases: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Name it by what it holds, whoever made it."""
        return f"{self.kind}-{self.sha256[:12]}"


def log_epoch(
    loggers: Sequence[Logger],
    epoch: int,
    scalars: Mapping[str, float],
    pictures: Mapping[str, Path],
    table: Callable[[], Table] | None = None,
) -> None:
    """Log numbers and pictures once, against the epoch. Call it on rank 0 only.

    W&B gets all, TensorBoard numbers and pictures, any other logger the numbers.

    Args:
        loggers: of the trainer.
        epoch: the x-axis.
        scalars: by name.
        pictures: PNG files by name.
        table: makes one for W&B; not called without it.
    """
    for logger in loggers:
        if isinstance(logger, lightning_loggers.WandbLogger):
            entry: dict[str, object] = {**scalars, "epoch": epoch}
            entry |= {name: wandb.Image(str(path)) for name, path in pictures.items()}
            keys: dict[str, Kind] = {**dict.fromkeys(scalars, "number"), **dict.fromkeys(pictures, "image")}
            once = list(keys)
            if table is not None:
                made = table()
                entry[made.key] = _as_wandb(made)
                keys[made.key] = "table"
            if isinstance(logger, WandbLogger):
                logger.note({**keys, "epoch": "number"}, once)
            logger.experiment.log(entry)
            continue
        if isinstance(logger, TensorBoardLogger):
            # Lightning draws a curve "epoch" over steps of the optimiser; points over epochs would tangle it.
            logger.log_metrics(dict(scalars), step=epoch)
            for name, path in pictures.items():
                pixels = np.asarray(Image.open(path).convert("RGB"))
                logger.experiment.add_image(name, pixels, epoch, dataformats="HWC")
        elif scalars:
            logger.log_metrics({**scalars, "epoch": epoch}, step=epoch)


def log_items(loggers: Sequence[Logger], made: Sequence[Item] = (), used: Sequence[Item] = ()) -> None:
    """Declare what a run makes and uses, as :class:`WandbLogger` says. Call it on rank 0 only."""
    for logger in loggers:
        if not isinstance(logger, WandbLogger) or logger.artifacts == "none":
            continue
        run = logger.experiment
        if used:
            run.config.update({"used": sorted({item.name for item in used})}, allow_val_change=True)
        for item in used:
            if not run.offline:
                run.use_artifact(_as_artifact(item, logger.artifacts))
        for item in made:
            run.log_artifact(_as_artifact(item, logger.artifacts), aliases=["latest", *item.aliases])


def log_tables(project: str, name: str, tables: Sequence[Table], used: Sequence[Item] = ()) -> None:
    """Log tables as a W&B run of their own."""
    logger = WandbLogger(project=project, name=name, job_type=name)
    log_items([logger], used=used)
    logger.note({table.key: "table" for table in tables})
    logger.experiment.log({table.key: _as_wandb(table) for table in tables})
    logger.experiment.finish()


def save_picture(pixels: Pixels, path: Path, enlarge: int = 1) -> Path:
    """Write pixels (H, W, 3) in [0, 1] as PNG, each pixel ``enlarge`` wide; gives the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bytes_ = (pixels * 255).round().astype(np.uint8).repeat(enlarge, 0).repeat(enlarge, 1)
    Image.fromarray(bytes_).save(path)
    return path


def _as_wandb(table: Table) -> wandb.Table:
    return wandb.Table(columns=list(table.columns), data=[[_cell(value) for value in row] for row in table.rows])


def _cell(value: object) -> object:
    return wandb.Image((value * 255).round().astype(np.uint8)) if isinstance(value, np.ndarray) else value


def _as_artifact(item: Item, artifacts: Artifacts) -> wandb.Artifact:
    artifact = wandb.Artifact(item.name, item.kind, metadata=dict(item.metadata))
    for name, path in item.files.items():
        if artifacts == "files":
            artifact.add_file(str(path), name)
        else:
            artifact.add_reference(path.absolute().as_uri(), name)
    return artifact
