"""CDeepEx's default against the procedure that the paper prints, on the same images and networks.

    python benchmarks/cdeepex_solver.py --data-root DATA --data mnist

The procedure explains one image at a time: the augmented Lagrangian with plain descent at step 0.01 / max(c, 1), 20
steps between 50 updates of the multipliers, ended at the first point that satisfies the tolerances and whose best
distance has improved by less than 1 % over the last 100 steps. Both sides are timed by turns, block by block; the
value is the median over blocks of the ratio of images a second, the spread its quartiles. Distances are compared with
the procedure run to its 1,000th step, image by image. Needs the checkpoints of ``configs/classifier`` and
``configs/vae`` or ``configs/wgan``.
"""

import argparse
import os
import statistics
import sys
import time
from dataclasses import dataclass

import torch
from _result import show
from torch import Tensor

from xaicf import load_frozen
from xaicf.core import Explanation, Images, Status, Subject, as_found
from xaicf.data import MNIST, FashionMNIST
from xaicf.explainers import CDeepEx
from xaicf.explainers.base import classify, resolve_classes
from xaicf.explainers.latent import latent_images
from xaicf.explainers.solvers import AugmentedLagrangian, Search

GOAL = 40.0
STEPS = 1000


@dataclass(frozen=True)
class Found:
    """What a search found for some images: whether a feasible point, its squared distance, points looked at."""

    feasible: Tensor
    distance: Tensor
    evaluations: Tensor


def procedure(subject: Subject, images: Images, options: CDeepEx, patience: int) -> Found:
    """Run the paper's procedure on a batch, to its end or, with patience, until it gains little."""
    fact, foil = resolve_classes(classify(subject, images))
    with (
        as_found(*subject.modules),
        torch.enable_grad(),
        latent_images(subject, images, fact, options.clamp, "single", options.inversion) as space,
    ):
        search = Search(options.problem(space, fact, foil))
        descent = AugmentedLagrangian("descent", inner_steps=20, outer_steps=50, patience=patience)
        descent(search, torch.ones_like(search.feasible))
    return Found(search.feasible, search.distance, search.evaluations)


def main() -> int:
    """Print a line for each block and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("mnist", "fashion_mnist"), default="mnist")
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--runs", default="runs", help="folder of the trained networks")
    parser.add_argument("--generator", choices=("vae", "wgan"), default="vae")
    parser.add_argument("--images", type=int, default=512, help="that distances are compared on")
    parser.add_argument("--blocks", type=int, default=4, help="that are timed, each of --batch images")
    parser.add_argument("--batch", type=int, default=128, help="images that the default explains at a time")
    parser.add_argument("--slow", type=int, default=16, help="images of each block that the procedure is timed on")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--precision", choices=("double", "single"), default="double")
    parser.add_argument("--unclamped", action="store_true", help="the paper's form")
    args = parser.parse_args()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    subject = Subject(
        load_frozen(f"{args.runs}/classifier/{args.data}/best.ckpt"),
        load_frozen(f"{args.runs}/{args.generator}/{args.data}/best.ckpt"),
    )
    data = (MNIST if args.data == "mnist" else FashionMNIST)(args.data_root)
    images = data.samples(range(max(args.images, args.blocks * args.batch)), "test")["image"]
    explainer = CDeepEx(args.epsilon, clamp=not args.unclamped, precision=args.precision)
    explainer.explain(subject, images[:8])  # loads what is loaded once
    ratios, rates = [], []
    for number in range(args.blocks):
        block = images[number * args.batch : (number + 1) * args.batch]
        begin = time.perf_counter()
        explainer.explain(subject, block)
        middle = time.perf_counter()
        for one in block[: args.slow].split(1):
            procedure(subject, one, explainer, patience=100)
        end = time.perf_counter()
        rates.append((len(block) / (middle - begin), min(args.slow, len(block)) / (end - middle)))
        ratios.append(rates[-1][0] / rates[-1][1])
        print(f"block {number}: {rates[-1][0]:.1f} against {rates[-1][1]:.2f} images a second", flush=True)
    images = images[: args.images]
    found = Explanation.cat([explainer.explain(subject, block) for block in images.split(args.batch)])
    long = [procedure(subject, block, explainer, patience=STEPS) for block in images.split(args.batch)]
    feasible, distance = (torch.cat([getattr(one, name) for one in long]) for name in ("feasible", "distance"))
    solved = found.status == Status.SOLVED
    both = solved & feasible
    ratio = (found.scalars["latent_distance"] / distance)[both].double()
    evaluations = found.scalars["gradient_evaluations"].double()
    show(
        "cdeepex_solver",
        ratios,
        "images/s of the default / images/s of the paper's procedure",
        "higher",
        GOAL,
        images_per_second=[round(statistics.median(side), 2) for side in zip(*rates, strict=True)],
        images=len(images),
        solved=round(float(solved.double().mean()), 4),
        procedure_solved=round(float(feasible.double().mean()), 4),
        distance_ratio_mean=round(float(ratio.mean()), 4),
        distance_ratio_median=round(float(ratio.median()), 4),
        more_than_5_percent_worse=round(float((ratio > 1.05).double().mean()), 4),
        evaluations_median=float(evaluations.median()),
        evaluations_95th=round(float(evaluations.quantile(0.95)), 1),
        fallback=round(float(found.scalars["fallback"].double().mean()), 4),
        data=args.data,
        generator=args.generator,
        epsilon=args.epsilon,
        clamped=not args.unclamped,
        precision=args.precision,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
