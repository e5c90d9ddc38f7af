"""What the command line does with mistakes: one line that names them, exit code 2, no traceback."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from PIL import Image

from xaicf.cli import main
from xaicf.core import read_checkpoint
from xaicf.data import Digits
from xaicf.nn import TwoConv
from xaicf.tasks import VAE, Classifier, Task

SHAPE = (1, 32, 32)
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(name: str = "given.yaml", **sections: Any) -> str:
    """Write a configuration that trains on two batches of digits; ``sections`` replace its own."""
    network = {"class_path": "TwoConv"}
    sections = {
        "data": {"class_path": "Digits"},
        "model": {"class_path": "Classifier", "init_args": {"network": network}},
        **sections,
        "trainer": {
            **QUIET,
            "max_epochs": 1,
            "limit_train_batches": 2,
            "limit_val_batches": 1,
            "limit_test_batches": 1,
            "num_sanity_val_steps": 0,
            "default_root_dir": "runs",
            "log_every_n_steps": 1,
            **sections.get("trainer", {}),
        },
    }
    Path(name).write_text(json.dumps(sections))  # JSON is YAML
    return f"--config={name}"


def explaining(**arguments: Any) -> Any:
    """Give a trainer section with the callback."""
    given = {"explainers": [{"class_path": "Attribution"}], "samples": 1, **arguments}
    return {"callbacks": [{"class_path": "ExplainAtValidationEnd", "init_args": given}]}


def explaining_vae(path: str) -> str:
    """Configure a VAE whose training is explained with the classifier of a checkpoint."""
    classifier = {"class_path": "xaicf.load_frozen", "init_args": {"path": path}}
    model = {"class_path": "VAE", "init_args": {"latent_dim": 4}}
    return config(model=model, trainer=explaining(classifier=classifier))


def save(task: Task, path: str = "given.ckpt") -> str:
    """Save a task as its trainer would."""
    trainer = Trainer(enable_checkpointing=False, **QUIET)
    trainer.strategy.connect(task)
    trainer.save_checkpoint(path)
    return path


def classifier(shape: tuple[int, int, int] = SHAPE, num_classes: int = 10) -> Classifier:
    # What the command line makes of ``class_path: TwoConv``.
    network = functools.partial(TwoConv, channels=(10, 20), hidden=50, mean=[0.5], std=[0.5])
    return Classifier(network, shape, num_classes)


def truncate(path: str) -> str:
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    return path


class Payload:
    """Pickles to a call that leaves a file behind."""

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (Path("touched"),)


def with_code(path: str) -> str:
    checkpoint = {"xaicf": classifier().recipe(), "state_dict": classifier().state_dict(), "extra": Payload()}
    torch.save(checkpoint, path)
    return path


def with_hyper_parameters(path: str) -> str:
    """Write what Lightning's command line would take for the configuration of the model."""
    checkpoint = torch.load(save(classifier(), path), weights_only=True)
    torch.save({**checkpoint, "hyper_parameters": {"_class_path": "os.system", "command": "touch touched"}}, path)
    return path


def images(*names: str, count: int = 12) -> str:
    """Write a folder of random images, ``count`` for each class."""
    random = torch.Generator().manual_seed(0)
    for name in names:
        Path("images", name).mkdir(parents=True)
        for number in range(count):
            pixels = torch.randint(256, (16, 16, 3), dtype=torch.uint8, generator=random).numpy()
            Image.fromarray(pixels).save(Path("images", name, f"{number}.png"))
    return "images"


def folder(root: str = "images") -> dict[str, Any]:
    return {"class_path": "ImageFolder", "init_args": {"root": root, "image_size": 16, "batch_size": 8}}


