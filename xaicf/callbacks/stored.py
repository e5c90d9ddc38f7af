"""Tell loggers of a store that is complete."""

from collections.abc import Sequence
from functools import partial

from lightning.pytorch.loggers import Logger

from xaicf import store
from xaicf.callbacks.lineage import store_item
from xaicf.callbacks.logging import WandbLogger, log_epoch, log_items
from xaicf.callbacks.record import mean_scalars
from xaicf.callbacks.table import explanation_table
from xaicf.core import Explanation

SHOWN = 32
"""Images of a store in a table, those with the lowest ids."""


def log_store(loggers: Sequence[Logger], url: str) -> None:
    """Log the means over all of a store, the table of its first images, and the store as an artifact.

    The names are those of a training, and the epoch is 0. Call it on rank 0 only.

    Raises:
        DataError: the store is damaged or not complete.
    """
    if not loggers:
        return
    scalars: dict[str, float] = {}
    for name in store.explainers(url):
        # Without pictures, which may not fit into memory.
        kept = [_numbers(part.explanation) for part in store.parts(url, name, ())]
        scalars |= {f"explain/{name}/{key}": value for key, value in mean_scalars(Explanation.cat(kept)).items()}
    log_epoch(loggers, 0, scalars, {}, partial(explanation_table, {0: url}, SHOWN))
    if any(isinstance(logger, WandbLogger) for logger in loggers):
        log_items(loggers, made=[store_item(url)])


def _numbers(one: Explanation) -> Explanation:
    return Explanation(one.inputs[:, :0].clone(), one.fact, one.foil, one.status, scalars=one.scalars)
