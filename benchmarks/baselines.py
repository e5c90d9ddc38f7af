"""What baselines cost: GANMEX against one bare pass of its generator, and MDTS over 60,000 images against a naive loop.

    python benchmarks/baselines.py

Images and weights are random, of MNIST's size; the generator is that of ``configs/ganmex/mnist.yaml``. A GANMEX
baseline is one forward pass: its time is divided by that of the generator alone, on the same batch.
``mdts_over_loop`` is the time of the nearest training images of a batch by that of a search image by image, and
``mdts_bytes`` the most that a search adds to the process's memory, beside the training images themselves, which are
``reference_bytes``.
"""

import argparse
import functools
import resource
import statistics
import time
from collections.abc import Callable

import torch
from _result import show

from xaicf.core import Subject
from xaicf.explainers.baselines import Ganmex, NearestSample
from xaicf.nn import DCGANCritic, StarGANGenerator, TwoConv
from xaicf.tasks import Ganmex as GanmexTask

SHAPE, CLASSES = (1, 28, 28), 10
GOAL = 1.10


def seconds(work: Callable[[], object]) -> float:
    """Give the time of some work."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    """Print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--batch", type=int, default=256)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    task = GanmexTask(
        SHAPE,
        CLASSES,
        generator=functools.partial(StarGANGenerator, width=24, blocks=3, output="gated", upsampling="transposed"),
        critic=functools.partial(DCGANCritic, channels=(32, 64, 128), norm="none"),
    ).eval()
    training = {"image": torch.rand(60_000, *SHAPE), "label": torch.arange(60_000) % CLASSES}
    subject = Subject(
        TwoConv(SHAPE, CLASSES).eval(), translator=task, reference={**training, "index": torch.arange(60_000)}
    )
    images, foil = torch.rand(given.batch, *SHAPE), torch.arange(given.batch) % CLASSES
    fact = (foil + 1) % CLASSES
    ganmex, nearest = Ganmex(), NearestSample()

    @torch.no_grad()
    def generator_alone() -> None:
        task.shown(images, foil)

    def one_by_one() -> None:
        for image, one in zip(images[:16], foil[:16], strict=True):
            pool = training["image"][training["label"] == one]
            pool[(pool - image).square().sum((1, 2, 3)).argmin()]

    ratios, over_loop, rates, search_rates = [], [], [], []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    nearest(subject, images, fact, foil)
    added = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    for _ in range(given.runs):
        ours = seconds(lambda: ganmex(subject, images, fact, foil))
        ratios.append(ours / seconds(generator_alone))
        rates.append(given.batch / ours)
        found = seconds(lambda: nearest(subject, images, fact, foil)) / given.batch
        over_loop.append(found / (seconds(one_by_one) / 16))
        search_rates.append(1 / found)
    show(
        "baselines",
        ratios,
        "GANMEX baseline / bare pass of the generator",
        "lower",
        GOAL,
        ganmex_images_per_second=round(statistics.median(rates), 1),
        mdts_images_per_second=round(statistics.median(search_rates), 1),
        mdts_over_loop=round(statistics.median(over_loop), 4),
        mdts_bytes=added,
        reference_bytes=training["image"].numel() * 4,
        batch=given.batch,
        threads=given.threads,
    )


if __name__ == "__main__":
    main()
