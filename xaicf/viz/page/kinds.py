"""Maps of one confusion that look alike: how many kinds there are, and which map is typical of each."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score

LEAST = 10
"""Maps below which none are grouped."""

MOST = 4
"""Kinds at most."""

COMPONENTS = 8
"""Principal components in which maps are compared: pixels of their own would drown what they share."""

CLEAR = 0.25
"""Mean silhouette from which kinds are told apart. Maps of noise, which have none, stay below 0.2."""

SAMPLE = 1000
"""Maps at most over which a silhouette is averaged."""

Maps = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Kind:
    """Maps that look alike.

    Attributes:
        rows: their places, rising.
        typical: the place of the one nearest to their centre.
    """

    rows: list[int]
    typical: int


def kinds(maps: Maps) -> list[Kind]:
    """Group maps by k-means of their directions, into as many groups as have the largest mean silhouette.

    Args:
        maps: signed (n, pixels). Only where and with which sign a map speaks counts, not how strongly.

    Returns:
        The kinds, of two maps or more, the largest first; none where there are too few maps, or no grouping is clear.

    References:
        Rousseeuw 1987, Silhouettes: a graphical aid to the interpretation and validation of cluster analysis.
    """
    lengths = np.linalg.norm(maps, axis=1, keepdims=True)
    if len(maps) < LEAST or not lengths.all():
        return []
    points = PCA(min(COMPONENTS, *maps.shape), random_state=0).fit_transform(maps / lengths)
    best, labels, centres = CLEAR, None, np.empty(0)
    for count in range(2, MOST + 1):
        found = KMeans(count, n_init=2, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct maps than groups
            guess = found.fit_predict(points)
        if np.bincount(guess, minlength=count).min() < 2:  # one map is no kind
            break
        clear = silhouette_score(points, guess, sample_size=min(SAMPLE, len(points)), random_state=0)
        if clear > best:
            best, labels, centres = clear, guess, found.cluster_centers_
    if labels is None:
        return []
    members = [np.flatnonzero(labels == number) for number in range(len(centres))]
    nearest = [
        int(rows[np.linalg.norm(points[rows] - centre, axis=1).argmin()])
        for rows, centre in zip(members, centres, strict=True)
    ]
    groups = [Kind(rows.tolist(), typical) for rows, typical in zip(members, nearest, strict=True)]
    return sorted(groups, key=lambda one: (-len(one.rows), one.typical))
