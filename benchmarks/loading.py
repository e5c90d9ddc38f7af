"""How fast images come, against torchvision's data sets behind a plain loader.

    python benchmarks/loading.py --data-root DATA --folder DATA/smiles

MNIST in memory against ``datasets.MNIST`` with ``ToTensor``; and a folder of images, in colour, in memory, in a cache
that is made before, and decoded for each batch, against ``datasets.ImageFolder`` with ``Resize``, ``CenterCrop`` and
``ToTensor``, once in the process itself and once by two workers. All others give shuffled batches of float images in
one process without workers, ours decoded by its threads. They take turns, each from its first batch on, so that the
start of workers does not count. The value is the median of MNIST's ratios of neighbours, the spread their quartiles;
``cache_to_stream`` and so on are the same of other sides.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from _result import show
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from xaicf.core import UserError
from xaicf.data import MNIST, ImageData, ImageFolder
from xaicf.data.decoding import processors

GOAL = 5.0
CACHE_GOAL = 2.0
WORKERS = 2
"""Processes of torchvision's second loader."""


def ours(data: ImageData) -> Iterator[torch.Tensor]:
    """Give float images, a batch at a time, without end."""
    data.setup()
    while True:
        for batch in data.train_dataloader():
            yield data.on_after_batch_transfer(batch, 0)["image"]


def torchvisions(data: Any, batch_size: int, workers: int = 0) -> Iterator[torch.Tensor]:  # noqa: ANN401  (torchvision has no types)
    """Give float images, a batch at a time, without end."""
    loader = DataLoader(data, batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    while True:
        for images, _ in loader:
            yield images


def rate(begun: Callable[[], Iterator[torch.Tensor]], images: int) -> float:
    """Take as many images or a few more after the first batch; give how many come in a second."""
    batches = begun()
    next(batches)
    seen, begin = 0, time.perf_counter()
    while seen < images:
        seen += len(next(batches))
    return seen / (time.perf_counter() - begin)


def main() -> int:
    """Print a line for each turn and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--folder", help="of class folders of images; smiles within the data's root if left out")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--images", type=int, default=10_000, help="in a turn; ten times as many of what is fast")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    size, few = args.image_size, args.images
    try:
        mnist = MNIST(args.data_root, batch_size=args.batch_size)
        folder = args.folder or str(mnist.root / "smiles")
        as_tensor = transforms.ToTensor()
        square = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size), as_tensor])
        with tempfile.TemporaryDirectory() as home:

            def stored(storage: Any) -> ImageFolder:  # noqa: ANN401  (a literal)
                return ImageFolder(folder, size, storage=storage, cache=home, batch_size=args.batch_size)

            plain = datasets.MNIST(str(mnist.root), transform=as_tensor)
            photos = datasets.ImageFolder(folder, square)
            turns: dict[str, tuple[Callable[[], Iterator[torch.Tensor]], int]] = {
                "mnist torchvision": (partial(torchvisions, plain, args.batch_size), few),
                "mnist memory": (partial(ours, mnist), 10 * few),
                "folder torchvision": (partial(torchvisions, photos, args.batch_size), few),
                "folder torchvision workers": (partial(torchvisions, photos, args.batch_size, WORKERS), few),
                "folder stream": (partial(ours, stored("stream")), few),
                "folder cache": (partial(ours, stored("cache")), 10 * few),
                "folder memory": (partial(ours, stored("memory")), 10 * few),
            }
            for begun, _ in turns.values():  # what is made once is made, and each has handed out something
                rate(begun, 1000)
            rates: dict[str, list[float]] = {name: [] for name in turns}
            for repeat in range(args.repeats):
                for name, (begun, images) in turns.items():
                    rates[name].append(rate(begun, images))
                print(f"repeat {repeat}:", {name: round(found[-1]) for name, found in rates.items()}, flush=True)
    except UserError as error:
        print(f"loading: error: {error}", file=sys.stderr)
        return 2

    def ratio(one: str, other: str) -> list[float]:
        return [a / b for a, b in zip(rates[one], rates[other], strict=True)]

    def told(ratios: list[float], goal: float | None = None) -> dict[str, Any]:
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return {"value": round(median, 3), "spread": [round(low, 3), round(high, 3)], "goal": goal}

    show(
        "loading",
        ratio("mnist memory", "mnist torchvision"),
        "images/s of MNIST in memory / of torchvision's data set behind a plain loader",
        "higher",
        GOAL,
        cache_to_stream=told(ratio("folder cache", "folder stream"), CACHE_GOAL),
        stream_to_torchvision=told(ratio("folder stream", "folder torchvision")),
        stream_to_torchvision_workers=told(ratio("folder stream", "folder torchvision workers")),
        memory_to_torchvision=told(ratio("folder memory", "folder torchvision")),
        images_per_second={name: round(statistics.median(found)) for name, found in rates.items()},
        folder=Path(folder).name,
        image_size=size,
        workers=WORKERS,
        processors=processors(),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
