"""Keep every setting of a run beside its results."""

import json
from pathlib import Path

from lightning import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback


class SaveSettings(SaveConfigCallback):
    """Write the resolved settings to ``<default_root_dir>/config.yaml`` and hand them to the loggers.

    Lightning's own writes to the first logger's folder, which for W&B all runs share.
    """

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write and log, on process 0."""
        path = Path(trainer.default_root_dir) / self.config_filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.parser.dump(self.config, skip_none=False), encoding="utf-8")
        plain = json.loads(self.parser.dump(self.config, skip_none=False, format="json"))
        for logger in trainer.loggers:
            logger.log_hyperparams(plain)
