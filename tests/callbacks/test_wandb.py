"""What W&B gets, read back from the run's own file; and what it does where nobody is logged in."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from wandb.proto.wandb_internal_pb2 import Record

from xaicf import store

SAMPLES = 3

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


def records(path: Path) -> Iterator[Record]:
    """Read LevelDB's log framing: blocks of 32 KiB, pieces with headers of crc, length and kind."""
    data, block = path.read_bytes(), 1 << 15
    assert data[:4] == b":W&B"
    offset, whole = 7, b""
    while offset < len(data):
        room = block - offset % block
        if room < 7:
            offset += room
            continue
        _, length, kind = struct.unpack_from("<IHB", data, offset)
        whole += data[offset + 7 : offset + 7 + length]
        offset += 7 + length
        if kind in {1, 4}:  # full, last
            yield Record.FromString(whole)
            whole = b""


def wandb_folder(run: Run) -> Path:
    (folder,) = (run.folder / "wandb").glob("offline-run-*")
    return folder


def read(run: Run) -> list[Record]:
    (path,) = wandb_folder(run).glob("run-*.wandb")
    return list(records(path))


def value(parts: dict[str, Any]) -> Any:
    """Join what W&B takes apart: {"": 1} is 1, {"path": p} is a mapping."""
    return parts.get("", parts)


def history(run: Run) -> list[dict[str, Any]]:
    """Every logged entry that tells of an explanation."""
    entries = []
    for record in read(run):
        entry: dict[str, dict[str, Any]] = {}
        for item in record.history.item:
            name, *inner = item.nested_key or [item.key]
            entry.setdefault(name, {})[".".join(inner)] = json.loads(item.value_json)
        if any(name.startswith("explain/") for name in entry):
            entries.append({name: value(parts) for name, parts in entry.items()})
    return entries


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

        assert entry["explain/table"]["_type"] == "table-file"
        table = json.loads((files / entry["explain/table"]["path"]).read_text())
        rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
        asked = [(row["explainer"], row["sample"]) for row in rows]
        expected = [(name, id_) for name in ("gradient-weighted", "gradcam-pair") for id_ in range(SAMPLES)]
        assert asked == expected
        for row in rows:
            assert row["epoch"] == entry["epoch"]
            same = row["fact"] == row["foil"]
            assert row["status"] == ("not_applicable" if same else "solved")
            assert row["label"] == row["foil"]
            assert row["panel"] == "Image"
    # The table's pictures travel in an artifact beside it.
    tables = [record.artifact for record in read(run) if record.WhichOneof("record_type") == "artifact"]
    assert len(tables) == 2
    for artifact in tables:
        paths = [content.path for content in artifact.manifest.contents]
        assert sum(path.endswith(".png") for path in paths) == 2 * SAMPLES


def test_explanations_are_drawn_against_the_epoch(runs: dict[str, Run]) -> None:
    run = runs["offline"]
    metrics = [record.metric for record in read(run) if record.WhichOneof("record_type") == "metric"]
    steps = [metric.step_metric for metric in metrics if metric.glob_name == "explain/*"]
    assert steps == ["epoch"]  # once for a run, not at every look at the logger
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
