"""Rows of a table in a file, CSV or Parquet, as text."""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xaicf.core import DataError

PARQUET = (".parquet", ".pq")
INDEX = "__index_level_"
"""How pandas begins the name of a column that it adds to a Parquet file for itself."""

NUMBERS = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
"""What tells Arrow's types of numbers; a column with nothing in it may be one."""


@contextmanager
def table_rows(path: Path, wanted: Collection[str] | None = None) -> Iterator[Iterator[Sequence[str]]]:
    """Open a table and give its rows, of which the first names the columns.

    A file that ends with ``.parquet`` or ``.pq`` is read as Parquet, some rows at a time: truth values become ``1`` and
    ``0``, and where nothing is the cell is empty. Any other is read as CSV, with tabs between cells if it ends with
    ``.tsv``.

    Args:
        path: of the file.
        wanted: names of the columns that are asked for; all if left out. Of a Parquet file the others are not read,
            and may hold anything: their cells are empty.

    Raises:
        DataError: there is no such file, or it cannot be read.
    """
    with _readable(path):
        if path.suffix.lower() in PARQUET:
            with pq.ParquetFile(path) as file:
                yield _parquet_rows(file, wanted, path)
        else:
            with path.open(encoding="utf-8-sig", newline="") as text:
                delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
                yield csv.reader(text, delimiter=delimiter, skipinitialspace=True)


def number_columns(path: Path) -> list[str]:
    """Name the columns that hold numbers, in the order of the table.

    Of a Parquet file these are the ones whose type is a number, or true and false. Of any other they are the ones with
    a number, or nothing, in the first row: text further down is then a mistake, and can be told as one.

    Args:
        path: of the file.

    Raises:
        DataError: there is no such file, or it cannot be read.
    """
    if path.suffix.lower() in PARQUET:
        with _readable(path), pq.ParquetFile(path) as file:
            fields = [field for field in file.schema_arrow if not field.name.startswith(INDEX)]
            return [field.name for field in fields if any(is_type(field.type) for is_type in NUMBERS)]
    with table_rows(path) as rows:
        header = list(next(rows, []))
        first = next(whole_rows(rows, header, path), [""] * len(header))
        return [name for name, cell in zip(header, first, strict=True) if not cell or is_number(cell)]


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def whole_rows(rows: Iterable[Sequence[str]], header: Sequence[str], where: Path) -> Iterator[Sequence[str]]:
    """Give the rows that are not empty.

    Raises:
        DataError: one has more or fewer cells than the header.
    """
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(f"{where} must have {len(header)} cells in each row, got {len(row)} for {row[0]}")
        yield row


def column_places(header: Sequence[str], names: Sequence[str], where: Path) -> list[int]:
    """Find columns by their names.

    Raises:
        DataError: there is no such column, or more than one.
    """
    for name in names:
        if name not in header:
            raise DataError(f"{where} has no column {name}, only {', '.join(header) or 'none'}")
        if header.count(name) > 1:
            raise DataError(f"{where} has {header.count(name)} columns named {name}")
    return [header.index(name) for name in names]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise :class:`DataError` where a file is missing or cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"table not found: {path}") from error
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise DataError(f"table cannot be read: {path}: {' '.join(str(error).split())}") from error


def _parquet_rows(file: pq.ParquetFile, wanted: Collection[str] | None, where: Path) -> Iterator[Sequence[str]]:
    names = [name for name in file.schema_arrow.names if not name.startswith(INDEX)]
    yield names
    read = [name for name in names if wanted is None or name in wanted]
    for batch in file.iter_batches(columns=read):
        nothing = [""] * batch.num_rows
        columns = [_as_text(batch.column(name), name, where).to_pylist() if name in read else nothing for name in names]
        yield from zip(*columns, strict=True)


def _as_text(column: pa.Array, name: str, where: Path) -> pa.Array:
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.uint8())
    try:
        return pc.fill_null(pc.cast(column, pa.string()), "")
    except pa.ArrowException as error:
        raise DataError(f"{where}: {name} must hold text or numbers, got {column.type}") from error