class Mistake:
    """Runs a command that must fail; gives the one line it says."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> str:
        assert main(arguments) == 2
        said = self.capsys.readouterr().err
        assert said.startswith("xaicf: error: ")
        assert said.endswith("\n")
        assert said.count("\n") == 1
        return said.removeprefix("xaicf: error: ").strip()


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]) -> Mistake:
    return Mistake(capsys)


def test_a_run_from_training_to_prediction(capsys: pytest.CaptureFixture[str]) -> None:
    given = config(trainer=explaining())
    assert main(["fit", given]) == 0
    assert "Results in runs" in capsys.readouterr().out
    assert {"best.ckpt", "last.ckpt", "explanations"} <= {entry.name for entry in Path("runs").iterdir()}
    for command, path in (("validate", "best"), ("test", "last"), ("test", "runs/best.ckpt")):
        assert main([command, given, f"--ckpt_path={path}"]) == 0
    assert main(["predict", given, "--ckpt_path=best", "--trainer.limit_predict_batches=1"]) == 0


def test_the_last_checkpoint_is_the_last_though_the_loss_stays() -> None:
    standing = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.0}}
    model = {"class_path": "Classifier", "init_args": {"network": {"class_path": "TwoConv"}, "optimizer": standing}}
    assert main(["fit", config(model=model), "--trainer.max_epochs=3"]) == 0
    steps = [read_checkpoint(f"runs/{name}.ckpt")["global_step"] for name in ("best", "last")]
    assert steps == [2, 6]


def test_test_measures_the_checkpoint_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint whose network always says 3 is right as often as there are threes."""
    task = classifier()
    *_, last = task.network.children()
    last.load_state_dict({"weight": torch.zeros(10, 50), "bias": torch.eye(10)[3]})
    save(task)
    assert main(["test", config(), "--ckpt_path=given.ckpt", "--trainer.limit_test_batches=1.0"]) == 0
    data = Digits()
    data.setup()
    share = (data.splits["test"].labels == 3).double().mean().item()
    assert f"{share:.6f}"[:7] in capsys.readouterr().out


@pytest.mark.parametrize("model", ["Classifier", "VAE"])
def test_shape_and_classes_of_the_data_reach_the_task(model: str) -> None:
    """Lightning skips a link in silence where the target lacks the argument."""
    images("ant", "bee", "cow")
    arguments = {"Classifier": {"network": {"class_path": "TwoConv"}}, "VAE": {"latent_dim": 4}}[model]
    given = config(data=folder(), model={"class_path": model, "init_args": arguments})
    assert main(["fit", given]) == 0
    found = read_checkpoint("runs/last.ckpt")["xaicf"]["init_args"]
    assert found["image_shape"] == [3, 16, 16]
    if model == "Classifier":
        assert found["num_classes"] == 3
        assert found["class_names"] == ["ant", "bee", "cow"]


def editor(**data: Any) -> str:
    """Configure an AttGAN, none of whose arguments says what attributes there are."""
    small = {
        "generator": {"class_path": "AttGANGenerator", "init_args": {"channels": [4, 8]}},
        "critic": {"class_path": "DCGANCritic", "init_args": {"channels": [4, 8], "norm": "layer"}},
        "n_critic": 1,
    }
    return config(data=data, model={"class_path": "AttGAN", "init_args": small})


def test_attributes_of_the_data_reach_the_task() -> None:
    assert main(["fit", editor(class_path="attributed.Bars")]) == 0
    assert read_checkpoint("runs/last.ckpt")["xaicf"]["init_args"]["attribute_names"] == ["bright", "left"]


def test_an_editor_needs_data_with_attributes(mistake: Mistake) -> None:
    assert "AttGAN needs data with 1 to 40 attributes, got 0" in mistake("fit", editor(class_path="Digits"))


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda: "none.ckpt", ["checkpoint not found: none.ckpt"]),
        (lambda: truncate(save(classifier())), ["given.ckpt is damaged"]),
        (lambda: with_code("given.ckpt"), ["given.ckpt", "pickled code", "refused"]),
        (lambda: save(VAE(SHAPE, 4)), ["classifier must be a module that maps images to logits, got VAE"]),
        (lambda: save(classifier(num_classes=3)), ["classifier has 3 classes, the data has 10"]),
        (lambda: save(classifier((3, 32, 32))), ["classifier does not take images of (1, 32, 32)"]),
        (lambda: save(classifier((1, 28, 28))), ["classifier does not take images of (1, 32, 32)"]),
    ],
    ids=["missing", "truncated", "code", "task", "classes", "channels", "size"],
)
def test_classifier_of_the_callback(prepare: Any, said: list[str], mistake: Mistake) -> None:
    line = mistake("fit", explaining_vae(prepare()))
    assert all(part in line for part in said), line
    assert not Path("touched").exists()


