"""What was measured of the explainers of a store, kept beside them."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from xaicf.core import DataError
from xaicf.store.folder import Folder

SUMMARY = "evaluation.json"
BY_QUESTION = "evaluation.parquet"
KEYS = ("explainer", "index", "foil")
"""What tells one question from another in the table of an :class:`Evaluation`."""
ROW = ("explainer", "measure", "group", "better", "meaning", "n", "mean")
NUMBERS: dict[str, type | tuple[type, ...]] = {
    "n": int,
    "mean": (int, float),
    "low": (int, float),
    "high": (int, float),
}


@dataclass(frozen=True)
class Evaluation:
    """Measurements of a store.

    Attributes:
        rows: one for each explainer and measure that has a value: ``explainer``, ``measure``, ``group``, ``better``
            (``higher``, ``lower`` or None where neither way is), ``meaning``, ``n``, ``mean`` and, except for measures
            of a whole set, ``low`` and ``high``.
        table: a row for each question: ``explainer``, ``index`` (sample id), ``foil``, and a column of float64 for
            each measure, NaN where it does not count.
    """

    rows: Sequence[Mapping[str, object]]
    table: pa.Table


def write_evaluation(folder: Folder, evaluation: Evaluation) -> None:
    """Keep measurements in a store, in place of earlier ones.

    Raises:
        DataError: a file cannot be written.
    """
    buffer = io.BytesIO()
    pq.write_table(evaluation.table, buffer)
    summary = {"table": hashlib.sha256(buffer.getvalue()).hexdigest(), "rows": list(evaluation.rows)}
    folder.write(BY_QUESTION, buffer.getvalue())
    folder.write(SUMMARY, json.dumps(summary, indent=2, allow_nan=False).encode())


def read_evaluation(folder: Folder) -> Evaluation | None:
    """Read what :func:`write_evaluation` kept; None where there is nothing.

    Raises:
        DataError: a file is damaged.
    """
    if SUMMARY not in folder.sizes():
        return None
    try:
        summary = json.loads(folder.read(SUMMARY))
        rows, data = summary["rows"], folder.read(BY_QUESTION)
        assert summary["table"] == hashlib.sha256(data).hexdigest()  # not the table of another evaluation
        table = pq.read_table(io.BytesIO(data))
        assert all(set(ROW) <= set(row) for row in rows)
        assert all(isinstance(row.get(key, 0), kinds) for row in rows for key, kinds in NUMBERS.items())
        assert set(KEYS) <= set(table.column_names)
        assert all(pa.types.is_integer(table[key].type) for key in KEYS[1:])
        assert all(pa.types.is_floating(table[name].type) for name in set(table.column_names) - set(KEYS))
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{folder.path(SUMMARY)} or its table is damaged; remove it, or run evaluate again") from error
    return Evaluation(rows, table)
