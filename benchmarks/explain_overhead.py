"""What explaining into a store costs over calling the explainers.

    python benchmarks/explain_overhead.py --data-root DATA

One side is :meth:`Trainer.explain` end to end, from the reading of files to the last part on disk; the other calls
the same explainers on batches that are ready, as large as the chunks of the store, and keeps the answers. Both
explain the same MNIST test images with CDeepEx and a gradient in this process, by turns, as does which begins. The
value is the median of the ratios of neighbours, the spread their quartiles; ``value_cpu`` is the ratio in processor
seconds.
"""

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from _result import show

from xaicf import load_frozen
from xaicf.commands import Explain, Trainer
from xaicf.core import Subject, UserError
from xaicf.data import MNIST
from xaicf.explainers import Attribution, CDeepEx, Explainer
from xaicf.store import Folder, Manifest

GOAL = 1.15


def both_clocks(function: Callable[[], object]) -> tuple[float, float]:
    """Give seconds of the wall and of the processor."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - begin, time.process_time() - begin_cpu


def main() -> int:
    """Print a line for each pair of runs and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--runs", default="runs", help="folder of the trained networks")
    parser.add_argument("--repeats", type=int, default=7, help="of each side, after one that does not count")
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--block-size", type=int, default=64)
    parser.add_argument("--cheap", action="store_true", help="the gradient alone, where the store weighs most")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    explainers: list[Explainer] = [*([] if args.cheap else [CDeepEx()]), Attribution("gradient", "pair")]
    try:
        subject = Subject(
            *(load_frozen(Path(args.runs, folder, "mnist/best.ckpt")) for folder in ("classifier", "vae"))
        )
        images = MNIST(args.data_root).samples(range(args.images), "test")["image"]
    except UserError as error:
        print(f"explain_overhead: error: {error}", file=sys.stderr)
        return 2

    def into_store(output: str) -> None:
        ids = list(range(args.images))
        model = Explain(subject.classifier, explainers, subject.generator, ids=ids, block_size=args.block_size)
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = Trainer(accelerator="cpu", devices=1, enable_checkpointing=False, **quiet)
        trainer.explain(model, MNIST(args.data_root), output, memory="1G")

    def raw(size: int) -> None:
        for block in images.split(args.block_size):
            for chunk in block.split(size):
                answers = [explainer.explain(subject, chunk) for explainer in explainers]
                assert len(answers) == len(explainers)

    pairs: list[dict[str, tuple[float, float]]] = []
    with tempfile.TemporaryDirectory() as home:
        into_store(f"{home}/store")  # of each run the chunks are those of this one
        size = Manifest.read(Folder(f"{home}/store")).chunk_size
        for repeat in range(args.repeats + 1):
            sides: dict[str, Callable[[], object]] = {
                "store": lambda number=repeat: into_store(f"{home}/store_{number}"),
                "raw": lambda: raw(size),
            }
            order = sorted(sides, reverse=bool(repeat % 2))
            pairs.append({side: both_clocks(sides[side]) for side in order})
            print(f"repeat {repeat}: {pairs[-1]}, load {os.getloadavg()[0]:.1f}", flush=True)
    ratios, ratios_cpu = ([pair["store"][clock] / pair["raw"][clock] for pair in pairs[1:]] for clock in (0, 1))
    fastest = [min(pair[side][0] for pair in pairs[1:]) for side in ("store", "raw")]
    show(
        "explain_overhead" + ("_cheap" if args.cheap else ""),
        ratios,
        "explain into a store / the explainers alone",
        "lower",
        GOAL,
        value_cpu=round(statistics.median(ratios_cpu), 4),
        value_of_fastest=round(fastest[0] / fastest[1], 4),
        images_per_second=[round(args.images / seconds, 2) for seconds in fastest],
        images=args.images,
        chunk_size=size,
        threads=args.threads,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
