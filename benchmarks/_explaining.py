"""The command that explains, for the benchmarks that run it in processes of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from xaicf.core import DataError

CHEAP = [{"class_path": "Attribution", "init_args": {"method": "gradient", "contrast": "pair"}}]
SEARCH = [{"class_path": "CDeepEx"}, *CHEAP]


def mnist_config(
    path: Path,
    explainers: list[dict[str, Any]],
    runs: str,
    data_root: str | None,
    images: int | None,
    data: dict[str, Any] | None = None,
    **arguments: object,
) -> Path:
    """Write the configuration that explains the first images of a split, or all; names files by full paths.

    ``data`` stands in the place of MNIST, whose networks they are.
    """
    networks = {
        seat: {
            "class_path": "xaicf.load_frozen",
            "init_args": {"path": str(Path(runs, folder, "mnist/best.ckpt").resolve())},
        }
        for seat, folder in (("classifier", "classifier"), ("generator", "vae"))
    }
    root = None if data_root is None else str(Path(data_root).resolve())
    model = {**networks, "explainers": explainers, "ids": None if images is None else f"0-{images - 1}", **arguments}
    sections = {
        "data": data or {"class_path": "MNIST", "init_args": {"root": root}},
        "model": {"class_path": "Explain", "init_args": model},
        "trainer": {"accelerator": "cpu", "devices": 1, "logger": False, "enable_progress_bar": False},
    }
    path.write_text(json.dumps(sections))  # JSON is YAML
    return path


def start(config: Path, output: Path, ranks: int = 1, *more: str) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, each rank with one thread."""
    distributed = [f"--trainer.devices={ranks}", *(["--trainer.strategy=ddp"] if ranks > 1 else [])]
    command = [sys.executable, "-m", "xaicf", "explain", f"--config={config}", f"--output={output}"]
    return subprocess.Popen(
        [*command, *distributed, *more],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    """End all processes of a run at once, as a lost machine would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def finish(process: subprocess.Popen[str]) -> float:
    """Wait for a run; give the images that it says to have explained in a second.

    Raises:
        DataError: it failed; shows what it said last.
    """
    said, _ = process.communicate()
    rate = re.search(r"images explained now, ([\d.]+) a second", said)
    if process.returncode or rate is None:
        raise DataError(f"explain ended with {process.returncode}: {said[-2000:]}")
    return float(rate[1])
