"""Whether explaining many images takes more memory than explaining few.

    python benchmarks/explain_memory.py --data-root DATA --images 60000

The command explains images of MNIST's training split with a gradient, 2,000 and ``--images`` of them, by turns; the
peak is that of the resident memory of its process, by the kernel. The split has 54,000 images, the other 6,000 being
the validation split; more are not explained, and the number that was is told. The value is the median of the ratios
of neighbours, the spread their quartiles.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from _explaining import CHEAP, mnist_config, start

from xaicf.core import DataError, UserError
from xaicf.data import MNIST

GOAL = 1.10
FEW = 2000


def peak(config: Path, output: Path, memory: str) -> int:
    """Explain; give the largest resident memory of the process in bytes."""
    process = start(config, output, 1, f"--memory={memory}")
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise DataError(f"explain ended with {process.returncode}: {said[-2000:]}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Print a line for each pair of runs and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--runs", default="runs", help="folder of the trained networks")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--memory", default="256M", help="for explaining, so that chunks are the same")
    args = parser.parse_args()
    data = MNIST(args.data_root)
    peaks: list[dict[int, int]] = []
    try:
        data.setup()
        whole = len(data.splits["train"])
        images = min(args.images, whole)
        with tempfile.TemporaryDirectory() as home:
            for repeat in range(args.repeats):
                peaks.append({})
                for count in (FEW, images) if repeat % 2 else (images, FEW):
                    output = Path(home, f"store_{repeat}_{count}")
                    config = Path(home, f"{count}.yaml")
                    # To name tens of thousands of ids takes minutes to parse.
                    named = None if count == whole else count
                    mnist_config(config, CHEAP, args.runs, args.data_root, named, split="train")
                    peaks[-1][count] = peak(config, output, args.memory)
                print(f"repeat {repeat}: {peaks[-1]} bytes", flush=True)
    except UserError as error:
        print(f"explain_memory: error: {error}", file=sys.stderr)
        return 2
    ratios = [pair[images] / pair[FEW] for pair in peaks]
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    result = {
        "name": "explain_memory",
        "value": round(median, 4),
        "unit": f"peak memory of {images} images / peak of {FEW}",
        "better": "lower",
        "goal": GOAL,
        "n": len(ratios),
        "spread": [round(low, 4), round(high, 4)],
        "peak_mib": [round(statistics.median(pair[count] for pair in peaks) / 2**20, 1) for count in (FEW, images)],
        "images": images,
        "images_asked_for": args.images,
        "torch": torch.__version__,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
