"""Explainers: options in the constructor, subject and data in the call."""

from xaicf.explainers.attribute_criticism import AttributeCriticism
from xaicf.explainers.attribution import Attribution
from xaicf.explainers.base import Explainer, classify, resolve_classes
from xaicf.explainers.bent import Bent
from xaicf.explainers.cdeepex import CDeepEx
from xaicf.explainers.criticism import Criticism
from xaicf.explainers.inversion import Inversion
from xaicf.explainers.prediction_difference import PredictionDifference
from xaicf.explainers.prototype import Prototype
from xaicf.explainers.question import ask, pose
from xaicf.explainers.smoothed import Smoothed
from xaicf.explainers.translation import Translation
from xaicf.explainers.xgem import XGEM

__all__ = [
    "XGEM",
    "AttributeCriticism",
    "Attribution",
    "Bent",
    "CDeepEx",
    "Criticism",
    "Explainer",
    "Inversion",
    "PredictionDifference",
    "Prototype",
    "Smoothed",
    "Translation",
    "ask",
    "classify",
    "pose",
    "resolve_classes",
]
