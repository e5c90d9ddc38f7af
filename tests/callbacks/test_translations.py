"""What a translator makes is measured and shown as it learns, and serves as a baseline only when it is fit."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from PIL import Image
from safetensors import safe_open

from xaicf.callbacks import ExplainAtValidationEnd, LogTranslations
from xaicf.core import FITNESS, CheckpointError, InputError, load_frozen
from xaicf.core.checkpoint import RECIPE
from xaicf.data import Digits
from xaicf.evaluation.translation import measure_translations
from xaicf.explainers import Attribution
from xaicf.explainers.baselines import Ganmex as GanmexBaseline
from xaicf.nn import DCGANCritic, StarGANGenerator, TwoConv
from xaicf.tasks import VAE, Classifier, Ganmex

SHAPE = (1, 32, 32)
QUIET: Any = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def task() -> Ganmex:
    torch.manual_seed(0)
    small = {
        "generator": partial(StarGANGenerator, width=4, blocks=1),
        "critic": partial(DCGANCritic, channels=(4, 8), norm="none"),
    }
    return Ganmex(SHAPE, 10, classifier=TwoConv(SHAPE, 10), n_critic=1, **small)


def test_logs_and_records_what_is_measured(tmp_path: Path) -> None:
    made, data = task(), Digits()
    trainer = Trainer(callbacks=[LogTranslations(images=40)], default_root_dir=tmp_path, **QUIET)
    (found,) = trainer.validate(made, data, verbose=False)
    expected = measure_translations(
        made.translate, made.judges[0], data.samples(range(40)), data.reference(whole=True), 10, foils=1
    )
    for name, value in expected.numbers.items():
        if not math.isnan(value):
            assert found[f"val/{name}"] == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert "val/second_validity" not in found
    assert found["val/validity_of_3"] == pytest.approx(float(expected.validity_by_class[3]))
    assert made.fitness is not None
    assert set(made.fitness) == set(FITNESS)
    assert made.fitness["validity"] == pytest.approx(expected.numbers["validity"])
    pictures = list((tmp_path / "translations").rglob("matrix.png"))
    assert len(pictures) == 1
    assert Image.open(pictures[0]).size == (104 + 68 * 11 + 8, 52 + 68 * 8 + 4)
    (tested,) = trainer.test(made, data, verbose=False)
    assert tested["test/images"] == 9 * len(data.split("test"))


def test_matrix_is_logged_once_a_validation(tmp_path: Path) -> None:
    trainer = Trainer(
        max_epochs=2,
        limit_train_batches=2,
        limit_val_batches=1,
        callbacks=[LogTranslations(images=16)],
        default_root_dir=tmp_path,
        **QUIET,
    )
    trainer.fit(task(), Digits())
    assert sorted(path.parent.name for path in tmp_path.rglob("matrix.png")) == ["epoch_0000", "epoch_0001"]


def test_baselines_are_logged_while_the_gan_trains_and_refused_unless_fit(tmp_path: Path) -> None:
    made = task()
    measure = LogTranslations(images=40)

    def fit(baseline: GanmexBaseline, folder: str) -> None:
        # The classifier is the one that the translator is trained against.
        explain = ExplainAtValidationEnd([Attribution("integrated_gradients", "pair", baseline=baseline)], samples=2)
        trainer = Trainer(
            max_epochs=1,
            limit_train_batches=2,
            limit_val_batches=1,
            callbacks=[measure, explain],
            num_sanity_val_steps=0,
            default_root_dir=tmp_path / folder,
            **QUIET,
        )
        trainer.fit(made, Digits())

    with pytest.raises(InputError, match=r"translator is unfit as a baseline: its validity was never measured"):
        fit(GanmexBaseline(), "refused")
    fit(GanmexBaseline(unfit=True), "taken")
    with pytest.raises(InputError, match=r"translator is unfit as a baseline: its validity is 0\.\d+, and must be at"):
        fit(GanmexBaseline(), "refused")
    assert len(list((tmp_path / "taken").rglob("epoch_0000/*/sample_*.png"))) == 2
    (kept,) = (tmp_path / "taken").rglob("*.safetensors")
    with safe_open(kept, "pt") as tensors:
        assert tensors.get_tensor("baseline").shape == (2, *SHAPE)


def test_a_second_classifier_may_be_a_checkpoint(tmp_path: Path) -> None:
    torch.manual_seed(5)
    other = Classifier(TwoConv, SHAPE, 10)
    path = tmp_path / "second.ckpt"
    torch.save({RECIPE: other.recipe(), "state_dict": other.state_dict()}, path)
    made = task()
    trainer = Trainer(callbacks=[LogTranslations(images=40, second=str(path))], default_root_dir=tmp_path, **QUIET)
    (found,) = trainer.validate(made, Digits(), verbose=False)
    assert made.fitness["second_validity"] == pytest.approx(found["val/second_validity"])
    with pytest.raises(CheckpointError, match="checkpoint not found"):
        LogTranslations(second="nowhere.ckpt")


def test_needs_a_translator_and_a_classifier(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="images must be at least 2, got 1"):
        LogTranslations(images=1)
    with pytest.raises(
        InputError, match="LogTranslations needs a Translator and an ImageData module, got VAE and Digits"
    ):
        Trainer(callbacks=[LogTranslations()], **QUIET).validate(VAE(SHAPE, 4), Digits(), verbose=False)
    own = Ganmex(
        SHAPE,
        10,
        class_discriminator="own",
        generator=partial(StarGANGenerator, width=4, blocks=1),
        critic=partial(DCGANCritic, channels=(4, 8), norm="none"),
    )
    with pytest.raises(InputError, match="LogTranslations needs a classifier, and Ganmex has none"):
        Trainer(callbacks=[LogTranslations()], **QUIET).validate(own, Digits(), verbose=False)
    Trainer(callbacks=[LogTranslations(TwoConv(SHAPE, 10), images=16)], default_root_dir=tmp_path, **QUIET).validate(
        own, Digits(), verbose=False
    )


def test_fitness_comes_with_the_checkpoint(tmp_path: Path) -> None:
    trainer = Trainer(
        max_epochs=1,
        limit_train_batches=1,
        limit_val_batches=1,
        callbacks=[LogTranslations(images=16)],
        default_root_dir=tmp_path,
        **QUIET,
    )
    made = task()
    trainer.fit(made, Digits())
    trainer.save_checkpoint(tmp_path / "ganmex.ckpt")
    assert load_frozen(tmp_path / "ganmex.ckpt").fitness == pytest.approx(made.fitness, nan_ok=True)
