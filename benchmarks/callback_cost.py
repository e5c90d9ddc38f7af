"""What the default explanation callback adds to an epoch of a VAE on MNIST.

    python benchmarks/callback_cost.py --data-root DATA

The callback is that of ``configs/vae/mnist.yaml``: CDeepEx and Attribution (linear_approximation, pair) of 16
images, no logger. Its ``on_validation_end`` is timed in a real validation of the trained VAE. The epoch is
one of 54,000 training images through ``fit`` without the callback and, to be strict, without its validation;
it is timed on the first ``--batches`` batches and scaled up.

Epochs and callbacks alternate, as does which begins. The value is the median of the ratios of neighbours,
the spread their quartiles; ``value_cpu`` is the ratio in processor seconds. ``breakdown`` is the median over
callbacks: the explainers; drawing panels and rendering them to PNG; and the rest, which is tensors, numbers
and page on disk.
"""

import argparse
import functools
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar
from unittest import mock

import torch
from _stopwatch import Stopwatch
from lightning import Callback, LightningModule, Trainer
from PIL import Image

from xaicf import load_frozen
from xaicf.callbacks import ExplainAtValidationEnd
from xaicf.core import InputError, UserError
from xaicf.data import MNIST
from xaicf.explainers import Attribution, CDeepEx, Explainer, ask
from xaicf.tasks import VAE
from xaicf.viz import panel

GOAL = 0.10

P = ParamSpec("P")
T = TypeVar("T")


class TimedExplain(ExplainAtValidationEnd):
    """Takes the time of the callback."""

    seconds = 0.0
    cpu = 0.0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Explain, write and log."""
        begin, begin_cpu = time.perf_counter(), time.process_time()
        super().on_validation_end(trainer, pl_module)
        self.seconds, self.cpu = time.perf_counter() - begin, time.process_time() - begin_cpu


@contextmanager
def parts() -> Iterator[dict[str, float]]:
    """Sum up, while the block lasts, the seconds spent in each part of the callback."""
    spent: dict[str, float] = defaultdict(float)

    def timed(function: Callable[P, T], part: str) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **keywords: P.kwargs) -> T:
            begin = time.perf_counter()
            result = function(*args, **keywords)
            name = f"/{args[0].name}" if isinstance(args[0], Explainer) else ""
            spent[part + name] += time.perf_counter() - begin
            return result

        return call

    with (
        mock.patch("xaicf.callbacks.explain.ask", timed(ask, "explain")),
        mock.patch("xaicf.callbacks.record.panel", timed(panel, "draw/panel")),
        mock.patch.object(Image.Image, "save", timed(Image.Image.save, "draw/png")),
    ):
        yield spent


def quiet_trainer(folder: str, callback: Callback, batches: int) -> Trainer:
    """Make a trainer for a short training or a short validation."""
    return Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_train_batches=batches,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        callbacks=[callback],
        default_root_dir=folder,
    )


def epoch_seconds(vae: VAE, data: MNIST, batches: int) -> dict[str, float]:
    """Train on some batches; give the seconds of a whole epoch, also of the processor."""
    stopwatch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        trainer = quiet_trainer(folder, stopwatch, batches)
        trainer.limit_val_batches = 0
        trainer.fit(vae, datamodule=data)
    scale = len(data.train_dataloader()) / batches
    return {"epoch": stopwatch.seconds * scale, "cpu": stopwatch.cpu * scale}


def callback_seconds(classifier: torch.nn.Module, vae: VAE, data: MNIST, samples: int) -> dict[str, float]:
    """Validate on one batch with the callback; give the seconds of the callback and of its parts."""
    explainers = [CDeepEx(), Attribution(method="linear_approximation", contrast="pair")]
    callback = TimedExplain(explainers, classifier, samples=samples)
    with tempfile.TemporaryDirectory() as folder, parts() as spent:
        quiet_trainer(folder, callback, 1).validate(vae, datamodule=data, verbose=False)
    explaining = sum(seconds for part, seconds in spent.items() if part.startswith("explain/"))
    drawing = sum(seconds for part, seconds in spent.items() if part.startswith("draw/"))
    rest = callback.seconds - explaining - drawing
    whole = {"callback": callback.seconds, "cpu": callback.cpu}
    return {**whole, "explain": explaining, "draw": drawing, "write": rest, **spent}


def main() -> int:
    """Print a line for each pair of runs and a JSON object last."""
    show = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=show)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--classifier", default="runs/classifier/mnist/best.ckpt")
    parser.add_argument("--vae", default="runs/vae/mnist/best.ckpt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=9, help="of each side, after one that does not count")
    parser.add_argument("--batches", type=int, default=100, help="on which an epoch is timed")
    parser.add_argument("--samples", type=int, default=16)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    data = MNIST(args.data_root)
    try:
        data.setup()
        classifier, trained = load_frozen(args.classifier), load_frozen(args.vae)
        if not isinstance(trained, VAE):
            raise InputError(f"--vae must be the checkpoint of a VAE, got a {type(trained).__name__}")
    except UserError as error:
        print(f"callback_cost: error: {error}", file=sys.stderr)
        return 2
    optimizer = functools.partial(torch.optim.Adam, lr=0.002)
    epochs: list[dict[str, float]] = []
    callbacks: list[dict[str, float]] = []
    for run in range(args.runs + 1):
        torch.manual_seed(0)
        fresh = VAE(data.image_shape, latent_dim=64, optimizer=optimizer, schedule="one_cycle")
        for side in ("epoch", "callback") if run % 2 else ("callback", "epoch"):
            if side == "epoch":
                epochs.append(epoch_seconds(fresh, data, args.batches))
            else:
                callbacks.append(callback_seconds(classifier, trained, data, args.samples))
        print(f"run {run}: {epochs[-1]}, {callbacks[-1]}", flush=True)
    pairs = list(zip(callbacks, epochs, strict=True))[1:]
    ratios = [callback["callback"] / epoch["epoch"] for callback, epoch in pairs]
    fastest = min(callback["callback"] for callback, _ in pairs) / min(epoch["epoch"] for _, epoch in pairs)
    medians = {part: statistics.median(callback[part] for callback, _ in pairs) for part in callbacks[0]}
    show(
        "callback_cost",
        ratios,
        "callback / VAE epoch without it",
        "lower",
        GOAL,
        value_cpu=round(statistics.median(callback["cpu"] / epoch["cpu"] for callback, epoch in pairs), 4),
        value_of_fastest=round(fastest, 4),
        callback_seconds=round(medians.pop("callback"), 4),
        callback_cpu_seconds=round(medians.pop("cpu"), 4),
        epoch_seconds=round(statistics.median(epoch["epoch"] for _, epoch in pairs), 4),
        breakdown={part: round(seconds, 4) for part, seconds in medians.items()},
        samples=args.samples,
        batches_timed=args.batches,
        batches_of_epoch=len(data.train_dataloader()),
        threads=args.threads,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
