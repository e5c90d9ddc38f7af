"""Baselines: what an image is compared with, each called with subject, inputs, fact and foil."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from xaicf.explainers.baselines.base import Baseline
from xaicf.explainers.baselines.counterfactual import Counterfactual
from xaicf.explainers.baselines.plain import FILLS, Plain
from xaicf.explainers.baselines.training import NearestSample, Samples
from xaicf.explainers.baselines.translated import Ganmex

BaselineName = Literal["zero", "maximum", "mean", "blur", "noise", "mdts", "samples", "foil_samples", "ganmex"]

BASELINES: dict[str, Callable[[], Baseline]] = {
    **{name: partial(Plain, name) for name in FILLS},
    "mdts": NearestSample,
    "samples": Samples,
    "foil_samples": partial(Samples, of_foil=True),
    "ganmex": Ganmex,
}
"""Baselines without options, by name."""

__all__ = ["BASELINES", "Baseline", "BaselineName", "Counterfactual", "Ganmex", "NearestSample", "Plain", "Samples"]
