"""Measures of explanations: pure functions, each with a torchmetrics metric."""

from xaicf.evaluation.measure import About, MeanMeasure, Measure
from xaicf.evaluation.measures import MEASURES, asking_measures, autoencoder_measures, neighbour_measures
from xaicf.evaluation.statistics import Comparison, Mean, bootstrap_mean, compare
from xaicf.evaluation.table import Measured, as_csv, as_markdown, rows, wide

__all__ = [
    "MEASURES",
    "About",
    "Comparison",
    "Mean",
    "MeanMeasure",
    "Measure",
    "Measured",
    "as_csv",
    "as_markdown",
    "asking_measures",
    "autoencoder_measures",
    "bootstrap_mean",
    "compare",
    "neighbour_measures",
    "rows",
    "wide",
]
