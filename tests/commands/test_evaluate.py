"""From stores to a table: what stands in it, and what is said when it cannot be made."""

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from xaicf import store
from xaicf.cli import main
from xaicf.core import Status
from xaicf.evaluation import MEASURES

COUNT = 12
EXPLAINERS = {"cdeepex", "gradient-pair", "gradient-logit", "integrated_gradients-pair"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train tiny networks on digits and explain some images into two stores."""
    folder = tmp_path_factory.mktemp("evaluated")
    quiet = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    networks = {
        "classifier": {"class_path": "Classifier", "init_args": {"network": {"class_path": "TwoConv"}}},
        "vae": {"class_path": "VAE", "init_args": {"latent_dim": 8}},
    }
    for name, model in networks.items():
        run = {**quiet, "max_epochs": 2, "default_root_dir": str(folder / name), "log_every_n_steps": 1}
        config = {"data": {"class_path": "Digits"}, "model": model, "trainer": run}
        (folder / f"{name}.yaml").write_text(json.dumps(config))
        assert main(["fit", f"--config={folder}/{name}.yaml"]) == 0
    frozen = {
        role: {"class_path": "xaicf.load_frozen", "init_args": {"path": str(folder / name / "best.ckpt")}}
        for role, name in (("classifier", "classifier"), ("generator", "vae"))
    }
    explainers: list[dict[str, Any]] = [
        {"class_path": "CDeepEx", "init_args": {"epsilon": 0.1}},
        {"class_path": "Attribution", "init_args": {"method": "gradient", "contrast": "pair"}},
        {"class_path": "Attribution", "init_args": {"method": "gradient", "contrast": "logit"}},
        {"class_path": "Attribution", "init_args": {"method": "integrated_gradients", "contrast": "pair"}},
    ]
    arguments = {**frozen, "explainers": explainers, "ids": list(range(COUNT)), "block_size": 5}
    model = {"class_path": "Explain", "init_args": arguments}
    (folder / "explain.yaml").write_text(
        json.dumps({"data": {"class_path": "Digits"}, "model": model, "trainer": quiet})
    )
    for name in ("first", "second"):
        assert main(["explain", f"--config={folder}/explain.yaml", f"--output={folder / name}"]) == 0
    return folder


def lines_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open() as file:
        return {line["explainer"]: line for line in csv.DictReader(file)}


def table_of(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Read the cells of each explainer and measure, the mean under ``mean``; none where it has no mean."""
    found = {}
    for name, line in lines_of(path).items():
        for measure in [column for column in line if "." not in column and column != "explainer" and line[column]]:
            beside = {c.partition(".")[2]: cell for c, cell in line.items() if c.startswith(f"{measure}.")}
            found[name, measure] = {"mean": line[measure], **beside}
    return found


def test_the_table_holds_every_explainer_and_measure(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = home / "new" / "table.csv"
    arguments = [str(home / "first"), "--output", str(output), "--again=4", "--reference=300"]
    assert main(["evaluate", *arguments]) == 0
    rows = table_of(output)
    assert len(lines_of(output)) == len(EXPLAINERS)
    assert {name for name, _ in rows} == EXPLAINERS
    for measure in MEASURES:
        held = not measure.needs_mask  # digits have no masks
        assert (("cdeepex", measure.name) in rows) == (held and measure.name != "completeness_error")
        assert (("gradient-pair", measure.name) in rows) == (held and measure.of == "attribution")
    assert float(rows["integrated_gradients-pair", "completeness_error"]["mean"]) < 0.1
    assert {name for name, measure in rows if measure == "diversity"} == {"cdeepex"}
    solved = int((store.read(home / "first", "cdeepex").status == Status.SOLVED).sum())
    assert rows["cdeepex", "l1"]["n"] == str(solved)
    assert rows["cdeepex", "validity"]["n"] == str(COUNT)
    assert rows["gradient-pair", "deletion"]["n"] == str(COUNT)
    assert int(rows["gradient-pair", "noise_correlation"]["n"]) == 4
    assert float(rows["gradient-logit", "foil_correlation"]["mean"]) == pytest.approx(1)
    assert float(rows["gradient-pair", "foil_correlation"]["mean"]) < 0.99
    one = rows["gradient-logit", "keep_positive"]
    assert one["against"] == "cdeepex"
    assert float(one["low"]) <= float(one["mean"]) <= float(one["high"])
    assert 0 <= float(one["p"]) <= 1
    text = output.with_suffix(".md").read_text()
    assert text in capsys.readouterr().out
    assert len([line for line in text.splitlines() if line.startswith("|")]) == 2 + len(EXPLAINERS)


def test_a_mean_is_that_of_the_rows_in_the_store(home: Path) -> None:
    assert main(["evaluate", str(home / "first"), "--output", str(home / "b"), "--again=0", "--reference=0"]) == 0
    rows = table_of(home / "b.csv")
    found = store.read(home / "first", "cdeepex")
    assert found.counterfactual is not None
    solved = found.status == Status.SOLVED
    l1 = (found.counterfactual - found.inputs)[solved].double().abs().flatten(1).mean(1)
    assert float(rows["cdeepex", "l1"]["mean"]) == pytest.approx(float(l1.mean()), rel=1e-5)
    np.testing.assert_allclose(
        float(rows["cdeepex", "latent_distance"]["mean"]),
        float(found.scalars["latent_distance"][solved].double().mean()),
        rtol=1e-5,
    )


def test_smaller_chunks_measure_the_same(home: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(home / "first", tmp_path / "copy"))
    manifest = store.Manifest.read(store.Folder(copy))
    assert manifest.chunk_size == 5
    dataclasses.replace(manifest, chunk_size=2).write(store.Folder(copy))
    tables = []
    for path in (home / "first", copy):
        output = tmp_path / f"{path.name}_table.csv"
        assert main(["evaluate", str(path), "--output", str(output), "--again=0", "--reference=300"]) == 0
        tables.append(table_of(output))
    assert tables[0].keys() == tables[1].keys()
    for key, cells in tables[0].items():
        assert cells["n"] == tables[1][key]["n"], key
        other = float(tables[1][key]["mean"])
        assert float(cells["mean"]) == pytest.approx(other, rel=1e-3, abs=1e-6, nan_ok=True), key


def test_two_stores_stand_side_by_side_and_equal_ones_do_not_differ(home: Path) -> None:
    stores = [str(home / "first"), str(home / "second")]
    assert main(["evaluate", *stores, "--output", str(home / "both"), "--again=0", "--reference=0"]) == 0
    rows = table_of(home / "both.csv")
    assert [name for name, measure in rows if measure == "l2"] == ["cdeepex (first)", "cdeepex (second)"]
    second = rows["cdeepex (second)", "l2"]
    assert (second["against"], second["p"], second["effect"]) == ("cdeepex (first)", "1", "0")


def test_what_was_measured_is_kept_in_the_store(home: Path) -> None:
    output = home / "kept"
    assert main(["evaluate", str(home / "second"), "--output", str(output), "--again=3", "--reference=0"]) == 0
    kept = store.read_evaluation(store.Folder(home / "second"))
    assert kept is not None
    rows = table_of(output.with_suffix(".csv"))
    assert {(row["explainer"], row["measure"]) for row in kept.rows} == {key for key in rows if rows[key]["n"] != "0"}
    values = {
        (explainer, index, foil): l2
        for explainer, index, foil, l2 in zip(
            *(kept.table[name].to_pylist() for name in ("explainer", "index", "foil", "l2")), strict=True
        )
    }
    found = store.read(home / "second", "cdeepex")
    assert found.counterfactual is not None
    for row in range(COUNT):
        value = values["cdeepex", row, int(found.foil[row])]
        if found.status[row] == Status.SOLVED:
            apart = (found.counterfactual[row] - found.inputs[row]).double().norm()
            assert value == pytest.approx(float(apart), rel=1e-5)
        else:
            assert np.isnan(value)
        assert np.isnan(values["gradient-pair", row, int(found.foil[row])])
    assert store.verify(home / "second").rows == COUNT * len(EXPLAINERS)


def test_the_table_goes_to_wandb(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "xaicf", "evaluate", str(home / "first"), "--output=table", "--again=0"]
    environment = {**os.environ, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    options = [*command, "--reference=0", "--wandb=some-project"]
    subprocess.run(options, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=200)
    (path,) = tmp_path.glob("runs/wandb/offline-run-*/files/media/table/*.table.json")
    logged = json.loads(path.read_text())
    written = lines_of(tmp_path / "table.csv")
    assert logged["columns"] == list(written["cdeepex"])
    assert [row[0] for row in logged["data"]] == list(written)
    deletion = logged["columns"].index("deletion")
    for row in logged["data"]:
        assert float(row[deletion]) == pytest.approx(float(written[row[0]]["deletion"]), rel=1e-4)


def test_data_without_a_train_split_is_measured_but_for_realism(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(256, size=(10, 2, 32, 32), dtype=np.uint8)
    for label in range(10):
        Path("images", str(label)).mkdir(parents=True)
        for number in range(2):
            Image.fromarray(pixels[label, number]).save(f"images/{label}/{number}.png")
    config = json.loads((home / "explain.yaml").read_text())
    folder = {"root": "images", "image_size": 32, "channels": 1, "test_fraction": 1}
    config["data"] = {"class_path": "ImageFolder", "init_args": folder}
    config["model"]["init_args"]["ids"] = "0-4"
    Path("explain.yaml").write_text(json.dumps(config))
    assert main(["explain", "--config=explain.yaml", "--output=store"]) == 0
    assert main(["evaluate", "store", "--output=table", "--again=0"]) == 0
    said = capsys.readouterr().out
    assert "Note: store: the data has no train split, so realism is not measured" in said
    measures = {measure for _, measure in table_of(Path("table.csv"))}
    assert "l1" in measures
    assert not measures & {"im1", "im2", "neighbours_of_foil", "frechet_distance"}


def test_verify_says_what_holds(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(home / "first")]) == 0
    assert "12 parts, 48 rows, unchanged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "xaicf evaluate: the following arguments are required: DIR, --output"),
        (["nowhere", "--output=out"], "nowhere/manifest.json is missing"),
        (["first", "--output=out", "--images=0"], "images must be at least 1, got 0"),
        (["first", "--output=."], "output must be a file, got ."),
        (["first", "--output=out", "--again=-1"], "again must be at least 0, got -1"),
        (["first", "--output=out", "--device=tpu7"], "device tpu7 is not there"),
        (["first", "first", "--output=out"], "stores must be one or more, each named once, got first, first"),
        (["first", "--output=/proc/none/out", "--again=0", "--reference=0", "--images=2"], "cannot write /proc/none"),
    ],
)
def test_mistakes_are_told_in_one_line(
    arguments: list[str], said: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    assert main(["evaluate", *arguments]) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1


def test_a_changed_checkpoint_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "classifier" / "best.ckpt"
    before = path.read_bytes()
    checkpoint = torch.load(path, weights_only=True)
    torch.save({**checkpoint, "more": 1}, path)
    try:
        assert main(["verify", str(home / "first")]) == 2
        assert main(["evaluate", str(home / "first"), "--output=out"]) == 2
    finally:
        path.write_bytes(before)
    assert capsys.readouterr().err.count(f"{path} has changed since store") == 2


def test_a_measure_of_ones_own_stands_in_the_table(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_measure.py").write_text(
        "from xaicf.evaluation import Measure\n"
        "def brightness(subject, explanation):\n"
        '    """Give the mean of the image."""\n'
        "    return explanation.inputs.flatten(1).mean(1)\n"
        'BRIGHTNESS = Measure("brightness", brightness, True, "attribution")\n'
    )
    brief = ["--again=0", "--reference=0", f"--output={tmp_path}/table"]
    shutil.copytree("first", tmp_path / "store")
    given = ["evaluate", str(tmp_path / "store"), *brief]
    assert main([*given, "--measure", "own_measure.BRIGHTNESS"]) == 0
    row = lines_of(tmp_path / "table.csv")["gradient-pair"]
    inputs = store.read("first", "gradient-pair").inputs
    assert float(row["brightness"]) == pytest.approx(float(inputs.flatten(1).mean(1).double().mean()), rel=1e-5)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.ROUGHNESS", "measure nowhere.ROUGHNESS cannot be imported: "),
        (
            "xaicf.evaluation.MEASURES",
            "measure must be the import path of a Measure, got xaicf.evaluation.MEASURES, a tuple",
        ),
    ],
)
def test_what_is_no_measure_is_told_in_one_line(
    path: str, message: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(home / "first"), f"--output={tmp_path}/table", "--measure", path]) == 2
    assert message in capsys.readouterr().err
