"""Whether a cache of very many images is made in little memory, survives a kill, and is shared out.

    python benchmarks/cache_build.py --images 100000

Writes as many JPEG files (hard links to a few hundred, each of which is read and decoded under each of its names), and
a tenth as many. Either cache is made in a process of its own; the value is the ratio of the peaks of resident memory,
of the process and its largest worker together. Then the larger one is made again, killed by SIGKILL half-way, and gone
on with: ``decoded_again`` counts the images that both processes decoded. At last two processes of Lightning's predict
read the cache; ``shared`` says whether their samples are disjoint and all.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from _result import show
from lightning import LightningModule, Trainer
from PIL import Image, ImageFilter

from xaicf.core import Batch
from xaicf.data import ImageFolder, decoding
from xaicf.data.cache import ROW, ROWS

GOAL = 1.10
DISTINCT = 300
CLASSES = 10
SIDE = 64


def write(folder: Path, images: int) -> None:
    """Write class folders of smooth noise."""
    random = np.random.default_rng(0)
    (folder / "distinct").mkdir(parents=True)
    for number in range(DISTINCT):
        noise = Image.fromarray(random.integers(0, 256, (SIDE + 16, SIDE, 3), np.uint8))
        noise.filter(ImageFilter.GaussianBlur(2)).save(folder / "distinct" / f"{number}.jpg")
    for label in range(CLASSES):
        (folder / "images" / f"class {label}").mkdir(parents=True)
    for number in range(images):
        name = folder / "images" / f"class {number % CLASSES}" / f"{number:07}.jpg"
        name.hardlink_to(folder / "distinct" / f"{number % DISTINCT}.jpg")


def opened(folder: str, cache: str) -> ImageFolder:
    """Give the data, which makes its cache when it is set up."""
    return ImageFolder(folder, SIDE, test_fraction=1, storage="cache", cache=cache, batch_size=500)


def build(folder: str, cache: str, notes: str) -> None:
    """Make a cache, note the first image of each chunk that is decoded, and print peak memory in KiB and seconds."""
    really_decode = decoding._Chunks.__getitem__  # noqa: SLF001

    def noting(self: decoding._Chunks, number: int) -> decoding.Chunk:
        chunk = really_decode(self, number)
        with Path(notes).open("a") as file:
            file.write(f"{self.starts[number]} {len(chunk.images)}\n")
        return chunk

    decoding._Chunks.__getitem__ = noting  # type: ignore[method-assign]  # noqa: SLF001
    begun = time.perf_counter()
    opened(folder, cache).setup()
    seconds = time.perf_counter() - begun
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print("peak", status["VmHWM"].split()[0], worker, round(seconds, 1))


class Reading(LightningModule):
    """Reads, and writes down the ids of what it was given."""

    def __init__(self, notes: str) -> None:
        super().__init__()
        self.notes = notes
        self.ids: list[torch.Tensor] = []

    def predict_step(self, batch: Batch, batch_idx: int) -> None:
        """Keep the ids."""
        self.ids.append(batch["index"])

    def on_predict_end(self) -> None:
        """Write them."""
        np.save(Path(self.notes, f"{self.global_rank}.npy"), torch.cat(self.ids).numpy())


def share(folder: str, cache: str, notes: str) -> None:
    """Read all by two processes."""
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(accelerator="cpu", devices=2, strategy="ddp_fork", **quiet)
    trainer.predict(Reading(notes), datamodule=opened(folder, cache), return_predictions=False)
    print("read")


def begin(step: str, folder: Path, cache: Path, notes: Path) -> subprocess.Popen[str]:
    """Begin a step in a process of its own."""
    command = [sys.executable, __file__, "--step", step, str(folder / "images"), str(cache), str(notes)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> str:
    """Give the last line that a process prints."""
    said, _ = process.communicate()
    if process.returncode:
        sys.exit(f"cache_build: a process ended with {process.returncode}: {said[-2000:]}")
    return said.splitlines()[-1]


def killed(folder: Path, home: Path, images: int) -> tuple[int, int, int]:
    """Kill half-way and go on: how many images were written by then, decoded twice, and in a chunk."""
    cache, notes = home / "killed", (home / "before", home / "after")
    process = begin("build", folder, cache, notes[0])
    while process.poll() is None:
        written = sum(path.stat().st_size for path in cache.rglob(ROWS)) // ROW.itemsize
        if written >= images // 2:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    finished(begin("build", folder, cache, notes[1]))
    decoded = [np.loadtxt(path, int, ndmin=2) for path in notes]
    sets = [set(np.concatenate([np.arange(start, start + count) for start, count in found])) for found in decoded]
    if sets[0] | sets[1] != set(range(images)):
        sys.exit("cache_build: not every image was decoded")
    return written, len(sets[0] & sets[1]), int(decoded[0][:, 1].max())


def main() -> int:
    """Print a line for each step and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)  # what a process of its own does, and where
    args = parser.parse_args()
    if args.step is not None:
        step, *where = args.step
        {"build": build, "share": share}[step](*where)
        return 0
    counts = (args.images // 10, args.images)
    peaks, seconds = [], "0"
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for count in counts:
            write(home / str(count), count)
            process = begin("build", home / str(count), home / f"cache {count}", home / f"notes {count}")
            _, own, worker, seconds = finished(process).split()
            peaks.append((int(own), int(worker)))
            print(f"{count} images: {seconds} s, peak {own} KiB, largest worker {worker} KiB", flush=True)
        folder, cache = home / str(args.images), home / f"cache {args.images}"
        written, again, chunk = killed(folder, home, args.images)
        print(f"killed at {written} images, {again} decoded again, {chunk} in a chunk", flush=True)
        finished(begin("share", folder, cache, home))
        ids = [np.load(home / f"{rank}.npy") for rank in (0, 1)]
        shared = not np.intersect1d(*ids).size and np.array_equal(np.sort(np.concatenate(ids)), np.arange(args.images))
    show(
        "cache_build",
        [sum(peaks[1]) / sum(peaks[0])],
        f"peak memory of making a cache of {counts[1]} images / of {counts[0]}",
        "lower",
        GOAL,
        peak_mib=[round(sum(peak) / 1024, 1) for peak in peaks],
        seconds=float(seconds),
        images_per_second=round(args.images / float(seconds)),
        written_at_kill=written,
        decoded_again=again,
        decoded_again_share=again / args.images,
        chunk=chunk,
        shared=bool(shared),
        processors=os.cpu_count(),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
