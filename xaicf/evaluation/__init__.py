"""Measures of explanations: pure functions, each with a torchmetrics metric."""

from xaicf.evaluation import attribution, counterfactual, realism, robustness
from xaicf.evaluation.measure import MeanMeasure, Measure
from xaicf.evaluation.statistics import Comparison, Mean, bootstrap_mean, compare

MEASURES = (
    Measure("validity", counterfactual.validity, True, "counterfactual", "all"),
    Measure("boundary_residual", counterfactual.boundary_residual, False, "counterfactual"),
    Measure("third_class_violation", counterfactual.third_class_violation, False, "counterfactual", "all"),
    Measure("l1", counterfactual.l1, False, "counterfactual"),
    Measure("l2", counterfactual.l2, False, "counterfactual"),
    Measure("latent_distance", counterfactual.latent_distance, False, "counterfactual"),
    Measure("changed_share", counterfactual.changed_share, False, "counterfactual"),
    Measure("connectedness", counterfactual.connectedness, True, "counterfactual"),
    Measure("cout", counterfactual.cout, True, "counterfactual", source="Khorram and Fuxin 2022"),
    Measure("gradient_evaluations", counterfactual.gradient_evaluations, False, "counterfactual", "all"),
    Measure("deletion", attribution.deletion, False, "attribution", source="Petsiuk et al. 2018"),
    Measure("insertion", attribution.insertion, True, "attribution", source="Petsiuk et al. 2018"),
    Measure("keep_positive", attribution.keep_positive, True, "attribution", source="Wang and Wang 2022"),
    Measure("keep_negative", attribution.keep_negative, False, "attribution", source="Wang and Wang 2022"),
    Measure("sign_recourse", attribution.sign_recourse, True, "attribution", source="Wang and Wang 2022"),
    Measure("gini", attribution.gini, True, "attribution", source="Chalasani et al. 2020"),
)
"""What needs the explanation and the classifier alone."""

__all__ = [
    "MEASURES",
    "Comparison",
    "Mean",
    "MeanMeasure",
    "Measure",
    "attribution",
    "bootstrap_mean",
    "compare",
    "counterfactual",
    "realism",
    "robustness",
]
