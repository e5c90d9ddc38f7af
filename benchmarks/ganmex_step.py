"""What a training step of GANMEX costs through ``fit``, as a ratio to a bare PyTorch loop.

    python benchmarks/ganmex_step.py --data-root DATA

Both sides train the networks of ``configs/ganmex/mnist.yaml`` against the same random classifier, from the same
weights, by the same losses: a batch in two the generator has its turn, and its moving average follows. The bare loop
indexes uint8 tensors by a shuffled permutation, casts, and steps. Runs alternate, as does which side begins. The
value is the median of the ratios of neighbouring runs, the spread their quartiles; ``value_cpu`` is the same in
processor seconds.
"""

import argparse
import functools
import logging
import statistics
import time
import warnings

import torch
from _result import show
from _stopwatch import Stopwatch
from lightning import Trainer

from xaicf.data import MNIST
from xaicf.nn import DCGANCritic, StarGANGenerator, TwoConv
from xaicf.nn.average import follow
from xaicf.tasks import Ganmex

GOAL = 1.10


def new_task(data: MNIST) -> Ganmex:
    """Make the task of the configuration, with the same weights each time."""
    torch.manual_seed(0)
    return Ganmex(
        data.image_shape,
        data.num_classes,
        classifier=TwoConv(data.image_shape, data.num_classes),
        class_weight=2.0,
        similarity_weight=20.0,
        generator=functools.partial(StarGANGenerator, width=24, blocks=3, output="gated", upsampling="transposed"),
        critic=functools.partial(DCGANCritic, channels=(32, 64, 128), norm="none"),
    )


def through_fit(task: Ganmex, data: MNIST, batches: int) -> tuple[float, float]:
    """Train for some batches; give the seconds of the loop, and those of the processor."""
    stopwatch = Stopwatch()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        limit_train_batches=batches,
        limit_val_batches=0,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        callbacks=[stopwatch],
    )
    trainer.fit(task, datamodule=data)
    return stopwatch.seconds, stopwatch.cpu


def bare(task: Ganmex, data: MNIST, batches: int) -> tuple[float, float]:
    """Do the same steps without a framework."""
    split = data.splits["train"]
    begin, begin_cpu = time.perf_counter(), time.process_time()
    generator_optimizer = torch.optim.Adam(task.generator.parameters(), lr=3e-4, betas=(0.5, 0.9))
    critic_optimizer = torch.optim.Adam(task.critic.parameters(), lr=3e-4, betas=(0.5, 0.9))
    assert task.average is not None
    for number, ids in enumerate(torch.split(torch.randperm(len(split)), data.batch_size)[:batches], 1):
        batch = {"image": split.images[ids].float().div_(255), "label": split.labels[ids], "index": ids}
        critic_optimizer.zero_grad()
        torch.autograd.backward(task.critic_step(batch)["critic_loss"], inputs=list(task.critic.parameters()))
        critic_optimizer.step()
        if number % task.n_critic == 0:
            generator_optimizer.zero_grad()
            loss = task.generator_step(batch)["generator_loss"]
            torch.autograd.backward(loss, inputs=list(task.generator.parameters()))
            generator_optimizer.step()
            follow(task.average, task.generator, 0.9)
    return time.perf_counter() - begin, time.process_time() - begin_cpu


def main() -> None:
    """Print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--batches", type=int, default=60)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    data = MNIST(given.data_root, batch_size=32)
    data.setup()
    ratios, of_cpu = [], []
    for run in range(given.runs):
        sides = {}
        for side in sorted(("bare", "fit"), reverse=bool(run % 2)):
            sides[side] = (bare if side == "bare" else through_fit)(new_task(data), data, given.batches)
        ratios.append(sides["fit"][0] / sides["bare"][0])
        of_cpu.append(sides["fit"][1] / sides["bare"][1])
    show(
        "ganmex_step",
        ratios,
        "fit / bare loop",
        "lower",
        GOAL,
        value_cpu=round(statistics.median(of_cpu), 4),
        milliseconds_of_a_batch=round(1000 * sides["bare"][0] / given.batches, 1),
        batches=given.batches,
        threads=given.threads,
    )


if __name__ == "__main__":
    main()
