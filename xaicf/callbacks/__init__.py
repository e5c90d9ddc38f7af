"""Lightning callbacks: explain, draw samples, log."""

from xaicf.callbacks.explain import ExplainAtValidationEnd
from xaicf.callbacks.logging import WandbLogger
from xaicf.callbacks.samples import LogSamples

__all__ = ["ExplainAtValidationEnd", "LogSamples", "WandbLogger"]
