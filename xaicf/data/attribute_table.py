"""Tables of what images show: a row for each image, a column for each attribute."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from os.path import isfile, join, normpath
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xaicf.core import DataError, ImageShape, SplitName
from xaicf.data.base import LabelledImages, choose, cut_missing
from xaicf.data.files import ImageFiles
from xaicf.data.listed import OnError
from xaicf.data.stratified import cut_every_class
from xaicf.data.table_rows import is_number, whole_rows

SPLITS: dict[str, SplitName] = {"train": "train", "val": "val", "test": "test", "0": "train", "1": "val", "2": "test"}
"""Names of splits in a table, CelebA's numbers among them."""

SHOWN = 8
"""Names that an error lists at most."""


class AttributeTable(NamedTuple):
    """Paths of N images, A attributes (N, A) float32 in [0, 1], and where they are given the splits' names, N."""

    files: list[str]
    names: tuple[str, ...]
    values: Tensor
    splits: list[str] | None = None


def read_rows(
    rows: Iterable[Sequence[str]],
    header: Sequence[str],
    names: Sequence[str],
    where: Path,
    split: str | None = None,
) -> AttributeTable:
    """Read the rows of a table.

    Args:
        rows: of cells; empty ones are left out.
        header: names of the columns; the first holds the images' paths.
        names: of the attributes, in the order that is wanted.
        where: the table's path, for errors.
        split: name of the column that names the split; none if left out.

    Raises:
        DataError: there is no such attribute, no row, a row of another length, two rows of one image, or a value that
            is no attribute's.
    """
    attributes = [name for name in header[1:] if name != split]
    for name in names:
        if name not in attributes:
            raise DataError(f"{where} has no attribute {name}, only {shortened(attributes)}")
        if attributes.count(name) > 1:
            raise DataError(f"{where} has {attributes.count(name)} columns named {name}")
    columns = [header.index(name, 1) for name in names]
    # One column more, so that it gives a tuple even of one.
    chosen: Callable[[Sequence[str]], Iterable[str]] = itemgetter(*columns, *columns[:1]) if columns else lambda _: ()
    cells, files, splits = array("f"), list[str](), list[str]()
    at = None if split is None else header.index(split, 1)
    for row in whole_rows(rows, header, where):
        try:
            cells.extend(map(float, chosen(row)))
        except ValueError as error:
            wrong = next(name for name, column in zip(names, columns, strict=True) if not is_number(row[column]))
            raise DataError(
                f"{where}: {wrong} must be a number for {row[0]}, got {row[header.index(wrong, 1)]!r}"
            ) from error
        files.append(normpath(row[0]))
        if at is not None:
            splits.append(row[at])
    if not files:
        raise DataError(f"{where} has no row")
    if len(set(files)) < len(files):
        twice, count = Counter(files).most_common(1)[0]
        raise DataError(f"{where} must have one row for each image, got {count} for {twice}")
    numbers = np.asarray(cells, np.float32).reshape(len(files), len(columns) + bool(columns))[:, : len(columns)]
    values = _within(torch.tensor(numbers), names, files, where)
    return AttributeTable(files, tuple(names), values, splits if at is not None else None)


def _within(values: Tensor, names: Sequence[str], files: Sequence[str], where: Path) -> Tensor:
    """Map columns of -1 and 1 to 0 and 1."""
    signed = (values == -1).any(0)
    allowed = torch.where(signed, values.abs() == 1, (values >= 0) & (values <= 1))
    if not allowed.all():
        row, column = (~allowed).nonzero()[0].tolist()
        raise DataError(
            f"{where}: {names[column]} must be 0 or 1, -1 or 1, or in [0, 1], got {values[row, column]:g} "
            f"for {files[row]}"
        )
    return torch.where(signed, (values + 1) / 2, values)


