"""What an MNIST training epoch costs through ``fit``, as a ratio to a bare PyTorch loop.

    python benchmarks/fit_overhead.py --data-root DATA

Both sides train the network of ``configs/classifier/mnist.yaml`` from the same weights for an epoch of 54,000
images: AdamW, one cycle, float32 on the CPU. The bare loop indexes the uint8 tensors by a
shuffled permutation, casts, and steps; it logs and writes nothing. The other side is a user's:
``Classifier``, ``MNIST`` and ``Trainer`` with their defaults, both checkpoints written at the end; only
logger, progress bar and validation are off, hence the checkpoints without a monitor. An epoch through
``fit`` is what lies between ``on_train_start`` and ``on_train_end``; ``value_whole_call`` counts the call's
start and end as well.

Runs alternate, as does which side begins. The value is the median of the ratios of neighbouring runs, the
spread their quartiles. ``value_cpu`` is the same ratio in processor seconds, which other work on the machine
disturbs less.
"""

import argparse
import functools
import logging
import statistics
import sys
import tempfile
import time
import warnings

import torch
from _stopwatch import Stopwatch
from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.nn import functional

from xaicf.core import UserError
from xaicf.data import MNIST
from xaicf.nn import TwoConv
from xaicf.tasks import Classifier

GOAL = 1.10
LEARNING_RATE = 0.005
WEIGHT_DECAY = 0.01


def new_task(data: MNIST) -> Classifier:
    """Make the task of ``configs/classifier/mnist.yaml``, with the same weights each time."""
    torch.manual_seed(0)
    return Classifier(
        functools.partial(TwoConv, mean=[0.1307], std=[0.3081]),
        data.image_shape,
        data.num_classes,
        optimizer=functools.partial(torch.optim.AdamW, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        schedule="one_cycle",
    )


def through_fit(task: Classifier, data: MNIST, batches: int) -> dict[str, float]:
    """Train an epoch; give the seconds of its loop, also of the processor, and of the whole call."""
    stopwatch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            limit_train_batches=batches,
            limit_val_batches=0,
            enable_progress_bar=False,
            callbacks=[stopwatch, ModelCheckpoint(folder, filename="best", save_last=True)],
            default_root_dir=folder,
        )
        begin = time.perf_counter()
        trainer.fit(task, datamodule=data)
        call = time.perf_counter() - begin
    return {"loop": stopwatch.seconds, "cpu": stopwatch.cpu, "call": call}


def bare(network: nn.Module, data: MNIST, batches: int) -> dict[str, float]:
    """Train an epoch without any framework; give its seconds, also of the processor."""
    split, size = data.splits["train"], data.batch_size
    begin, begin_cpu = time.perf_counter(), time.process_time()
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=batches)
    for ids in torch.split(torch.randperm(len(split)), size)[:batches]:
        images, labels = split.images[ids].float().div_(255), split.labels[ids]
        loss = functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return {"loop": time.perf_counter() - begin, "cpu": time.process_time() - begin_cpu}


@torch.no_grad()
def accuracy(network: nn.Module, data: MNIST) -> float:
    """Give the share of validation images that the trained network gets right."""
    batch = data.samples(range(len(data.splits["val"])))
    return float((network.eval()(batch["image"]).argmax(1) == batch["label"]).float().mean())


def main() -> int:
    """Print a line for each pair of runs and a JSON object last."""
    show = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=show)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--runs", type=int, default=9, help="of each side, after one that does not count")
    parser.add_argument("--batches", type=int, help="of each run, the whole epoch if left out")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    data = MNIST(args.data_root, batch_size=args.batch_size)
    try:
        data.setup()
    except UserError as error:
        print(f"fit_overhead: error: {error}", file=sys.stderr)
        return 2
    whole = len(data.train_dataloader())
    batches = args.batches or whole
    if not 1 <= batches <= whole:
        print(f"fit_overhead: error: --batches must be in [1, {whole}], got {batches}", file=sys.stderr)
        return 2
    fits: list[dict[str, float]] = []
    bares: list[dict[str, float]] = []
    accuracies: dict[str, float] = {}
    for run in range(args.runs + 1):
        for side in ("fit", "bare") if run % 2 else ("bare", "fit"):
            task = new_task(data)
            if side == "fit":
                fits.append(through_fit(task, data, batches))
            else:
                bares.append(bare(task.network, data, batches))
            accuracies[side] = round(accuracy(task.network, data), 4)
        print(f"run {run}: fit {fits[-1]}, bare {bares[-1]}", flush=True)
    pairs = list(zip(fits, bares, strict=True))[1:]
    ratios = [fit["loop"] / alone["loop"] for fit, alone in pairs]
    fastest = min(fit["loop"] for fit, _ in pairs) / min(alone["loop"] for _, alone in pairs)
    show(
        "fit_overhead",
        ratios,
        "fit / bare loop",
        "lower",
        GOAL,
        value_whole_call=round(statistics.median(fit["call"] / alone["loop"] for fit, alone in pairs), 4),
        value_cpu=round(statistics.median(fit["cpu"] / alone["cpu"] for fit, alone in pairs), 4),
        value_of_fastest=round(fastest, 4),
        fit_seconds=round(statistics.median(fit["loop"] for fit, _ in pairs), 4),
        bare_seconds=round(statistics.median(alone["loop"] for _, alone in pairs), 4),
        val_accuracy=accuracies,
        batches_timed=batches,
        batches_of_epoch=whole,
        batch_size=data.batch_size,
        threads=args.threads,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
