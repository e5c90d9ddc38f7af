"""Integrated gradients of a contrast, by Captum, and how complete they are; and expected gradients."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from captum.attr import GradientShap, IntegratedGradients

from xaicf.core import Images
from xaicf.explainers.methods.asked import Answer, Asked, completeness, mean_over_baselines
from xaicf.explainers.methods.budget import at_a_time

STEPS = (64, 256, 1024)
"""Points on the path, by Gauss and Legendre: more where an image's map is not complete with fewer."""

COMPLETE = 1e-3
"""Largest difference of a sum from the rise of S, as a share of it, unless another is given."""

DRAWS, EACH = 8, 8
"""Points of expected gradients for each image: so many times so many together, whatever fits into memory."""


def integrated_gradients(asked: Asked) -> Answer:
    """(x - b) ⊙ the mean of ∂S/∂x on the straight line from the baseline b; from several, the mean.

    Reference: Sundararajan et al. 2017, "Axiomatic attribution for deep networks"; Captum's.
    """
    maps = mean_over_baselines(_integrated, asked)
    scalars, complete = completeness(maps, asked.rise(), _tolerance(asked))
    return Answer(maps, asked.baseline, scalars, complete)


def _integrated(asked: Asked) -> Images:
    score, told = asked.elsewhere()
    rise = asked.rise()
    maps = torch.zeros_like(asked.inputs)
    size = at_a_time(asked.classifier, asked.inputs)
    left = torch.arange(len(asked), device=maps.device)
    for steps in STEPS:
        for rows in torch.split(left, size):
            maps[rows] = IntegratedGradients(score).attribute(
                asked.inputs[rows],
                asked.baselines[rows],
                additional_forward_args=tuple(value[rows] for value in told),
                n_steps=steps,
                internal_batch_size=max(size, len(rows)),
            )
        left = (~completeness(maps, rise, _tolerance(asked))[1]).nonzero().flatten()
        if not len(left):
            break
    return maps


def _tolerance(asked: Asked) -> float:
    return COMPLETE if asked.tolerance is None else asked.tolerance


def gradient_shap(asked: Asked) -> Answer:
    """The mean of (x - b) ⊙ ∂S/∂x at random points between x and baselines b drawn from those of the image.

    Their sums are the rise of S over its mean at the baselines in expectation only, so that the completeness
    error is reported and no image is flagged for it. Every image is asked by the same draws, whatever the batch.

    Reference: Erion et al. 2021, "Improving performance of deep learning models with axiomatic attribution priors and
    expected gradients"; Captum's ``GradientShap`` without noise.
    """
    score, told = asked.elsewhere()
    method = GradientShap(score)
    baselines = asked.baselines if asked.baseline is None else asked.baselines[:, None]
    maps: list[Images] = []
    for row in range(len(asked)):
        one = slice(row, row + 1)
        total = torch.zeros_like(asked.inputs[one])
        for number in range(DRAWS):
            with _drawn_by(number):
                total += method.attribute(
                    asked.inputs[one],
                    baselines[row],
                    n_samples=EACH,
                    additional_forward_args=tuple(value[one] for value in told),
                ).detach()
        maps.append(total / DRAWS)
    whole = torch.cat(maps)
    return Answer(whole, asked.baseline, completeness(whole, asked.rise())[0])


@contextmanager
def _drawn_by(seed: int) -> Iterator[None]:
    """Have Captum draw by a seed; torch's random state is put back by who calls a method, NumPy's here."""
    state = np.random.get_state()  # noqa: NPY002  (what Captum draws from)
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (what Captum draws from)
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002  (what Captum draws from)
