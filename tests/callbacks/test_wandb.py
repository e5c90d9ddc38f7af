"""What W&B gets, read back from the run's own file; and what it does where nobody is logged in."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from offline import artifacts, entries, read

from xaicf import store

SAMPLES = 3
EXPLAINERS = ("gradient-weighted", "gradcam-pair")

# One process imports; each case is a fork of it, since W&B reads its environment once in a process.
LAUNCHER = """
import json, os, sys, traceback
import wandb
from lightning import Trainer, seed_everything
from xaicf.callbacks import ExplainAtValidationEnd, WandbLogger
from xaicf.data import Digits
from xaicf.explainers import Attribution
from xaicf.nn import TwoConv
from xaicf.tasks import Classifier

def run(folder):
    seed_everything(0)
    explainers = [Attribution("gradient"), Attribution("gradcam", "pair")]
    options = {"max_epochs": 2, "limit_train_batches": 3, "limit_val_batches": 1, "log_every_n_steps": 1}
    quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        logger=WandbLogger(save_dir=folder),
        callbacks=[ExplainAtValidationEnd(explainers, samples=SAMPLES, foil="label")],
        **options,
        **quiet,
    )
    trainer.fit(Classifier(TwoConv, (1, 32, 32), 10), datamodule=Digits())

for folder, environment in json.loads(sys.argv[1]).items():
    if os.fork() == 0:
        output = os.open(f"{folder}/output.txt", os.O_CREAT | os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ |= environment
        try:
            run(folder)
            wandb.finish()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)  # at its regular end a process removes what wandb made for all at its import
    code = os.waitstatus_to_exitcode(os.wait()[1])
    open(f"{folder}/code.txt", "w").write(str(code))
