"""Bring together what each process has made, or its error."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch.distributed
from lightning import Trainer


@dataclass
class Share:
    """What this process puts in, and after the block what all have put in, by rank."""

    value: Any = None
    values: list[Any] = field(default_factory=list)


@contextmanager
def gathered(trainer: Trainer) -> Iterator[Share]:
    """Gather ``value`` of all processes into ``values`` when the block ends.

    Every process must enter. An error in one is raised in all of them, so that none waits for ever.

    Raises:
        RuntimeError: another process failed.
    """
    share = Share()
    failure: Exception | None = None
    try:
        yield share
    except Exception as error:  # noqa: BLE001  (raised again below, once the others know)
        failure = error
    if trainer.world_size == 1:
        share.values = [share.value]
        if failure is not None:
            raise failure
        return
    pairs: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(pairs, (share.value, None if failure is None else repr(failure)))
    if failure is not None:
        raise failure
    for rank, (_, message) in enumerate(pairs):
        if message is not None:
            raise RuntimeError(f"process {rank} failed: {message}")
    share.values = [value for value, _ in pairs]