@pytest.mark.parametrize("command", ["fit", "test"])
@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda: "none.ckpt", ["checkpoint not found: none.ckpt"]),
        (lambda: truncate(save(classifier())), ["given.ckpt is damaged"]),
        (lambda: with_code("given.ckpt"), ["given.ckpt", "pickled code", "refused"]),
        (lambda: with_hyper_parameters("given.ckpt"), ["given.ckpt", "hyper_parameters", "refused"]),
        (lambda: save(VAE(SHAPE, 4)), ["xaicf.tasks.VAE, expected xaicf.tasks.Classifier"]),
        (lambda: save(classifier(num_classes=3)), ["num_classes 3, expected 10"]),
        (lambda: save(classifier((3, 32, 32))), ["image_shape [3, 32, 32], expected [1, 32, 32]"]),
        (lambda: save(classifier((1, 28, 28))), ["image_shape [1, 28, 28], expected [1, 32, 32]"]),
    ],
    ids=["missing", "truncated", "code", "hyper_parameters", "task", "classes", "channels", "size"],
)
def test_checkpoint_of_the_command(command: str, prepare: Any, said: list[str], mistake: Mistake) -> None:
    line = mistake(command, config(), f"--ckpt_path={prepare()}")
    assert all(part in line for part in said), line
    assert not Path("touched").exists()


def test_checkpoint_of_a_classifier_for_a_vae(mistake: Mistake) -> None:
    given = config(model={"class_path": "VAE", "init_args": {"latent_dim": 4}})
    line = mistake("test", given, f"--ckpt_path={save(classifier())}")
    assert "xaicf.tasks.Classifier, expected xaicf.tasks.VAE" in line


@pytest.mark.parametrize(("command", "name"), [("test", "last"), ("validate", "best"), ("fit", "best")])
def test_best_and_last_must_be_there(command: str, name: str, mistake: Mistake) -> None:
    assert mistake(command, config(), f"--ckpt_path={name}") == f"checkpoint not found: runs/{name}.ckpt"


def test_fit_begins_anew_where_there_is_no_last() -> None:
    """So that a job that is queued again needs no other command."""
    assert main(["fit", config(), "--ckpt_path=last"]) == 0


@pytest.mark.parametrize("spoil", [truncate, with_code])
def test_last_is_read_as_safely_as_any_other(spoil: Any, mistake: Mistake) -> None:
    Path("runs").mkdir()
    spoil(save(classifier(), "runs/last.ckpt"))
    assert "runs/last.ckpt" in mistake("fit", config(), "--ckpt_path=last")
    assert not Path("touched").exists()


@pytest.mark.parametrize(
    ("foil", "said"),
    [
        (12, ["foil must be second, label, all or a class in [0, 10), got 12"]),
        (-1, ["foil must be", "got -1"]),
        ("third", ["foil: expected 'second', 'label', 'all' or int, got third"]),
    ],
)
def test_foil(foil: Any, said: list[str], mistake: Mistake) -> None:
    line = mistake("fit", config(trainer=explaining(foil=foil)))
    assert all(part in line for part in said), line


def test_missing_image_folder(mistake: Mistake) -> None:
    assert mistake("fit", config(data=folder("nowhere"))) == "image folder not found: nowhere"


def test_image_folder_without_classes(mistake: Mistake) -> None:
    Path("images").mkdir()
    assert "images must hold at least two class folders, found 0" in mistake("fit", config(data=folder()))


def test_image_folder_of_one_class(mistake: Mistake) -> None:
    images("ant")
    assert "images must hold at least two class folders, found 1" in mistake("fit", config(data=folder()))


def test_image_folder_with_splits_but_no_train(mistake: Mistake) -> None:
    images("val", "test")
    said = mistake("fit", config(data=folder()))
    assert said.startswith("image folder images has a folder test but none named train")


def test_classes_that_the_classifier_does_not_know(mistake: Mistake) -> None:
    names = [f"letter {letter}" for letter in "abcdefghij"]
    path = save(Classifier(functools.partial(TwoConv), SHAPE, 10, names))
    line = mistake("fit", explaining_vae(path))
    assert line.startswith("classifier knows the classes letter a, letter b,")
    assert line.endswith("the data has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9")


def test_a_trial_leaves_results_alone() -> None:
    given = config(trainer=explaining())
    assert main(["fit", given]) == 0
    before = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    assert main(["fit", given, "--trainer.fast_dev_run=true"]) == 0
    assert main(["test", given, "--trainer.fast_dev_run=true"]) == 0
    after = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before
    assert all(path.parts[1] == "fast_dev_run" for path in after.keys() - before.keys())


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_an_untrained_network_is_not_measured(command: str, mistake: Mistake) -> None:
    assert mistake(command, config()) == "checkpoint not found: runs/best.ckpt"


