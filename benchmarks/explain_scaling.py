"""What a second process adds to the speed of explaining MNIST.

    python benchmarks/explain_scaling.py --data-root DATA

The command explains MNIST test images with CDeepEx and a gradient, each process with one thread, in one process
and in two by turns. Images a second are those that the command says: of the explaining, with the second process's
start, but without the imports. The value is the median of the ratios of neighbours, the spread their quartiles.
It means something only on two processor cores that nothing else uses.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from _explaining import SEARCH, finish, mnist_config, start
from _result import show

from xaicf.core import UserError

GOAL = 1.8


def main() -> int:
    """Print a line for each pair of runs and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--runs", default="runs", help="folder of the trained networks")
    parser.add_argument("--repeats", type=int, default=5, help="of each side, after one that does not count")
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--memory", default="1G", help="of each process, so that chunks are the same")
    args = parser.parse_args()
    rates: list[dict[int, float]] = []
    with tempfile.TemporaryDirectory() as name:
        config = mnist_config(Path(name, "given.yaml"), SEARCH, args.runs, args.data_root, args.images)
        try:
            for repeat in range(args.repeats + 1):
                rates.append({})
                for ranks in (1, 2) if repeat % 2 else (2, 1):
                    output = Path(name, f"store_{repeat}_{ranks}")
                    rates[-1][ranks] = finish(start(config, output, ranks, f"--memory={args.memory}"))
                load = os.getloadavg()[0]
                print(f"repeat {repeat}: {rates[-1]} images a second, load {load:.1f}", flush=True)
        except UserError as error:
            print(f"explain_scaling: error: {error}", file=sys.stderr)
            return 2
    ratios = [pair[2] / pair[1] for pair in rates[1:]]
    show(
        "explain_scaling",
        ratios,
        "images/s of two processes / images/s of one",
        "higher",
        GOAL,
        value_of_fastest=round(max(pair[2] for pair in rates[1:]) / max(pair[1] for pair in rates[1:]), 4),
        images_per_second=[round(statistics.median(pair[ranks] for pair in rates[1:]), 2) for ranks in (1, 2)],
        images=args.images,
        cores=os.cpu_count(),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
