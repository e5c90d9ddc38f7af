"""Every measure there is, each with what it needs."""

import functools

from torch import nn

from xaicf.core import Batch
from xaicf.evaluation import attribution, autoencoders, counterfactual, localisation, realism, robustness
from xaicf.evaluation.measure import Function, Measure, reported
from xaicf.explainers import Explainer

MEASURES = (
    Measure("validity", counterfactual.validity, True, "counterfactual", "all"),
    Measure("boundary_residual", counterfactual.boundary_residual, False, "counterfactual"),
    Measure("third_class_violation", counterfactual.third_class_violation, False, "counterfactual", "all"),
    Measure("l1", counterfactual.l1, False, "counterfactual"),
    Measure("l2", counterfactual.l2, False, "counterfactual"),
    reported("latent_distance", "the squared distance in latent space."),
    reported("latent_l1", "the sum of absolute changes of the latent."),
    Measure("changed_share", counterfactual.changed_share, False, "counterfactual"),
    Measure("connectedness", counterfactual.connectedness, True, "counterfactual"),
    Measure("cout", counterfactual.cout, True, "counterfactual", source="Khorram and Fuxin 2022"),
    reported("gradient_evaluations", "the number of gradients that the search computed.", "all"),
    reported("completeness_error", "by how much the map's sum misses what the method promises."),
    Measure("deletion", attribution.deletion, False, "attribution", source="Petsiuk et al. 2018"),
    Measure("insertion", attribution.insertion, True, "attribution", source="Petsiuk et al. 2018"),
    Measure("keep_positive", attribution.keep_positive, True, "attribution", source="Wang and Wang 2022"),
    Measure("keep_negative", attribution.keep_negative, False, "attribution", source="Wang and Wang 2022"),
    Measure("sign_recourse", attribution.sign_recourse, True, "attribution", source="Wang and Wang 2022"),
    Measure("gini", attribution.gini, True, "attribution", source="Chalasani et al. 2020"),
    Measure("pointing", localisation.pointing, True, "attribution", needs_mask=True, source="Zhang et al. 2018"),
    Measure(
        "inverse_localisation",
        localisation.inverse_localisation,
        False,
        "attribution",
        needs_mask=True,
        source="Shih et al. 2021",
    ),
)
"""What needs the explanation and the classifier, and for some the mask of the data."""


def neighbour_measures(classifier: nn.Module, reference: Batch) -> tuple[Measure, ...]:
    """Give what needs reference images and a classifier that ends in a linear layer.

    Raises:
        InputError: it does not, or there are too few images.
    """
    function = functools.partial(realism.neighbours_of_foil, *realism.reference_features(classifier, reference))
    return (Measure("neighbours_of_foil", function, True, "counterfactual", source="Pawelczyk et al. 2020"),)


def autoencoder_measures(reference: Batch, num_classes: int) -> tuple[Measure, ...]:
    """Give what needs two or more reference images of each class.

    Raises:
        InputError: a class has fewer.
    """
    fitted = autoencoders.ClassAutoencoders(reference, num_classes)
    source = "Van Looveren and Klaise 2021"
    return tuple(
        Measure(name, functools.partial(function, fitted), False, "counterfactual", source=source)
        for name, function in (("im1", autoencoders.im1), ("im2", autoencoders.im2))
    )


def asking_measures(explainer: Explainer, num_classes: int) -> tuple[Measure, ...]:
    """Give what asks the explainer again, which takes as long as explaining, several times.

    Args:
        explainer: that gave the explanation.
        num_classes: of the classifier; with two there is no other foil.
    """
    function: Function = functools.partial(robustness.noise_correlation, explainer)
    found = [Measure("noise_correlation", function, True, "attribution")]
    if num_classes > 2:
        function = functools.partial(robustness.foil_correlation, explainer)
        found.append(Measure("foil_correlation", function, False, "attribution"))
    if explainer.from_start(1) is not None:
        function = functools.partial(robustness.diversity, explainer)
        found.append(Measure("diversity", function, None, "counterfactual", source="Mothilal et al. 2020"))
    return tuple(found)