def test_class_folder_without_images(mistake: Mistake) -> None:
    images("ant", "bee")
    Path("images/cow").mkdir()
    assert "images/cow holds no image" in mistake("fit", config(data=folder()))


def test_unreadable_image_is_named(mistake: Mistake) -> None:
    images("ant", "bee")
    Path("images/bee/7.png").write_bytes(b"no image")
    assert mistake("fit", config(data=folder())) == "image cannot be read: images/bee/7.png"


def with_arguments(class_path: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": class_path, "init_args": arguments}


NETWORK = {"class_path": "TwoConv"}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"data": with_arguments("Digits", batchsize=3)}, ["data:", "batchsize", "batch_size, seed"]),
        (
            {"model": with_arguments("Classifier", network=NETWORK, shedule="cosine")},
            ["model:", "shedule", "network, optimizer, schedule"],
        ),
        (
            {"model": with_arguments("Classifier", network=with_arguments("TwoConv", hiden=3))},
            ["network:", "hiden", "channels, hidden, mean, std"],
        ),
        (
            {"model": with_arguments("Classifier", network=NETWORK, schedule="cosin")},
            ["schedule:", "cosin", "'constant', 'cosine', 'one_cycle'"],
        ),
        ({"trainer": {"max_epoch": 3}}, ["trainer.max_epoch"]),
        ({"trainer": {"max_epochs": "abc"}}, ["trainer.max_epochs: expected int, got abc"]),
        ({"trainer": explaining(sample=3)}, ["callbacks:", "'sample'", "samples, every_n_epochs, foil"]),
        (
            {"trainer": explaining(explainers=[with_arguments("Attribution", method="magic")])},
            ["explainers:", "method:", "magic", "'gradient'"],
        ),
        ({"data": with_arguments("Digit")}, ["data:", "unknown class Digit, is it Digits?"]),
        ({"data": with_arguments("Zebra")}, ["data:", "unknown class Zebra"]),
        ({"model": with_arguments("Clasifier")}, ["model:", "unknown class Clasifier, is it Classifier?"]),
        (
            {"model": with_arguments("Classifier", network={"class_path": "TwoConvs"})},
            ["network:", "unknown class TwoConvs, is it TwoConv?"],
        ),
        (
            {"trainer": explaining(explainers=[with_arguments("Atribution")])},
            ["explainers:", "unknown class Atribution, is it Attribution?"],
        ),
        (
            {"trainer": {"callbacks": [with_arguments("ExplainAtValidation")]}},
            ["callbacks:", "unknown class ExplainAtValidation, is it ExplainAtValidationEnd?"],
        ),
        (
            {"trainer": explaining(classifier=with_arguments("xaicf.load_frozn", path="a.ckpt"))},
            ["classifier:", "load_frozn"],
        ),
        (
            {"model": with_arguments("Classifier", network=NETWORK, optimizer=with_arguments("SGD", lr=-1.0))},
            ["optimizer cannot be made", "learning rate: -1"],
        ),
        (
            {"model": with_arguments("VAE", encoder=with_arguments("ConvEncoder", channels=[]))},
            ["network xaicf.nn.ConvEncoder cannot be made"],
        ),
        ({"data": with_arguments("Digits", batch_size=0)}, ["batch_size must be at least 1, got 0"]),
        ({"trainer": {"strategy": "magic"}}, ["strategy='magic'", "ddp"]),
        ({"checkpoint": {"monitor": "val/los"}}, ["val/los", "val/loss"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_misspelt_or_mistyped(sections: Any, said: list[str], mistake: Mistake) -> None:
    line = mistake("fit", config(**sections))
    assert all(part in line for part in said), line
    assert len(line) < 400


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], ["command must be one of fit, validate, ", ", dashboard, got none"]),
        (["fitt"], ["command must be one of fit, validate, ", ", dashboard, got fitt"]),
        (["fit"], ["required", "fit.data", "fit.model"]),
        (["fit", "--epochs=3"], ["--epochs=3"]),
        (["fit", "--config=nowhere.yaml"], ["nowhere.yaml"]),
        (["fit", "--config=given.yaml", "--trainer.max_epoch=1"], ["unrecognized", "--trainer.max_epoch=1"]),
        (["fit", "--config=given.yaml", "--trainer.callbacks.foil=thrid"], ["foil: expected 'second'", "got thrid"]),
        (
            ["fit", "--config=given.yaml", "--model.optimizer=SGD", "--model.optimizer.lr=abc"],
            ["lr: expected float, got abc"],
        ),
        (
            ["fit", "--config=given.yaml", "--model.network=ResNet"],
            ["network torchvision.models.ResNet cannot be made"],
        ),
    ],
)
def test_misspelt_commands(arguments: list[str], said: list[str], mistake: Mistake) -> None:
    config(trainer=explaining())
    line = mistake(*arguments)
    assert all(part in line for part in said), line
    assert len(line) < 400


