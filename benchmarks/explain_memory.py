"""Whether explaining many images takes more memory than explaining few.

    python benchmarks/explain_memory.py --data-root DATA --images 60000

MNIST's training and validation images, 60,000 together, are written as PNG files into class folders, and the first
2,000 of them into another folder. The command explains either folder with a gradient, by turns, decoding files as they
are needed; the peak is that of the resident memory of its process, by the kernel. The value is the median of the ratios
of neighbours, the spread their quartiles.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from _explaining import CHEAP, mnist_config, start
from _result import show
from PIL import Image

from xaicf.core import DataError, UserError
from xaicf.data import MNIST

GOAL = 1.10
FEW = 2000
ALL = 60_000


def write(folders: dict[int, Path], data_root: str | None) -> None:
    """Write the first images of MNIST into each folder, as many as its key says."""
    data = MNIST(data_root)
    data.setup()
    splits = [data.splits[name] for name in ("train", "val")]
    images, labels = torch.cat([one.images for one in splits]), torch.cat([one.labels for one in splits])
    for count, folder in folders.items():
        for name in data.class_names:
            (folder / name).mkdir(parents=True)
        for number in range(count):
            name = data.class_names[labels[number]]
            Image.fromarray(images[number, 0].numpy()).save(folder / name / f"{number:05}.png")


def peak(config: Path, output: Path, memory: str) -> int:
    """Explain; give the largest resident memory of the process in bytes."""
    process = start(config, output, 1, f"--memory={memory}")
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise DataError(f"explain ended with {process.returncode}: {said[-2000:]}")
    # Linux gives a process the peak of the one that began it as the least that it can have.
    if usage.ru_maxrss <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        raise DataError("the memory of this script hides that of explain")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Print a line for each pair of runs and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--runs", default="runs", help="folder of the trained networks")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, default=ALL, help=f"more than {FEW}, at most {ALL}")
    parser.add_argument("--memory", default="256M", help="for explaining, so that chunks are the same")
    args = parser.parse_args()
    if not FEW < args.images <= ALL:
        parser.error(f"--images must be in ({FEW}, {ALL}], got {args.images}")
    peaks: list[dict[int, int]] = []
    try:
        with tempfile.TemporaryDirectory() as home:
            folders = {count: Path(home, f"images_{count}") for count in (FEW, args.images)}
            # In a process of its own, so that MNIST adds nothing to the peak of this one.
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                pool.submit(write, folders, args.data_root).result()
            configs = {}
            for count, folder in folders.items():
                size = {"image_size": 28, "channels": 1, "test_fraction": 1, "storage": "stream"}
                data = {"class_path": "ImageFolder", "init_args": {"root": str(folder), **size}}
                config = Path(home, f"{count}.yaml")
                configs[count] = mnist_config(config, CHEAP, args.runs, None, None, data, generator=None)
            for repeat in range(args.repeats):
                order = sorted(folders, reverse=repeat % 2 == 0)
                peaks.append({n: peak(configs[n], Path(home, f"store_{repeat}_{n}"), args.memory) for n in order})
                print(f"repeat {repeat}: {peaks[-1]} bytes", flush=True)
    except UserError as error:
        print(f"explain_memory: error: {error}", file=sys.stderr)
        return 2
    ratios = [pair[args.images] / pair[FEW] for pair in peaks]
    show(
        "explain_memory",
        ratios,
        f"peak memory of {args.images} images / peak of {FEW}",
        "lower",
        GOAL,
        peak_mib=[round(statistics.median(pair[n] for pair in peaks) / 2**20, 1) for n in (FEW, args.images)],
        images=args.images,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
