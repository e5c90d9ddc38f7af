"""What a data set holds, in numbers: counts, pixels, broken files, and images that are there twice."""

import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xaicf.core import Batch, DataError, SplitName
from xaicf.data.base import Split
from xaicf.data.files import ImageFiles, is_dim

VALUES = 256
"""Of a pixel's channel."""

DIGEST = 16
"""Bytes that stand for an image's pixels, so that two of ten million images that differ are never taken for one."""


class SplitSurvey(NamedTuple):
    """What one split holds.

    Attributes:
        counts: images of each class, (K,) int64, broken ones too.
        mean: of each channel's pixels in [0, 1], (C,) float64; NaN where no image can be read.
        std: their standard deviation, (C,) float64.
        attributes: mean of each, (A,) float64; None where there are none.
        masked: share of images of whose mask a pixel is true; None where there are no masks.
        mask_area: mean share of the pixels on which those masks are true; NaN where there are none.
        broken: ids of images that cannot be read.
        reasons: one line for each of them, which names the file.
        dim: ids of images in files of 16 bits, none of whose values reaches an eighth of their range.
        surveyed: how many images were looked at.
    """

    counts: Tensor
    mean: Tensor
    std: Tensor
    attributes: Tensor | None
    masked: float | None
    mask_area: float
    broken: list[int]
    reasons: list[str]
    dim: list[int]
    surveyed: int


class Duplicates(NamedTuple):
    """Images whose pixels are those of another one, at the size that the data module gives.

    Attributes:
        first: the split that holds the other one.
        second: the split of the image; the same, or one into which images leak.
        images: of ``second`` that are in ``first`` too; within a split, all but the first of each kind.
        relabelled: how many of these have another class there.
        pairs: ids in ``first`` and in ``second`` of the first few.
    """

    first: SplitName
    second: SplitName
    images: int
    relabelled: int
    pairs: list[tuple[int, int]]


class Survey(NamedTuple):
    """What all splits hold, and what is there twice; pairs of splits that share nothing are left out."""

    splits: dict[SplitName, SplitSurvey]
    duplicates: list[Duplicates]


def survey(
    splits: Mapping[SplitName, Split], num_classes: int, most: int | None = None, batch_size: int = 128, pairs: int = 5
) -> Survey:
    """Look at every image of some splits once, a batch at a time.

    Beside a batch, 16 bytes for each image are kept.

    Args:
        splits: by name.
        num_classes: of the labels.
        most: images of each split that are looked at, evenly from it; all if left out. Classes are counted over all.
        batch_size: images in a batch.
        pairs: of duplicates that are named.
    """
    found, kinds = dict[SplitName, SplitSurvey](), dict[SplitName, tuple[np.ndarray, np.ndarray]]()
    for name, split in splits.items():
        found[name], *kept = _survey_split(split, num_classes, most, batch_size)
        kinds[name] = kept[0], kept[1]
    duplicates = [
        _duplicates(first, second, kinds, splits, pairs)
        for first, second in itertools.combinations_with_replacement(splits, 2)
    ]
    return Survey(found, [one for one in duplicates if one.images])


def examples(split: Split, num_classes: int, count: int) -> dict[int, Tensor]:
    """Give some images of each class, evenly from those of the split, without any that cannot be read.

    Returns:
        For each class that has some (n, C, H, W) uint8, with n at most ``count``.
    """
    shown = dict[int, Tensor]()
    for label in range(num_classes):
        own = (split.labels == label).nonzero().flatten()
        ids = own[torch.linspace(0, len(own) - 1, min(count, len(own))).round().long()]
        read = [batch["image"] for _, batch, _ in _read(split, ids.tolist(), count) if batch is not None]
        if read:
            shown[label] = torch.cat(read)
    return shown


def named(split: Split, id_: int, name: SplitName) -> str:
    """Name an image by its file, or by its split and id where it has none."""
    if not isinstance(split.images, ImageFiles):
        return f"{name} {id_}"
    return os.fsencode(split.images.paths[id_]).decode(errors="replace")  # a name of another encoding can be printed