@pytest.mark.parametrize(("given", "batches"), [("1", 1), ("1.0", None), ("2", 2)])
def test_a_limit_of_one_is_one_batch(given: str, batches: int | None) -> None:
    arguments = ["--trainer.limit_train_batches", given, "--trainer.limit_val_batches=1", "--data.batch_size=24"]
    assert main(["fit", config(), *arguments]) == 0
    data = Digits(batch_size=24)
    data.setup()
    assert read_checkpoint("runs/last.ckpt")["global_step"] == (batches or len(data.train_dataloader()))


@pytest.mark.parametrize(
    ("content", "said"),
    [("data: [1\nmodel: {}\n", ["parsing", "line 2"]), ("- Digits\n", ["Unexpected config", "Digits"])],
)
def test_config_that_is_no_yaml(content: str, said: list[str], mistake: Mistake) -> None:
    Path("bad.yaml").write_text(content)
    line = mistake("fit", "--config=bad.yaml")
    assert all(part in line for part in said), line


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu(mistake: Mistake) -> None:
    assert "gpu" in mistake("fit", config(trainer={"accelerator": "gpu"}))


BROKEN = """
from lightning import Callback
from lightning.fabric.utilities.exceptions import MisconfigurationException

ERRORS = {
    "runtime": RuntimeError,
    "value": ValueError,
    "file": FileNotFoundError,
    "lightning": MisconfigurationException,
}

class Broken(Callback):
    def __init__(self, error: str, at_once: bool = False) -> None:
        self.error = ERRORS[error]
        if at_once:
            raise self.error("boom")

    def on_train_batch_start(self, *_: object) -> None:
        raise self.error("boom")
"""


@pytest.fixture
def _broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("broken.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken", raising=False)


@pytest.mark.usefixtures("_broken")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("runtime", RuntimeError),
        ("value", ValueError),
        ("file", FileNotFoundError),
        ("lightning", MisconfigurationException),
    ],
)
def test_a_defect_is_not_taken_for_a_mistake(error: str, expected: type[Exception]) -> None:
    with pytest.raises(expected, match="boom"):
        main(["fit", config(trainer={"callbacks": [with_arguments("broken.Broken", error=error)]})])


@pytest.mark.usefixtures("_broken")
def test_a_defect_of_a_constructor_is_not_taken_for_a_mistake() -> None:
    callbacks = [with_arguments("broken.Broken", error="runtime", at_once=True)]
    with pytest.raises(Exception, match="boom"):
        main(["fit", config(trainer={"callbacks": callbacks})])


@pytest.mark.usefixtures("_broken")
def test_a_value_that_a_constructor_refuses_is_a_mistake(mistake: Mistake) -> None:
    callbacks = [with_arguments("broken.Broken", error="value", at_once=True)]
    assert "boom" in mistake("fit", config(trainer={"callbacks": callbacks}))


@pytest.mark.usefixtures("_broken")
@pytest.mark.parametrize(
    ("trainer", "code", "traceback"),
    [
        ({"max_epochs": "abc"}, 2, False),
        (explaining(foil=12), 2, False),
        ({"callbacks": [with_arguments("broken.Broken", error="runtime")]}, 1, True),
    ],
    ids=["type", "range", "defect"],
)
def test_exit_code_of_a_process(trainer: Any, code: int, traceback: bool) -> None:
    command = [sys.executable, "-m", "xaicf", "fit", config(trainer=trainer)]
    environment = {**os.environ, "PYTHONPATH": os.curdir, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == code
    assert ("Traceback" in done.stderr) == traceback
    assert traceback or done.stderr.count("\n") == 1
    assert done.stderr.splitlines()[-1].startswith("RuntimeError: boom" if traceback else "xaicf: error: ")
