"""Anybody's own images, named by a table with their classes, and perhaps attributes, masks and splits."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import torch

from xaicf.core import DataError, InputError, SplitName
from xaicf.data.attribute_table import divided, located, read_rows, shortened
from xaicf.data.base import LabelledImages, data_root
from xaicf.data.files import ImageFiles
from xaicf.data.folder import check_fractions
from xaicf.data.listed import ListedImages, OnError, Storage
from xaicf.data.mask_files import MaskFiles
from xaicf.data.table_rows import column_places, table_rows, whole_rows


class ImageTable(ListedImages):
    """Images that a CSV or Parquet table names, a row for each, with the class in a column.

    Where the table has the column ``split``, it says ``train``, ``val`` or ``test``, and what it does not name of the
    last two is cut from ``train``; without it all splits are cut at random, but with every class in each of them where
    it has images enough (:func:`~xaicf.data.stratified.cut_every_class`). Where it has the column ``mask``, this is
    the path of a picture that is white on the pixels that matter, or empty. Columns that are not asked for are left
    alone. Where the class is an attribute among others, see :class:`~xaicf.data.AttributeFolder`.

    Args:
        table: the table's path, relative to ``root`` where that is given; ``.parquet`` and ``.pq`` are Parquet, others
            CSV.
        root: folder that paths are relative to; that of the table if left out.
        path: name of the column of the images' paths.
        label: of the column of the classes' names or numbers; spaces around them do not count.
        split: of the column of the splits; empty for none.
        mask: of the column of the masks' paths; empty for none.
        attributes: names of the columns that are attributes, all of whose values are 0 or 1, -1 or 1, which become 0
            and 1, or in [0, 1].
        classes: names of the classes to read, in their order; if left out all, sorted, as numbers if they all are.
        image_size: side of the square in pixels.
        channels: 1 for grey, 3 for colour.
        val_fraction: share of images for validation, where it is cut.
        test_fraction: share of images for the test, where it is cut; 1 for a table that is only to be explained, which
            then has no other split.
        storage: of decoded images: ``memory``, ``cache`` or ``stream``; see :class:`~xaicf.data.listed.ListedImages`.
        on_error: ``stop`` at an image that is missing or cannot be read, or ``skip`` it. Masks are never skipped.
        workers: processes that read the next batches meanwhile, where images are not in memory.
        cache: folder of the cache.
        batch_size: images in a batch, for each process.
        seed: of the split.

    Raises:
        DataError: the table is missing or cannot be read, lacks a column, or has fewer than two classes.
        InputError: names are given twice, or a size, fraction or number of channels is out of its range.
    """

    def __init__(
        self,
        table: str,
        root: str | None = None,
        path: str = "path",
        label: str = "label",
        split: str = "split",
        mask: str = "mask",
        attributes: Sequence[str] = (),
        classes: Sequence[str] | None = None,
        image_size: int = 64,
        channels: Literal[1, 3] = 3,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        storage: Storage = "memory",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__((channels, image_size, image_size), storage, on_error, workers, cache, batch_size, seed)
        check_fractions(val_fraction, test_fraction)
        columns = [name for name in (path, label, split, mask, *attributes) if name]
        for what, names in (("columns", columns), ("classes", classes or ())):
            if len(set(names)) < len(names):
                raise InputError(f"{what} must differ, got {', '.join(names)}")
        self.table = Path(table) if root is None else data_root(root) / table
        self.root = self.table.parent if root is None else data_root(root)
        self.path, self.label, self.split_column, self.mask = path, label, split, mask
        self.fractions: dict[SplitName, float] = {"val": val_fraction, "test": test_fraction}
        self.attribute_names = tuple(attributes)
        with table_rows(self.table, {label}) as rows:
            header = list(next(rows, []))
            _, at, *_ = column_places(header, [path, label, *attributes], self.table)
            known = {row[at].strip() for row in whole_rows(rows, header, self.table)}
        self.class_names = _class_names(known, classes, self.table)

    def listed(self) -> dict[SplitName, LabelledImages]:
        """Read the table.

        Raises:
            DataError: the table is not as it must be, or names a file that is not there.
        """
        numbers = {name: number for number, name in enumerate(self.class_names)}
        labels, masks = list[int](), list[str]()
        asked = {self.path, self.label, self.split_column, self.mask, *self.attribute_names}
        with table_rows(self.table, asked) as rows:
            header = list(next(rows, []))
            given = [name for name in (self.split_column, self.mask) if name and name in header]
            places = column_places(header, [self.path, self.label, *given, *self.attribute_names], self.table)
            at = dict(zip([self.path, self.label, *given], places, strict=False))
            split = self.split_column if self.split_column in at else None
            shown = [self.path, *([split] if split else []), *self.attribute_names]
            cells = [header.index(name) for name in shown]

            def chosen() -> Iterator[list[str]]:
                for row in whole_rows(rows, header, self.table):
                    number = numbers.get(row[at[self.label]].strip())
                    if number is not None:
                        labels.append(number)
                        masks.append(row[at[self.mask]] if self.mask in at else "")
                        yield [row[place] for place in cells]

            read = read_rows(chosen(), shown, self.attribute_names, self.table, split)
        files = ImageFiles(located(read.files, self.root, self.table, on_error=self.on_error), self.image_shape)
        data = LabelledImages(
            files,
            torch.tensor(labels),
            self._masks(masks, files) if self.mask in at else None,
            read.values if self.attribute_names else None,
        )
        return divided(data, read.splits, self.fractions, self.seed, self.table, self.class_names)

    def _masks(self, given: Sequence[str], files: ImageFiles) -> MaskFiles:
        named = located([name for name in given if name], self.root, self.table, "masks")
        found = iter(named)
        return MaskFiles([next(found) if name else "" for name in given], files)


def _class_names(known: set[str], classes: Sequence[str] | None, where: Path) -> tuple[str, ...]:
    if "" in known and classes is None:
        raise DataError(f"{where} has a row without a class")
    numbers = all(name.removeprefix("-").isdecimal() for name in known)
    # By their digits where two are the same number, such as 1 and 01: a set has no order of its own.
    ordered = sorted(known, key=lambda name: (int(name), name)) if numbers else sorted(known)
    for name in classes or ():
        if name not in known:
            raise DataError(f"{where} has no class {name}, only {shortened(ordered)}")
    names = tuple(ordered if classes is None else classes)
    if len(names) < 2:
        raise DataError(f"{where} must name at least two classes, got {', '.join(names) or 'none'}")
    return names
