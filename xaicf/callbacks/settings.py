"""Keep every setting of a run beside its results, and what it used and made with its loggers."""

import json
from pathlib import Path

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import SaveConfigCallback

from xaicf.callbacks.lineage import checkpoint_item, named_items
from xaicf.callbacks.logging import WandbLogger, log_items


class SaveSettings(SaveConfigCallback):
    """Write the resolved settings to ``<default_root_dir>/config.yaml`` and hand them to the loggers.

    Lightning's own writes to the first logger's folder, which for W&B all runs share. W&B is told, too, which
    checkpoints the settings name, and at the end of a training which it made.
    """

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write and log, on process 0."""
        path = Path(trainer.default_root_dir) / self.config_filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.parser.dump(self.config, skip_none=False), encoding="utf-8")
        plain = json.loads(self.parser.dump(self.config, skip_none=False, format="json"))
        for logger in trainer.loggers:
            logger.log_hyperparams(plain)
        if _declares(trainer):
            log_items(trainer.loggers, used=named_items(plain))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Declare the checkpoints, on process 0."""
        if not _declares(trainer) or not trainer.is_global_zero:
            return
        kept = [one for one in trainer.checkpoint_callbacks if isinstance(one, ModelCheckpoint)]
        paths = [Path(one.best_model_path) for one in kept if one.best_model_path]
        log_items(trainer.loggers, made=[checkpoint_item(path) for path in paths])


def _declares(trainer: Trainer) -> bool:
    """Tell whether there is a logger to which loading checkpoints again is worth it."""
    return any(isinstance(logger, WandbLogger) and logger.artifacts != "none" for logger in trainer.loggers)
