"""What the weighted contrast costs, as a ratio to the gradient of one logit, for 10, 100 and 1000 classes.

    python benchmarks/contrast_cost.py

Times ``Attribution(method="gradient")`` of a batch with contrast ``weighted`` and ``logit``, and beside them
the sum that the weighted contrast stands for, φ^t - Σ α_s φ^s, written out with one backward pass for each
class (and only one forward pass, in its favour). The weighted map is checked to equal that sum and to have
taken one backward pass, whatever the number of classes. The network is MNIST's TwoConv with random weights,
so that all classes take part; the images are random, so no data is needed.

Runs alternate, as does which side begins. The value, at 1000 classes, is the median of the ratios of
neighbouring runs, the spread their quartiles; ``of_cpu`` is the ratio in processor seconds. All numbers are
in ``rows``.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from unittest import mock

import torch
from torch import Tensor, nn

from xaicf.core import Subject
from xaicf.explainers import Attribution
from xaicf.nn import TwoConv

GOAL = 1.10
CLASSES = (10, 100, 1000)


def through(contrast: str, classifier: nn.Module, images: Tensor) -> Tensor:
    """Explain the classifier's answers by one contrast; give the maps."""
    explainer = Attribution(method="gradient", contrast=contrast)  # type: ignore[arg-type]
    attribution = explainer.explain(Subject(classifier), images).attribution
    assert attribution is not None
    return attribution


def explicit_sum(classifier: nn.Module, images: Tensor) -> Tensor:
    """Sum up the gradients of all logits, one backward pass for each class."""
    images = images.detach().requires_grad_()
    logits = classifier(images)
    fact = logits.argmax(1)
    weights = -logits.detach().scatter(1, fact[:, None], -torch.inf).softmax(1)
    weights.scatter_(1, fact[:, None], 1.0)
    total = torch.zeros_like(images)
    for class_ in range(logits.shape[1]):
        (gradient,) = torch.autograd.grad(logits[:, class_].sum(), images, retain_graph=True)
        total += weights[:, class_, None, None, None] * gradient
    return total


def backward_passes(function: Callable[[], object]) -> int:
    """Count the calls of autograd."""
    with mock.patch.object(torch.autograd, "grad", wraps=torch.autograd.grad) as grad:
        function()
    return grad.call_count


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """Take the time of one call, by the clock and of the processor."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - begin, time.process_time() - begin_cpu


def measure(classes: int, batch: int, runs: int) -> dict[str, float | list[float]]:
    """Give ratios and medians for one number of classes.

    Raises:
        RuntimeError: the weighted map is not the explicit sum, or took more than one backward pass.
    """
    torch.manual_seed(0)
    classifier = TwoConv((1, 28, 28), classes).eval().requires_grad_(False)
    images = torch.rand(batch, 1, 28, 28)

    def weighted() -> Tensor:
        return through("weighted", classifier, images)

    def logit() -> Tensor:
        return through("logit", classifier, images)

    begin = time.perf_counter()
    wanted = explicit_sum(classifier, images)
    sum_seconds = time.perf_counter() - begin
    error = float((weighted() - wanted).abs().max() / wanted.abs().max())
    passes = backward_passes(weighted)
    if error > 1e-4 or passes != 1:
        raise RuntimeError(f"weighted contrast: error {error:.2g}, {passes} backward passes")
    for _ in range(3):
        weighted()
        logit()
    with_contrast: list[tuple[float, float]] = []
    plain: list[tuple[float, float]] = []
    for run in range(runs):
        if run % 2:
            with_contrast.append(seconds(weighted))
            plain.append(seconds(logit))
        else:
            plain.append(seconds(logit))
            with_contrast.append(seconds(weighted))
    ratios = [a / b for (a, _), (b, _) in zip(with_contrast, plain, strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    weighted_seconds, weighted_cpu = (statistics.median(times) for times in zip(*with_contrast, strict=True))
    logit_seconds, logit_cpu = (statistics.median(times) for times in zip(*plain, strict=True))
    return {
        "weighted_over_logit": round(median, 4),
        "spread": [round(low, 4), round(high, 4)],
        "of_cpu": round(weighted_cpu / logit_cpu, 4),
        "of_fastest": round(min(with_contrast)[0] / min(plain)[0], 4),
        "sum_over_weighted": round(sum_seconds / weighted_seconds, 1),
        "weighted_seconds": round(weighted_seconds, 6),
        "logit_seconds": round(logit_seconds, 6),
        "sum_seconds": round(sum_seconds, 6),
        "backward_passes": passes,
        "relative_error": error,
    }


def main() -> int:
    """Print a line for each number of classes and a JSON object last."""
    show = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=show)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=200, help="of each side; of the sum, one")
    parser.add_argument("--batch", type=int, default=16)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows: dict[str, dict[str, float | list[float]]] = {}
    for classes in CLASSES:
        rows[str(classes)] = measure(classes, args.batch, args.runs)
        print(f"{classes} classes: {rows[str(classes)]}", flush=True)
    last = rows[str(CLASSES[-1])]
    result = {
        "name": "contrast_cost",
        "value": last["weighted_over_logit"],
        "unit": "weighted / logit at 1000 classes",
        "better": "lower",
        "goal": GOAL,
        "n": args.runs,
        "spread": last["spread"],
        "weighted_seconds": last["weighted_seconds"],
        "logit_seconds": last["logit_seconds"],
        "batch": args.batch,
        "threads": args.threads,
        "torch": torch.__version__,
        "rows": rows,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
