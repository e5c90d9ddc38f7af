"""Splits that are cut so that no small class is missing from one."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from xaicf.core import DataError, SplitName
from xaicf.data.base import LabelledImages, choose, cut_missing


def cut_every_class(
    splits: Mapping[SplitName, LabelledImages],
    fractions: Mapping[SplitName, float],
    seed: int,
    class_names: Sequence[str],
) -> dict[SplitName, LabelledImages]:
    """Cut from ``train`` the splits that are not given, with every class in each of them, as far as it has images.

    All images are cut at random, as :func:`~xaicf.data.base.cut_missing` does it. Only where that leaves a class
    without a training image, or out of a split although it has an image for each, every class is cut for itself: into
    shares that are rounded, but of at least one image. A class of fewer images than splits has the first for ``train``.

    Args:
        splits: those that are given, ``train`` among them.
        fractions: of ``train``, for each of the others that there must be.
        seed: of the division.
        class_names: one for each class.

    Raises:
        DataError: a class has no training image, or ``train`` is too small.
    """
    labels = splits["train"].labels
    sizes = torch.bincount(labels, minlength=len(class_names))
    if not sizes.all():
        raise DataError(f"class {class_names[int(sizes.argmin())]} has no training image")
    missing = [name for name in fractions if name not in splits]
    found = cut_missing(splits, fractions, seed)
    counts = {name: torch.bincount(found[name].labels, minlength=len(class_names)) for name in [*missing, "train"]}
    absent = torch.stack(list(counts.values())) == 0
    if not (absent.any(0) & (sizes > len(missing))).any() and counts["train"].all():
        return found
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    parts = _parts(labels[order], [fractions[name] for name in missing])
    for place, name in enumerate(missing):
        if not (parts == place).any():
            raise DataError(f"no class has images enough for the split {name}, the largest has {int(sizes.max())}")
    cut = {name: choose(splits["train"], order[parts == place]) for place, name in enumerate([*missing, "train"])}
    return {**splits, **cut}


def _parts(labels: Tensor, fractions: Sequence[float]) -> Tensor:
    """Give the number of the part (N,) of each image, from labels (N,) in the order of the draw; the rest is last."""
    parts = torch.full_like(labels, len(fractions))
    for label in sorted(set(labels.tolist())):
        own = (labels == label).nonzero().flatten()
        taken = 0
        for place, fraction in enumerate(fractions):
            others = len(fractions) - place  # parts that still need an image, the rest among them
            size = min(max(round(fraction * len(own)), 1), max(len(own) - taken - others, int(len(own) - taken > 1)))
            parts[own[taken : taken + size]] = place
            taken += size
    return parts
