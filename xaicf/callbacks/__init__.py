"""Lightning callbacks: explain, draw samples, log."""

from xaicf.callbacks.edits import LogEdits
from xaicf.callbacks.explain import ExplainAtValidationEnd
from xaicf.callbacks.logging import WandbLogger
from xaicf.callbacks.realism import LogRealism
from xaicf.callbacks.samples import LogSamples
from xaicf.callbacks.stages import KeepStages
from xaicf.callbacks.translations import LogTranslations

__all__ = [
    "ExplainAtValidationEnd",
    "KeepStages",
    "LogEdits",
    "LogRealism",
    "LogSamples",
    "LogTranslations",
    "WandbLogger",
]
