"""What the weighted contrast costs with each method, as a ratio to that of one logit, for 10, 200 and 1000 classes.

    python benchmarks/contrast_cost.py

Times ``Attribution(method)`` of a batch with contrast ``weighted`` and ``logit``, as users call it, and beside them
the sum that the weighted contrast stands for, φ^t - Σ α_s φ^s, written out as one map for each class. Where a method is
linear in the class weights and the sum is over all classes, the weighted map is checked to equal it. The network is
MNIST's TwoConv with random weights, so that all classes take part; the images are random, so no data is needed.

Runs alternate, as does which side begins. A ratio is the median of those of neighbouring runs, its spread their
quartiles; ``of_cpu`` is the ratio in processor seconds. The value is the largest ratio of all methods and numbers of
classes. All numbers are in ``rows``.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from _result import show
from torch import Tensor, nn

from xaicf.core import Batch, Subject
from xaicf.explainers import Attribution
from xaicf.explainers.methods import METHODS, Method
from xaicf.nn import TwoConv

GOAL = 1.05
CLASSES = (10, 200, 1000)

FORWARD_ALONE = {"occlusion", "lime"}
"""Methods that propagate nothing back."""

CLOSE = {"guided_gradient": float("inf"), "guided_gradcam": float("inf"), "integrated_gradients": 0.05}
"""Largest difference of a weighted map from the sum over classes, as a share of its largest value, where not 1e-3: in
guided methods each ReLU cuts off what comes back, so that no sum is promised; an integral takes as many steps as each
contrast needs."""


SUMMED = 10
"""Classes over which the sum is written out for methods that look at many images; its time is scaled up to all."""


def explained(method: Method, contrast: str, subject: Subject, images: Tensor, fact: Tensor) -> Tensor:
    """Explain images (B, C, H, W) by one contrast; give the maps."""
    answer = Attribution(method, contrast).explain(subject, images, fact).attribution  # type: ignore[arg-type]
    assert answer is not None
    return answer


def explicit_sum(method: Method, subject: Subject, images: Tensor, classes: int) -> Tensor:
    """Sum up the maps of the first logits, one after the other."""
    with torch.no_grad():
        logits = subject.classifier(images)
    fact = logits.argmax(1)
    weights = -logits.scatter(1, fact[:, None], -torch.inf).softmax(1)
    weights.scatter_(1, fact[:, None], 1.0)
    total = 0
    for class_ in range(classes):
        one = explained(method, "logit", subject, images, torch.full_like(fact, class_))
        total = total + weights[:, class_, None, None, None] * one
    return total  # type: ignore[return-value]


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """Take the time of one call, by the clock and of the processor."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - begin, time.process_time() - begin_cpu


def measure(method: Method, classes: int, batch: int, runs: int) -> dict[str, object]:
    """Give ratios and medians for one method and number of classes.

    Raises:
        RuntimeError: the weighted map is not the explicit sum.
    """
    torch.manual_seed(0)
    classifier: nn.Module = TwoConv((1, 28, 28), classes).eval().requires_grad_(False)
    images, seen = torch.rand(batch, 1, 28, 28), torch.rand(4, 1, 28, 28)
    reference: Batch = {"image": seen, "label": torch.arange(4), "index": torch.arange(4)}
    subject = Subject(classifier, reference=reference)
    with torch.no_grad():
        fact = classifier(images).argmax(1)
    sides = {name: partial(explained, method, name, subject, images, fact) for name in ("weighted", "logit")}
    summed = classes if METHODS[method].compares is None else min(classes, SUMMED)
    begin = time.perf_counter()
    wanted = explicit_sum(method, subject, images, summed)
    sum_seconds = (time.perf_counter() - begin) * classes / summed
    error = float((sides["weighted"]() - wanted).abs().max() / wanted.abs().max()) if summed == classes else None
    if error is not None and error > CLOSE.get(method, 1e-3):
        raise RuntimeError(f"{method}: the weighted map differs from the explicit sum by {error:.2g}")
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for run in range(-2, runs):  # two to warm up
        for name in list(sides) if run % 2 else reversed(sides):
            taken = seconds(sides[name])
            if run >= 0:
                times[name].append(taken)
    ratios = [a / b for (a, _), (b, _) in zip(*times.values(), strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    middle = {name: [statistics.median(side) for side in zip(*values, strict=True)] for name, values in times.items()}
    return {
        "weighted_over_logit": round(median, 4),
        "spread": [round(low, 4), round(high, 4)],
        "of_cpu": round(middle["weighted"][1] / middle["logit"][1], 4),
        "sum_over_weighted": round(sum_seconds / middle["weighted"][0], 1),
        "weighted_seconds": round(middle["weighted"][0], 6),
        "logit_seconds": round(middle["logit"][0], 6),
        "sum_seconds": round(sum_seconds, 6),
        "classes_summed": summed,
        "relative_error": error,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each method and number of classes, and a JSON object last."""
    show_text = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=show_text)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=60, help="of each side; of the sum, one")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--classes", type=int, nargs="+", default=CLASSES)
    methods = [method for method in METHODS if method not in FORWARD_ALONE]
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    rows: dict[str, dict[str, object]] = {}
    for method in args.methods:
        for classes in args.classes:
            rows[f"{method}, {classes}"] = found = measure(method, classes, args.batch, args.runs)
            print(f"{method}, {classes} classes: {found}", flush=True)
    largest = [float(str(row["weighted_over_logit"])) for row in rows.values()]
    show(
        "contrast_cost",
        largest,
        "weighted / logit, median over methods and numbers of classes",
        "lower",
        GOAL,
        largest=max(largest),
        runs=args.runs,
        batch=args.batch,
        threads=args.threads,
        rows=rows,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
