"""Generators trained by two processes: finite losses, the same networks in both."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

SCRIPT = """
import json
import sys
from functools import partial
from pathlib import Path

import torch
from lightning import Callback, Trainer, seed_everything

from xaicf.data import Digits
from xaicf.nn import DCGANCritic, DCGANGenerator
from xaicf.callbacks import LogEdits, LogTranslations
from xaicf.nn import AttGANGenerator, StarGANGenerator, TwoConv
from xaicf.tasks import AE, WGAN, AttGAN, Ganmex

SHAPE = (1, 32, 32)
kind, folder = sys.argv[1], Path(sys.argv[2])
small = {"generator": partial(DCGANGenerator, channels=(4, 8))}
critics = {norm: partial(DCGANCritic, channels=(4, 8), norm=norm) for norm in ("batch", "layer")}
made = {
    "AE": lambda: AE(SHAPE, 4),
    "clipping": lambda: WGAN(SHAPE, 4, n_critic=2, ema_decay=0.9, critic=critics["batch"], **small),
    "penalty": lambda: WGAN(SHAPE, 4, "gradient_penalty", n_critic=2, critic=critics["layer"], **small),
}

if kind == "ganmex":
    stargan = partial(StarGANGenerator, width=4, blocks=1)
    torch.manual_seed(0)
    judged = {"classifier": TwoConv(SHAPE, 10), "generator": stargan, "critic": critics["layer"]}
    made["ganmex"] = lambda: Ganmex(SHAPE, 10, n_critic=2, **judged)

data, more = Digits(), []
if kind == "attgan":
    from attributed import NAMES, Bars

    editor = partial(AttGANGenerator, channels=(4, 8))
    options = {"generator": editor, "critic": critics["layer"], "n_critic": 2, "ema_decay": 0.9}
    made["attgan"] = lambda: AttGAN((1, 12, 12), NAMES, **options)
    data, more = Bars(batch_size=4), [LogEdits()]
if kind == "ganmex":
    more = [LogTranslations(images=32)]

class Watch(Callback):
    losses = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        values = {name: float(value) for name, value in trainer.callback_metrics.items() if "train" in name}
        self.losses.append({**values, "first": int(batch["index"][0]), "draw": float(torch.rand(()))})

seed_everything(0)
task = made[kind]()
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
limits = {"max_epochs": 2, "limit_train_batches": 5, "limit_val_batches": 2, "log_every_n_steps": 1}
options = {"accelerator": "cpu", "devices": 2, "strategy": "ddp"}
watch = Watch()
trainer = Trainer(callbacks=[watch, *more], default_root_dir=folder, **options, **quiet, **limits)
trainer.fit(task, datamodule=data)
torch.save(task.state_dict(), folder / f"{trainer.global_rank}.pt")
mean = float(trainer.strategy.reduce(torch.tensor(float(trainer.global_rank)), reduce_op="mean"))
found = {"losses": watch.losses, "validated": float(trainer.callback_metrics["val/loss"]), "mean": mean}
(folder / f"{trainer.global_rank}.json").write_text(json.dumps(found))
"""


@pytest.mark.parametrize("kind", ["AE", "clipping", "penalty", "ganmex", "attgan"])
def test_two_processes_train_the_same_networks(kind: str, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    entries = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, str(script), kind, str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(entries)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert one.keys() == two.keys()
    for name, value in one.items():
        known = value.isfinite()
        assert known.all() or name == "measured"  # nothing is known of a second classifier
        assert torch.equal(two[name][known], value[known]), name
    found: list[dict[str, Any]] = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert [len(each["losses"]) for each in found] == [10, 10]
    for first, second in zip(found[0]["losses"], found[1]["losses"], strict=True):
        assert all(math.isfinite(value) for each in (first, second) for value in each.values())
        assert first["first"] != second["first"]  # each process has images of its own
        assert kind == "AE" or first["draw"] != second["draw"]  # and latents
    assert found[0]["validated"] == found[1]["validated"]
    assert math.isfinite(found[0]["validated"])
    assert found[0]["mean"] == 0.5
    pictures = sorted(path.parent.name for path in (tmp_path / "edits").rglob("matrix.png"))
    assert pictures == (["epoch_0000", "epoch_0001"] if kind == "attgan" else [])