def _survey_split(
    split: Split, num_classes: int, most: int | None, batch_size: int
) -> tuple[SplitSurvey, np.ndarray, np.ndarray]:
    """Give the survey, and digests (M,) and ids (M,) of the images that can be read."""
    counts = torch.bincount(split.labels, minlength=num_classes)
    ids = range(0, len(split), 1 if most is None else max(1, -(-len(split) // most)))
    histogram: Tensor | None = None
    attributes = None if split.attributes is None else torch.zeros(split.attributes.shape[1], dtype=torch.float64)
    masked, area, good = 0, 0.0, list[int]()
    broken, reasons, digests = list[int](), list[str](), list[bytes]()
    for some, batch, reason in _read(split, ids, batch_size):
        if batch is None:
            broken += some
            reasons.append(reason)
            continue
        images = batch["image"]
        good += some
        digests += [hashlib.blake2b(image.tobytes(), digest_size=DIGEST).digest() for image in images.numpy()]
        seen = torch.stack([torch.bincount(channel.flatten(), minlength=VALUES) for channel in images.unbind(1)])
        histogram = seen if histogram is None else histogram + seen
        if attributes is not None:
            attributes += batch["attributes"].double().sum(0)
        if "mask" in batch:
            shares = batch["mask"].flatten(1).double().mean(1)
            masked, area = masked + int((shares > 0).sum()), area + float(shares.sum())
    mean, std = _moments(histogram)
    whole = SplitSurvey(
        counts,
        mean,
        std,
        None if attributes is None else attributes / len(good),
        None if split.masks is None else masked / max(len(good), 1),
        area / masked if masked else float("nan"),
        broken,
        reasons,
        [id_ for id_ in good if is_dim(split.images.paths[id_])] if isinstance(split.images, ImageFiles) else [],
        len(ids),
    )
    return whole, np.array(digests, f"S{DIGEST}"), np.array(good, np.int64)


def _read(split: Split, ids: range | list[int], batch_size: int) -> Iterator[tuple[list[int], Batch | None, str]]:
    """Give batches with the ids of their images; of one that holds a broken image each image, or why it has none."""
    for start in range(0, len(ids), batch_size):
        some = list(ids[start : start + batch_size])
        try:
            yield some, split.__getitems__(some), ""
        except DataError as error:
            if len(some) == 1:
                yield some, None, str(error)
            else:
                yield from _read(split, some, 1)


def _moments(histogram: Tensor | None) -> tuple[Tensor, Tensor]:
    """Give mean and standard deviation in [0, 1] of values counted in (C, 256)."""
    if histogram is None:
        nothing = torch.full((1,), torch.nan, dtype=torch.float64)
        return nothing, nothing
    values = torch.arange(VALUES, dtype=torch.float64) / (VALUES - 1)
    shares = histogram.double() / histogram.sum(1, keepdim=True)
    mean = shares @ values
    return mean, (shares * (values - mean[:, None]).square()).sum(1).sqrt()


def _duplicates(
    first: SplitName,
    second: SplitName,
    kinds: Mapping[SplitName, tuple[np.ndarray, np.ndarray]],
    splits: Mapping[SplitName, Split],
    pairs: int,
) -> Duplicates:
    (known, ids), (asked, other_ids) = kinds[first], kinds[second]
    kind, where = np.unique(known, return_index=True)
    if not len(kind) or not len(asked):
        return Duplicates(first, second, 0, 0, [])
    place = np.minimum(np.searchsorted(kind, asked), len(kind) - 1)
    here, there = other_ids, ids[where[place]]
    same = kind[place] == asked
    if first == second:
        same &= here != there
    here, there = here[same], there[same]
    labels, others = splits[first].labels.numpy()[there], splits[second].labels.numpy()[here]
    named_pairs = list(zip(there[:pairs].tolist(), here[:pairs].tolist(), strict=True))
    return Duplicates(first, second, len(here), int((labels != others).sum()), named_pairs)
