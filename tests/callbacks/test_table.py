"""The table of explanations for W&B has each column once."""

from pathlib import Path

import torch

from xaicf.callbacks.table import FIRST, PICTURES, explanation_table
from xaicf.core import Explanation
from xaicf.store import Folder, Manifest, Part, part_name, write_part


def test_a_number_called_like_a_column_has_one_beside_it(tmp_path: Path) -> None:
    ids, images = torch.arange(2), torch.rand(2, 1, 8, 8)
    Manifest(["own"], "test", [0, 1], 2, 2, ["cat", "dog"]).write(Folder(tmp_path))
    found = Explanation(images, ids, 1 - ids, ids * 0 + 1, images, scalars={"label": ids + 0.5, "score": ids * 2.0})
    write_part(Folder(tmp_path) / "own", part_name(0), Part(found, ids, ids))
    table = explanation_table({3: str(tmp_path)})
    assert table.columns == [*FIRST, "label (scalar)", "score", *PICTURES]
    row = dict(zip(table.columns, table.rows[1], strict=True))
    assert (row["epoch"], row["label"], row["label (scalar)"], row["score"]) == (3, "dog", 1.5, 2.0)
