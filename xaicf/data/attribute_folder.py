"""Anybody's own images with a table of what they show."""

from collections.abc import Sequence
from typing import Literal

from xaicf.core import DataError, InputError, SplitName
from xaicf.data.attribute_table import divided, labelled, read_rows, shortened
from xaicf.data.base import LabelledImages, data_root
from xaicf.data.folder import check_fractions
from xaicf.data.listed import ListedImages, OnError, Storage
from xaicf.data.table_rows import number_columns, table_rows

SPLIT = "split"
"""Name of the column that is no attribute but names the split."""


class AttributeFolder(ListedImages):
    """A folder of images with a CSV or Parquet table of their attributes, one of which is the class.

    The table's first row names its columns. The first column is the image's path relative to the folder; the others
    are attributes, all of whose values are 0 or 1, -1 or 1, which become 0 and 1, or in [0, 1]. A column named
    ``split`` says ``train``, ``val`` or ``test``, or CelebA's 0, 1 or 2; what it does not name of ``val`` and ``test``
    is cut from ``train``. Without it all splits are cut at random. Images that the table does not name are left out.

    The classes are named ``not LABEL`` and ``LABEL``. The label stays an attribute too, so that it can be held like the
    others.

    Args:
        label: name of the column that is the class, of which some images have 0 and others 1.
        root: the folder; the environment's ``XAICF_DATA`` or ``data`` if left out, and then ``folder`` is needed.
        table: the table's path within the folder.
        attributes: names of the columns that are kept, in this order, the label at the end unless it is among them; if
            left out those that hold numbers, in the order of the table: of a Parquet file by their types, of any other
            by its first row.
        image_size: side of the square in pixels.
        channels: 1 for grey, 3 for colour.
        val_fraction: share of images for validation, where it is cut.
        test_fraction: share of images for the test, where it is cut; 1 for a folder that is only to be explained,
            which then has no other split.
        storage: of decoded images: ``memory``, ``cache`` or ``stream``; see :class:`~xaicf.data.listed.ListedImages`.
        on_error: ``stop`` at an image that is missing or cannot be read, or ``skip`` it.
        workers: processes that read the next batches meanwhile, where images are not in memory.
        cache: folder of caches; the environment's ``XAICF_CACHE``, or ``.xaicf`` beside the images if left out.
        batch_size: images in a batch, for each process.
        seed: of the split.
        folder: within ``root``, where that holds several sets.

    Raises:
        DataError: the table is missing or empty, or has no such attribute.
        InputError: neither root nor folder is given, attributes are named twice, or a size, fraction or number of
            channels is out of its range.
    """

    def __init__(
        self,
        label: str,
        root: str | None = None,
        table: str = "attributes.csv",
        attributes: Sequence[str] | None = None,
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
        folder: str = "",
    ) -> None:
        super().__init__((channels, image_size, image_size), storage, on_error, workers, cache, batch_size, seed)
        check_fractions(val_fraction, test_fraction)
        if root is None and not folder:
            raise InputError("root must name the folder of images")
        self.root = data_root(root) / folder
        self.table = self.root / table
        self.label = label
        self.fractions: dict[SplitName, float] = {"val": val_fraction, "test": test_fraction}
        if not self.table.exists():
            raise DataError(
                f"table not found: {self.table}, which must name images in its first column and what they show in the "
                "others; name another by table"
            )
        with table_rows(self.table) as rows:
            header = list(next(rows, []))
        self.path = header[0] if header else ""
        known = [name for name in header[1:] if name != SPLIT]
        if not all(known) or not known:
            raise DataError(f"{self.table} must name columns in its first row: the image's path, then attributes")
        if len(set(known)) < len(known):
            raise DataError(f"{self.table} must name each column once, got {', '.join(known)}")
        if attributes is None:
            numbers = number_columns(self.table)
            attributes = [name for name in known if name in numbers]
        self.attribute_names = with_label(attributes, label)
        for name in self.attribute_names:
            if name not in known:
                raise DataError(f"{self.table} has no attribute {name}, only {shortened(known)}")
        self.class_names = (f"not {label}", label)

    def listed(self) -> dict[SplitName, LabelledImages]:
        """Read the table.

        Raises:
            DataError: the table is not as it must be, or names an image that is not there.
        """
        with table_rows(self.table, {self.path, SPLIT, *self.attribute_names}) as rows:
            header = list(next(rows, []))
            split = SPLIT if SPLIT in header[1:] else None
            read = read_rows(rows, header, self.attribute_names, self.table, split)
        data = labelled(read, self.root, self.label, self.image_shape, self.table, on_error=self.on_error)
        return divided(data, read.splits, self.fractions, self.seed, self.table)


def with_label(attributes: Sequence[str], label: str) -> tuple[str, ...]:
    """Give the names of attributes with that of the label, at the end unless it is among them.

    Raises:
        InputError: a name is there twice.
    """
    if len(set(attributes)) < len(attributes):
        raise InputError(f"attributes must differ, got {', '.join(attributes)}")
    return tuple(attributes) if label in attributes else (*attributes, label)