""".replace("SAMPLES", str(SAMPLES))

CASES = {
    "offline": {"WANDB_MODE": "offline", "WANDB_SILENT": "true"},
    "no_key": {},
    "bad_key": {"WANDB_API_KEY": "short"},
    "unreachable": {
        "WANDB_MODE": "online",
        "WANDB_API_KEY": "ab" * 20,
        "WANDB_BASE_URL": "http://127.0.0.1:9",
        "WANDB_INIT_TIMEOUT": "2",
    },
}


class Run(NamedTuple):
    folder: Path
    code: int
    output: str


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folders = {name: tmp_path_factory.mktemp(name) for name in CASES}
    homes = {str(folders[name]): environment for name, environment in CASES.items()}
    home = tmp_path_factory.mktemp("home")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    environment = {**clean, "HOME": str(home), "NETRC": str(home / "netrc"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LAUNCHER, json.dumps(homes)]
    subprocess.run(command, env=environment, cwd=home, check=True, timeout=240)
    return {
        name: Run(folder, int((folder / "code.txt").read_text()), (folder / "output.txt").read_text())
        for name, folder in folders.items()
    }


def wandb_folder(run: Run) -> Path:
    (folder,) = (run.folder / "wandb").glob("offline-run-*")
    return folder


def history(run: Run) -> list[dict[str, Any]]:
    """Give every entry of a validation."""
    return [entry for entry in entries(wandb_folder(run)) if any(name.endswith("/solved") for name in entry)]


@pytest.mark.parametrize("case", list(CASES))
def test_the_run_ends_well_and_wandb_has_one_entry_for_each_validation(case: str, runs: dict[str, Run]) -> None:
    run = runs[case]
    assert run.code == 0, run.output
    assert [entry["epoch"] for entry in history(run)] == [0, 1]


@pytest.mark.parametrize("case", list(CASES))
def test_disk_is_the_record_whatever_wandb_does(case: str, runs: dict[str, Run]) -> None:
    home = runs[case].folder / "explanations"
    for epoch in range(2):
        folder = home / f"epoch_000{epoch}"
        assert len(list(folder.rglob("*.png"))) == 2 * SAMPLES
        assert store.explainers(folder) == ["gradient-weighted", "gradcam-pair"]
        assert (folder / "scalars.json").is_file()
    assert (home / "index.html").is_file()


@pytest.mark.parametrize("case", ["offline", "unreachable"])
def test_pictures_table_and_numbers_are_there(case: str, runs: dict[str, Run]) -> None:
    run = runs[case]
    files = wandb_folder(run) / "files"
    for entry in history(run):
        disk = run.folder / "explanations" / f"epoch_000{entry['epoch']}"
        for explainer in ("gradient-weighted", "gradcam-pair"):
            for id_ in range(SAMPLES):
                panel = entry[f"explain/{explainer}/sample_0000{id_}"]
                assert panel["_type"] == "image-file"
                written = disk / explainer / f"sample_0000{id_}.png"
                assert (files / panel["path"]).read_bytes() == written.read_bytes()
        numbers = json.loads((disk / "scalars.json").read_text())
        assert "explain/gradcam-pair/seconds_per_image" in numbers
        assert {name: entry[name] for name in numbers} == numbers

        rows = table_of(run, entry)
        asked = [(row["explainer"], row["id"]) for row in rows]
        expected = [(name, id_) for name in ("gradient-weighted", "gradcam-pair") for id_ in range(SAMPLES)]
        assert asked == expected
        for row in rows:
            assert row["epoch"] == entry["epoch"]
    # The table's pictures travel in an artifact beside it.
    tables = artifacts(wandb_folder(run))
    assert len(tables) == 3
    for artifact in tables:
        assert any(content.path.endswith(".png") for content in artifact.manifest.contents)


def table_of(run: Run, entry: dict[str, Any]) -> list[dict[str, Any]]:
    assert entry["explain/table"]["_type"] == "table-file"
    table = json.loads((wandb_folder(run) / "files" / entry["explain/table"]["path"]).read_text())
    return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]


def test_a_row_tells_what_the_store_holds(runs: dict[str, Run]) -> None:
    run = runs["offline"]
    last = history(run)[-1]
    kept = {name: store.table(run.folder / "explanations/epoch_0001", name).to_pylist() for name in EXPLAINERS}
    names = [str(number) for number in range(10)]
    for row in table_of(run, last):
        (told,) = (one for one in kept[row["explainer"]] if one["index"] == row["id"])
        assert [row[key] for key in ("label", "fact", "foil")] == [
            names[told[key]] for key in ("label", "fact", "foil")
        ]
        assert row["predicted"] == row["fact"]  # the question is why the classifier says what it says
        assert row["correct"] == (told["fact"] == told["label"])
        asked = told["fact"] != told["foil"]
        assert row["status"] == ("solved" if asked else "not_applicable")
        pictures = {"input": "Image", "attribution": "Image" if asked else None}
        assert {name: row[name] for name in pictures} == pictures
        assert row["counterfactual"] is row["baseline"] is None  # gradients know none
        for name in (name for name in told if name.startswith("scalars/")):
            number = row[name.removeprefix("scalars/")]
            assert number == (pytest.approx(told[name]) if math.isfinite(told[name]) else None)
    assert {"fact_probability", "foil_probability"} <= set(row)


def test_a_training_ends_with_one_table_of_all_epochs(runs: dict[str, Run]) -> None:
    run = runs["offline"]
    rows = table_of(run, entries(wandb_folder(run))[-1])
    assert rows == [row for entry in history(run) for row in table_of(run, entry)]


def test_what_was_logged_is_written_beside_the_run(runs: dict[str, Run]) -> None:
    run = runs["offline"]
    written = json.loads((wandb_folder(run) / "files/logged.json").read_text())
    kinds = {"image-file": "image", "table-file": "table"}
    logged = {
        name: kinds[value["_type"]] if isinstance(value, dict) else "number"
        for entry in entries(wandb_folder(run))
        for name, value in entry.items()
        if not name.startswith("_")
    }
    assert {name: kind for name, kind in logged.items() if name != "trainer/global_step"} == written


def test_explanations_are_drawn_against_the_epoch(runs: dict[str, Run]) -> None:
    run = runs["offline"]
    metrics = [record.metric for record in read(wandb_folder(run)) if record.WhichOneof("record_type") == "metric"]
    steps = [metric.step_metric for metric in metrics if metric.glob_name == "explain/*"]
    assert steps == ["epoch"]  # once for a run, not at every look at the logger
    names = {metric.name: metric.step_metric for metric in metrics}
    assert names["val/loss"] == names["val/accuracy"] == "epoch"
    assert "train/loss" not in names
    # A name of its own goes before any pattern: Lightning defines "*", and W&B takes either at random.
    own = {metric.name: metric.step_metric for metric in metrics if metric.name.startswith("explain/")}
    for entry in history(run):
        logged = {name for name in entry if name.startswith("explain/") and name != "explain/table"}
        assert logged <= set(own)
    assert set(own.values()) == {"epoch"}


@pytest.mark.parametrize("case", ["no_key", "bad_key", "unreachable"])
def test_going_offline_is_told_in_one_line_that_says_how_to_sync(case: str, runs: dict[str, Run]) -> None:
    run = runs[case]
    lines = [line for line in run.output.splitlines() if line.startswith("W&B is offline")]
    assert len(lines) == 1
    assert lines[0].endswith(f"wandb sync {run.folder}/wandb/offline-run-*")
    assert ("nobody is logged in" in lines[0]) == (case == "no_key")


def test_a_mode_that_was_asked_for_is_obeyed_in_silence(runs: dict[str, Run]) -> None:
    assert "W&B is offline" not in runs["offline"].output
