"""What explaining all images at once saves: criticisms of a batch against one at a time, by the same search.

    python benchmarks/introspection.py --data-root DATA

The classifier and the VAE are those of ``runs/classifier/mnist`` and ``runs/vae/mnist``. Both sides explain the same
MNIST test images, on a GPU if there is one; the value is the time of one at a time by that of all at once, the median
over repeats. ``largest_difference`` is the largest difference of a pixel between the two sides' counterfactuals,
``distance_ratio`` the largest ratio of their distances, either way, and ``seconds_per_image`` that of the batch. In
double precision, the default of criticisms, both are the same; in single precision rounding leads them apart.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from _result import show

from xaicf import load_frozen
from xaicf.core import Explanation, Subject, UserError
from xaicf.data import MNIST
from xaicf.explainers import Criticism
from xaicf.explainers.precision import PRECISIONS

GOAL = 5.0


def main() -> int:
    """Print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--runs", default="runs", help="folder of the trained networks")
    parser.add_argument("--precision", choices=PRECISIONS, default=PRECISIONS[0])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if min(args.images, args.repeats, args.threads) < 1:
        parser.error("images, repeats and threads must be at least 1")
    torch.set_num_threads(args.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        networks = [load_frozen(Path(args.runs, task, "mnist/best.ckpt")).to(device) for task in ("classifier", "vae")]
        images = MNIST(args.data_root).samples(range(args.images), "test")["image"].to(device)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    subject, explainer = Subject(*networks), Criticism(precision=args.precision)

    def together() -> Explanation:
        return explainer.explain(subject, images)

    def alone() -> Explanation:
        return Explanation.cat([explainer.explain(subject, image[None]) for image in images])

    ratios, seconds, difference, distance = [], [], 0.0, 1.0
    for _ in range(args.repeats):
        times, answers = [], []
        for side in (together, alone):
            begin = time.perf_counter()
            answers.append(side().to("cpu"))
            times.append(time.perf_counter() - begin)
        first, second = (one.counterfactual for one in answers)
        assert first is not None
        assert second is not None
        difference = max(difference, float((first - second).abs().max()))
        first, second = (one.scalars["distance"] for one in answers)
        distance = max(distance, float((first / second).max()), float((second / first).max()))
        ratios.append(times[1] / times[0])
        seconds.append(times[0] / len(images))
        print(f"{times[0]:.1f} s at once, {times[1]:.1f} s one at a time", flush=True)
    show(
        "introspection_at_once",
        ratios,
        "time of one at a time / all at once",
        "higher",
        GOAL,
        images=args.images,
        device=str(device),
        threads=args.threads,
        precision=args.precision,
        distance_ratio=distance,
        largest_difference=difference,
        seconds_per_image=sorted(seconds)[len(seconds) // 2],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