def labelled(
    table: AttributeTable,
    folder: Path,
    label: str,
    shape: ImageShape,
    where: Path,
    crop: int | None = None,
    on_error: OnError = "stop",
) -> LabelledImages:
    """Give images in files, the attribute that is their class, and all attributes.

    Args:
        table: its files are named relative to the folder.
        folder: of the images.
        label: name of the attribute that is the class.
        shape: channels, height and width of the images.
        where: the table's path, for errors.
        crop: see :class:`~xaicf.data.files.ImageFiles`.
        on_error: see :func:`located`.

    Raises:
        DataError: an image is missing, or the label is not of two classes.
    """
    paths = located(table.files, folder, where, on_error=on_error)
    values = table.values[:, table.names.index(label)]
    found = torch.unique(values).tolist()
    if found != [0, 1]:
        got = shortened([f"{value:g}" for value in found])
        raise DataError(f"{where}: {label}, the label, must be 0 for some images and 1 for others, got {got}")
    return LabelledImages(ImageFiles(paths, shape, crop), values.long(), attributes=table.values)


def located(
    files: Sequence[str], folder: Path, where: Path, what: str = "images", on_error: OnError = "stop"
) -> list[str]:
    """Give the paths of files that a table names relative to a folder.

    Args:
        files: their names.
        folder: that they are relative to.
        where: the table's path, for errors.
        what: they are, for errors.
        on_error: ``stop`` at one that is missing; or ``skip``, where whoever reads it finds it broken.

    Raises:
        DataError: one is missing.
    """
    paths = [join(folder, file) for file in files]  # noqa: PTH118  (strings, of which many fit into memory)
    if on_error == "skip":
        return paths
    missing = [file for file, path in zip(files, paths, strict=True) if not isfile(path)]  # noqa: PTH113
    if missing:
        raise DataError(f"{where} names {len(missing)} {what} that are not in {folder}, the first {missing[0]}")
    return paths


def by_split(data: LabelledImages, splits: Sequence[str], where: Path) -> dict[SplitName, LabelledImages]:
    """Take apart what a table's splits name, in the order of its rows; one that it does not name is left out.

    Raises:
        DataError: a split is none of :data:`SPLITS`.
    """
    for name in set(splits):
        if name not in SPLITS:
            raise DataError(f"{where}: split must be one of {', '.join(SPLITS)}, got {name!r}")
    rows: dict[SplitName, list[int]] = {"train": [], "val": [], "test": []}
    for row, name in enumerate(splits):
        rows[SPLITS[name]].append(row)
    return {name: choose(data, torch.tensor(found)) for name, found in rows.items() if found}


def divided(
    data: LabelledImages,
    given: Sequence[str] | None,
    fractions: Mapping[SplitName, float],
    seed: int,
    where: Path,
    class_names: Sequence[str] = (),
) -> dict[SplitName, LabelledImages]:
    """Give the splits that a table names, and cut the others from ``train``.

    Args:
        data: in the order of the table's rows.
        given: name of each row's split; if None all splits are cut at random.
        fractions: of ``val`` and ``test`` where they are cut; of which 1 makes all of it the test.
        seed: of the division.
        where: the table's path, for errors.
        class_names: of classes of which each must be in every split, see
            :func:`~xaicf.data.stratified.cut_every_class`; if left out the cut is at random.

    Raises:
        DataError: a split has another name than those that are known, none is named ``train``, or a class that must be
            in it is not.
    """
    if fractions["test"] == 1:
        return {"test": data}
    splits: dict[SplitName, LabelledImages] = {"train": data}
    if given is not None:
        splits = by_split(data, given, where)
    if "train" not in splits:
        raise DataError(f"{where} names no image of the split train")
    if class_names:
        return cut_every_class(splits, fractions, seed, class_names)
    return cut_missing(splits, fractions, seed)


def shortened(names: Sequence[str]) -> str:
    """Join names, but of many the first.

    >>> shortened(["a", "b"])
    'a, b'
    >>> shortened([str(number) for number in range(50)])
    '0, 1, 2, 3, 4, 5, 6, 7 and 42 more'
    """
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
