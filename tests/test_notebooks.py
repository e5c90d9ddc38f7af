"""Every notebook runs from top to bottom in an empty folder, shows what it says, and is kept without its output."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbstripout import strip_output
from PIL import Image

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
README = Path(__file__).parents[1] / "README.md"

HOLDS = {
    "explain_a_digit": """
        assert accuracy > 0.9
        assert int(why.status[0]) == 1
        assert float(why.scalars["boundary_residual"][0]) <= 0.01
        assert not torch.allclose(three.attribution[0], three.attribution[1], atol=0.05)
    """,
    "train_a_generator": """
        assert epochs == [7, 14, 21]
        missed = [one["explain/cdeepex/reconstruction_error"] for one in numbers]
        assert missed[-1] < missed[0]
        assert Path("run/explanations/index.html").is_file()
    """,
    "compare_explainers": """
        assert {row["explainer"] for row in table if row["measure"] == "deletion"} == set(explainers)
        assert {row["explainer"] for row in table if row["measure"] == "validity"} == {"CDeepEx", "xGEMs"}
        assert all(row["low"] <= row["mean"] <= row["high"] for row in table if row["n"])
    """,
    "find_a_planted_bias": """
        assert accuracy > 0.9
        assert found < 0.3 < turned
        hits = {row["explainer"]: row["mean"] for row in pointing}
        assert hits["CDeepEx"] > 0.7 > 0.3 > max(value for name, value in hits.items() if name != "CDeepEx")
    """,
    "your_own_classifier_and_images": """
        assert (said == test["label"]).float().mean() > 0.8
        assert len(answers) == len(test["label"])
        assert torch.equal(answers.fact, said)
    """,
    "write_your_own_explainer": """
        assert abs(float(found.scalars["share"][0]) - 0.5) < 1e-9
        assert (faded.status == Status.SOLVED).float().mean() > 0.8
    """,
}
"""What the words of each notebook rest on, asserted after its last cell."""


@pytest.fixture
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("WANDB_MODE", "offline")


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.usefixtures("_in_an_empty_folder")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_shows_pictures(path: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    notebook = nbformat.read(path, as_version=4)
    claim = "\n".join(line.strip() for line in HOLDS[path.stem].strip().splitlines())
    notebook.cells.append(nbformat.v4.new_code_cell(claim))
    # Without a kernel of another name the one that runs is this Python's own.
    NotebookClient(notebook, timeout=400, kernel_name="python3", resources={"metadata": {"path": str(work)}}).execute()
    found = outputs(notebook)
    pictures = [one.data["image/png"] for one in found if "data" in one and "image/png" in one.data]
    assert pictures
    for picture in pictures:
        assert np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("L")).std() > 5  # more than a blank
    told = "".join(one.text for one in found if one.output_type == "stream")
    assert "error:" not in told  # a command that fails stops no cell
    assert "Traceback" not in told


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_stripped_short_and_listed(path: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    stripped = strip_output(nbformat.read(path, as_version=4), keep_output=False, keep_count=False, keep_id=False)
    assert json.loads(nbformat.writes(stripped)) == kept
    assert len([cell for cell in kept["cells"] if cell["cell_type"] == "code"]) <= 10
    assert f"(notebooks/{path.name})" in README.read_text(encoding="utf-8")


def test_each_notebook_has_its_claims() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(HOLDS)
