"""What an editor makes is shown as it learns, and it is explained with."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from attributed import NAMES, SHAPE, Bars
from lightning import Trainer
from PIL import Image
from torch import nn

from xaicf.callbacks import ExplainAtValidationEnd, LogEdits
from xaicf.callbacks.edits import edit_matrix
from xaicf.core import InputError
from xaicf.data import Digits
from xaicf.explainers import AttributeCriticism
from xaicf.nn import AttGANGenerator, DCGANCritic
from xaicf.tasks import VAE, AttGAN

QUIET: Any = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}
SHORT: Any = {"limit_train_batches": 2, "limit_val_batches": 1, **QUIET}


def task(names: Any = NAMES, **options: Any) -> AttGAN:
    torch.manual_seed(0)
    small = {
        "generator": partial(AttGANGenerator, channels=(4, 8)),
        "critic": partial(DCGANCritic, channels=(4, 8), norm="layer"),
    }
    return AttGAN(SHAPE, names, n_critic=1, **small, **options)


def test_a_picture_is_logged_once_a_validation(tmp_path: Path) -> None:
    made = task()
    Trainer(max_epochs=2, callbacks=[LogEdits()], default_root_dir=tmp_path, **SHORT).fit(made, Bars())
    pictures = sorted((tmp_path / "edits").rglob("matrix.png"))
    assert [path.parent.name for path in pictures] == ["epoch_0000", "epoch_0001"]
    assert Image.open(pictures[0]).size == (104 + 68 * 3 + 8, 52 + 68 * 2 + 4)


def test_picture_holds_the_edits_and_leaves_the_editor_as_found() -> None:
    made, data = task().train(), Bars()
    batch = data.samples([0, 1, 2])
    before = {name: value.clone() for name, value in made.state_dict().items()}
    drawn = torch.from_numpy(edit_matrix(made, batch, data.class_names))
    assert made.training
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())
    asked = batch["attributes"].clone()
    asked[:, 1] = 1 - asked[:, 1]  # which is 0 or 1
    with torch.no_grad():
        edit = made.eval().edit(batch["image"], asked)[1, 0]
    left, top = 104 + 68 * 2 + 8, 52 + 68
    shown = drawn[top : top + 64, left : left + 64, 0]
    large = nn.functional.interpolate(edit[None, None], (64, 64))[0, 0]
    assert (shown - large).abs().mean() < 0.02


def test_needs_an_editor_and_its_attributes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="LogEdits needs an Editor and an ImageData module, got VAE and Bars"):
        Trainer(callbacks=[LogEdits()], **QUIET).validate(VAE(SHAPE, 4), Bars(), verbose=False)
    with pytest.raises(
        InputError, match="LogEdits needs data with the attributes of the editor, bright, got bright, left"
    ):
        Trainer(callbacks=[LogEdits()], **QUIET).validate(task(["bright"]), Bars(), verbose=False)
    with pytest.raises(
        InputError, match="LogEdits needs data with the attributes of the editor, bright, left, got none"
    ):
        Trainer(callbacks=[LogEdits()], **QUIET).validate(task(), Digits(), verbose=False)


def test_an_editor_in_training_takes_its_seat(tmp_path: Path) -> None:
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(144, 2)).eval()
    explainer = AttributeCriticism(held=["left"], bisections=1, steps=5)
    callback = ExplainAtValidationEnd([explainer], classifier=classifier, samples=3)
    trainer = Trainer(max_epochs=1, callbacks=[callback], default_root_dir=tmp_path, **SHORT)
    trainer.fit(task(ema_decay=0.5), Bars())
    assert len(list(tmp_path.rglob("attribute-criticism/sample_*.png"))) == 3
    for options, words in (
        ({}, "explaining while AttGAN trains needs a classifier"),
        ({"classifier": classifier, "editor": task()}, "editor is given, but AttGAN in training takes that seat"),
    ):
        wrong = ExplainAtValidationEnd([explainer], **options)
        with pytest.raises(InputError, match=words):
            Trainer(max_epochs=1, callbacks=[wrong], default_root_dir=tmp_path, **SHORT).fit(task(), Bars())
