"""What tests of studies share."""

import subprocess
from collections.abc import Sequence

import pytest

from xaicf.cli import main


@pytest.fixture
def _trained_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train in this process: starting another costs ten seconds."""

    def run(command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[1:3] == ["-m", "xaicf"]
        return subprocess.CompletedProcess(command, main(command[3:]))

    monkeypatch.setattr("xaicf.studies.training.subprocess.run", run)
