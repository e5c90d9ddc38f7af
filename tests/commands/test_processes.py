"""``explain`` on several processes, and killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from explaining import GRADIENT, SEARCH, assert_equal, config, hashes, loaded

from xaicf.core import Status
from xaicf.store import explainers, read

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


PATIENCE = 60
"""Seconds in which a run whose other process was killed must end."""

LONG: Any = {"explainers": [SEARCH, GRADIENT], "ids": list(range(24)), "block_size": 2}
"""A dozen blocks, which take some seconds."""


def begin(ranks: int, output: str, **changed: Any) -> subprocess.Popen[str]:
    """Start ``explain`` on some processes, in a process group of their own."""
    given = config(**{**LONG, **changed})
    distributed = ["--trainer.accelerator=cpu", f"--trainer.devices={ranks}"]
    distributed += ["--trainer.strategy=ddp"] if ranks > 1 else []
    command = [sys.executable, "-m", "xaicf", "explain", given, f"--output={output}", *distributed]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)


def finish(process: subprocess.Popen[str], seconds: float = 200) -> tuple[int, str, str]:
    """Wait for a run; kill all of it where it does not end."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        kill_group(process)
    return process.returncode, out, err


def kill_group(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def complete(ranks: int, output: str, **changed: Any) -> None:
    code, out, err = finish(begin(ranks, output, **changed))
    assert code == 0, err[-3000:]
    assert ranks == 1 or f"GLOBAL_RANK: {ranks - 1}, MEMBER: {ranks}/{ranks}" in out


def marks(output: str) -> int:
    return len(list(Path(output).glob("*/part_*.json")))


def assert_same_store(found: str, expected: str) -> None:
    assert hashes(Path(found)) == hashes(Path(expected))
    for name in explainers(expected):
        assert_equal(read(found, name), read(expected, name))
    assert not list(Path(found).rglob(".draft-*"))


@pytest.fixture(scope="module")
def uninterrupted(networks: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that one process has made without being ended."""
    home = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        for path in networks.glob("*.ckpt"):
            Path(path.name).symlink_to(path)
        complete(1, "store")
    assert (read(home / "store", "cdeepex").status == Status.SOLVED).any()
    return str(home / "store")


@pytest.mark.parametrize(("ranks", "ids"), [(3, 24), (2, 1)])
def test_any_number_of_processes_writes_the_store_of_one(ranks: int, ids: int, uninterrupted: str) -> None:
    changed = {"ids": list(range(ids))}
    if ids != 24:
        complete(1, "one", **changed)
    complete(ranks, "several", **changed)
    assert_same_store("several", uninterrupted if ids == 24 else "one")


@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_at_any_moment_it_goes_on_to_the_same_store(ranks: int, uninterrupted: str) -> None:
    moments, whole = random.Random(ranks), marks(uninterrupted)
    reached = []
    for kill in range(2):
        process, found = begin(ranks, "store"), marks("store")
        # Most moments lie within the writing, the first before it and at the start of processes.
        wanted = 0 if kill == 0 else found + moments.randint(1, whole // 6)
        deadline = time.monotonic() + 120
        while marks("store") < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 5 if kill == 0 else 0.2))
        kill_group(process)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        reached.append(marks("store"))
        assert reached == sorted(reached)
    assert 0 < reached[-1] < whole
    complete(ranks, "store")
    assert_same_store("store", uninterrupted)


def descendants(process: subprocess.Popen[str]) -> list[int]:
    """Give the processes of a run that its first one has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in children.read_text().split()] if children.exists() else []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
@pytest.mark.parametrize(
    ("victim", "said"),
    [
        (0, "xaicf: error: process 0 has ended; the same command goes on where it was"),
        (1, "[rank: 1] Child process with PID"),
    ],
)
def test_the_death_of_one_process_ends_the_other(victim: int, said: str, uninterrupted: str) -> None:
    process = begin(2, "store")
    try:
        while marks("store") < 6:
            assert process.poll() is None, process.communicate()[1][-3000:]
            time.sleep(0.01)
        (second,) = descendants(process)
        began = time.monotonic()
        os.kill((process.pid, second)[victim], signal.SIGKILL)
        while time.monotonic() < began + PATIENCE and (process.poll() is None or running(second)):
            time.sleep(0.05)
        assert not running(second)
        assert process.poll() not in {None, 0}
    finally:
        kill_group(process)
        out, err = process.communicate()
    assert said in out + err
    assert marks("store") < marks(uninterrupted)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_the_death_of_the_first_process_before_all_have_met_ends_the_other() -> None:
    process = begin(2, "store")
    try:
        deadline = time.monotonic() + 120
        while not (started := descendants(process)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + PATIENCE
        while running(started[0]) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not running(started[0])
    finally:
        kill_group(process)
        process.communicate()


def running(pid: int) -> bool:
    """Say whether a process lives; one that has ended may still wait for its parent."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ids": [999]}, "ids must be in [0, 359) for the test split, got 999"),
        ({"classifier": loaded("none.ckpt")}, "checkpoint not found: none.ckpt"),
    ],
    ids=["ids", "checkpoint"],
)
def test_a_mistake_is_one_line_on_several_processes(changed: Any, said: str) -> None:
    began = time.monotonic()
    code, _, err = finish(begin(2, "store", **changed))
    assert code == 2
    assert err == f"xaicf: error: {said}\n"
    assert time.monotonic() - began < PATIENCE + 30
