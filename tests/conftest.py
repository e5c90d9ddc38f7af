"""What every test leaves behind."""

import os
from collections.abc import Iterator

import pytest

LEFT_BY_DDP = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "XAICF_LAUNCHER")


@pytest.fixture(autouse=True)
def _without_the_environment_of_ddp() -> Iterator[None]:
    """Lightning keeps in the environment where its processes meet; one begun by a later test would wait for them."""
    yield
    for name in LEFT_BY_DDP:
        os.environ.pop(name, None)
