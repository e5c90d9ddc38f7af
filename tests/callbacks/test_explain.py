"""The callback explains what is in training, writes it to disk, and leaves the training as it was."""

import copy
import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image
from reporting import data_of
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from xaicf import load_frozen
from xaicf.callbacks import ExplainAtValidationEnd, LogSamples
from xaicf.callbacks.explain import _in_order
from xaicf.core import ClassifierError, Explanation, InputError, Status
from xaicf.data import Digits
from xaicf.explainers import Attribution, CDeepEx
from xaicf.nn import ConvDecoder, ConvEncoder, SmallVGG, TwoConv
from xaicf.store import parts, read
from xaicf.tasks import VAE, Classifier

SHAPE = (1, 32, 32)


def trainer(folder: Path, **options: Any) -> Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    short = {"max_epochs": 1, "limit_train_batches": 2, "limit_val_batches": 1, "num_sanity_val_steps": 0}
    options = {**quiet, **short, "enable_model_summary": False, **options}
    return Trainer(accelerator="cpu", default_root_dir=folder, **options)


def new_classifier(network: type[nn.Module] = TwoConv, shape: tuple[int, int, int] = SHAPE) -> Classifier:
    return Classifier(network, shape, 10)


def new_vae(learning_rate: float = 3e-3) -> VAE:
    networks = {
        "encoder": partial(ConvEncoder, channels=(4, 8)),
        "decoder": partial(ConvDecoder, channels=(4, 8)),
    }
    return VAE(SHAPE, 4, optimizer=partial(torch.optim.Adam, lr=learning_rate), **networks)


def frozen(task: LightningModule) -> LightningModule:
    return copy.deepcopy(task).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def data() -> Digits:
    return Digits()


@pytest.fixture(scope="module")
def trained(data: Digits, tmp_path_factory: pytest.TempPathFactory) -> tuple[Classifier, VAE]:
    """A classifier that still errs, whose ties lie near, and a generator of blurred digits."""
    seed_everything(0)
    classifier, vae = new_classifier(), new_vae()
    home = tmp_path_factory.mktemp("trained")
    trainer(home, limit_train_batches=30, limit_val_batches=0).fit(classifier, datamodule=data)
    trainer(home, max_epochs=3, limit_train_batches=1.0, limit_val_batches=0).fit(vae, datamodule=data)
    for task in (classifier, vae):  # a trainer holds its callbacks and loops: copies are to be without
        task.trainer = None
    return classifier, vae


def gradient(**options: Any) -> ExplainAtValidationEnd:
    return ExplainAtValidationEnd([Attribution("gradient", "pair")], **options)


@pytest.mark.parametrize("stage", ["fit", "validate"])
@pytest.mark.parametrize("seat", ["classifier", "generator"])
def test_what_is_trained_takes_the_empty_seat(
    stage: str, seat: str, trained: tuple[Classifier, VAE], data: Digits, tmp_path: Path
) -> None:
    classifier, vae = trained
    task: LightningModule = copy.deepcopy(classifier if seat == "classifier" else vae)
    other = {"generator": frozen(vae)} if seat == "classifier" else {"classifier": frozen(classifier)}
    explainers = [Attribution("gradient", "pair"), CDeepEx(epsilon=0.1)]
    callback = ExplainAtValidationEnd(explainers, samples=3, **other)
    runner = trainer(tmp_path, callbacks=[callback])
    getattr(runner, stage)(task, datamodule=data)

    folder = tmp_path / "explanations" / ("validate" if stage == "validate" else "")
    home = folder / "epoch_0000"
    names = ["cdeepex", "gradient-pair"]
    assert sorted(path.name for path in home.iterdir() if path.is_dir()) == names
    for name in names:
        pictures = sorted((home / name).glob("*.png"))
        assert [path.name for path in pictures] == [f"sample_0000{id_}.png" for id_ in range(3)]
        for path in pictures:
            with Image.open(path) as image:
                image.load()
                assert min(image.size) > 200
        (part,) = parts(home, name)
        batch = data.samples([0, 1, 2])
        assert part.index.tolist() == [0, 1, 2]
        assert torch.equal(part.label, batch["label"])
        assert torch.equal(part.explanation.inputs, batch["image"])

    explanation = read(home, "cdeepex")
    solved = explanation.status == Status.SOLVED
    assert solved.any()
    counterfactual = explanation.counterfactual
    assert counterfactual is not None
    with torch.no_grad():  # the certificate holds for the classifier as it is now: epoch 0 was the last
        logits = task.eval()(counterfactual) if seat == "classifier" else other["classifier"](counterfactual)
    rows = torch.arange(3)
    tie = (logits[rows, explanation.fact] - logits[rows, explanation.foil]).abs()
    torch.testing.assert_close(tie, explanation.scalars["boundary_residual"], rtol=0, atol=1e-4)
    assert (tie[solved] <= 0.011).all()

    numbers = json.loads((home / "scalars.json").read_text())
    measures = ("solved", "distance", "third_class_margin", "seconds_per_image")
    assert {f"explain/cdeepex/{measure}" for measure in measures} <= set(numbers)
    assert numbers["explain/cdeepex/solved"] == pytest.approx(float(solved.float().mean()))
    distance = explanation.scalars["latent_distance"][solved].mean()
    assert numbers["explain/cdeepex/distance"] == pytest.approx(float(distance))
    assert numbers["explain/cdeepex/seconds_per_image"] > 0
    html = (folder / "index.html").read_text(encoding="utf-8")
    shown = data_of(folder / "index.html")
    labelled = [(row[0], shown["classes"][row[1]]) for row in shown["questions"]]
    assert labelled == [(id_, data.class_names[label]) for id_, label in enumerate(batch["label"].tolist())]
    assert [one["name"] for one in shown["explainers"]] == [explainer.name for explainer in explainers]
    statuses = {one["name"]: [found[0] for found in one["answers"]] for one in shown["explainers"]}
    assert statuses == {name: read(home, name).status.tolist() for name in names}
    assert str(tmp_path) not in html


def test_validate_always_explains_and_leaves_the_record_of_the_training(data: Digits, tmp_path: Path) -> None:
    task, callback = new_classifier(), gradient(samples=1, every_n_epochs=2)
    runner = trainer(tmp_path, max_epochs=2, callbacks=[callback])
    runner.fit(task, datamodule=data)
    home = tmp_path / "explanations"
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert before
    trainer(tmp_path, callbacks=[callback]).validate(task, datamodule=data)
    assert {path: path.read_bytes() for path in before} == before
    assert (home / "validate" / "epoch_0000" / "gradient-pair" / "sample_00000.png").is_file()


@pytest.mark.parametrize("by", ["datamodule", "dataloaders"])
def test_testing_is_left_alone(by: str, data: Digits, tmp_path: Path) -> None:
    data.setup()
    source = (
        {"datamodule": data}
        if by == "datamodule"
        else {"dataloaders": DataLoader([data.samples(range(4), "test")], batch_size=None)}
    )
    trainer(tmp_path, limit_test_batches=1, callbacks=[gradient()]).test(new_classifier(), **source)
    assert not (tmp_path / "explanations").exists()


def test_the_sanity_check_is_skipped(data: Digits, tmp_path: Path) -> None:
    callbacks = [gradient(samples=1), LogSamples(4)]
    runner = trainer(tmp_path, num_sanity_val_steps=1, check_val_every_n_epoch=2, callbacks=callbacks)
    runner.fit(new_classifier(), datamodule=data)
    assert not (tmp_path / "explanations").exists()


def test_every_n_epochs(data: Digits, tmp_path: Path) -> None:
    callback = gradient(samples=1, every_n_epochs=2)
    trainer(tmp_path, max_epochs=5, callbacks=[callback]).fit(new_classifier(), datamodule=data)
    folders = sorted(path.name for path in (tmp_path / "explanations").iterdir() if path.is_dir())
    assert folders == ["epoch_0001", "epoch_0003"]
    assert "After epoch 3" in (tmp_path / "explanations" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("foil", ["second", "label", "all", 3])
def test_foil_policies(foil: Any, trained: tuple[Classifier, VAE], data: Digits, tmp_path: Path) -> None:
    task, count = copy.deepcopy(trained[0]), 2 if foil == "all" else 6  # pictures take their time
    trainer(tmp_path, callbacks=[gradient(samples=count, foil=foil)]).validate(task, datamodule=data)
    home = tmp_path / "explanations" / "validate" / "epoch_0000"
    (part,) = parts(home)
    explanation, index = part.explanation, part.index
    batch = data.samples(range(count))
    with torch.no_grad():
        logits = task.eval()(batch["image"])
    answer = logits.argmax(1)
    applicable = explanation.status != Status.NOT_APPLICABLE
    assert torch.equal(explanation.fact, answer[index])
    if foil == "second":
        assert torch.equal(explanation.foil, logits.topk(2).indices[:, 1])
        assert applicable.all()
    elif foil == "label":
        assert torch.equal(explanation.foil, batch["label"])
        assert torch.equal(applicable, answer != batch["label"])
        assert 0 < int(applicable.sum()) < count  # else the test shows nothing
    elif foil == "all":
        assert len(explanation) == 9 * count
        expected = [(id_, other) for id_ in range(count) for other in range(10) if other != int(answer[id_])]
        assert list(zip(index.tolist(), explanation.foil.tolist(), strict=True)) == expected
    else:
        assert torch.equal(explanation.foil, torch.full((count,), 3))
        assert torch.equal(applicable, answer != 3)
    if foil != "all":
        assert index.tolist() == list(range(count))
    assert explanation.attribution is not None
    assert torch.equal(explanation.attribution.isfinite().flatten(1).all(1), applicable)
    assert len(list((home / "gradient-pair").glob("*.png"))) == len(explanation)


def test_more_samples_than_there_are_takes_them_all(data: Digits, tmp_path: Path) -> None:
    few = Digits()
    few.setup()
    few.splits["val"].images, few.splits["val"].labels = (
        few.splits["val"].images[:2],
        few.splits["val"].labels[:2],
    )
    trainer(tmp_path, callbacks=[gradient(samples=50)]).validate(new_classifier(), datamodule=few)
    (part,) = parts(tmp_path / "explanations" / "validate" / "epoch_0000")
    assert part.index.tolist() == [0, 1]


def test_a_process_without_any_applicable_image_joins_the_others() -> None:
    images, classes = torch.rand(2, 1, 4, 4), torch.tensor([1, 2])
    blank = torch.full((2,), torch.nan)
    nothing = {"latent_distance": blank, "gradient_evaluations": torch.tensor([-1, -1])}
    status = torch.full((2,), Status.NOT_APPLICABLE)
    bare = Explanation(images, classes, classes, status, attribution=images * torch.nan, scalars=nothing)
    scalars = {"latent_distance": torch.ones(2), "gradient_evaluations": torch.tensor([3, 4])}
    full = Explanation(images, classes, classes + 1, torch.ones(2).long(), attribution=images, scalars=scalars)

    def share(explanation: Explanation, ids: list[int]) -> dict[str, tuple[Explanation, Tensor, Tensor, float]]:
        return {"one": (explanation, torch.tensor(ids), classes, 1.0)}

    (record,) = _in_order([{}, share(bare, [0, 2]), share(full, [1, 3])], "0123")
    assert record.index.tolist() == [0, 1, 2, 3]
    assert record.explanation.status.tolist() == [-1, 1, -1, 1]
    distance = record.explanation.scalars["latent_distance"]
    assert distance.isnan().tolist() == [True, False, True, False]
    assert record.explanation.attribution is not None
    assert torch.equal(record.explanation.attribution[1], images[0])
    assert record.scalars()["solved"] == 1


@pytest.mark.parametrize(
    ("options", "task", "error", "message"),
    [
        ({}, "vae", InputError, "VAE trains needs a classifier"),
        ({"classifier": "nine classes"}, "vae", ClassifierError, "has 9 classes, the data has 10"),
        ({"classifier": "three channels"}, "vae", ClassifierError, r"does not take images of \(1, 32, 32\)"),
        ({"classifier": "vae"}, "vae", ClassifierError, "classifier must be"),
        ({"classifier": "good", "generator": "vae"}, "vae", InputError, "generator is given, but VAE"),
        ({"classifier": "good"}, "classifier", InputError, "classifier is given, but Classifier"),
        ({"classifier": "good", "foil": 10}, "vae", InputError, r"\[0, 10\), got 10"),
        ({"explainers": [CDeepEx()]}, "classifier", InputError, "CDeepEx needs a generator"),
        ({"generator": "good"}, "classifier", InputError, "generator must be a module that is a Generator"),
    ],
)
def test_a_question_that_cannot_be_asked_is_told_before_training(
    options: dict[str, Any], task: str, error: type[Exception], message: str, data: Digits, tmp_path: Path
) -> None:
    networks = {
        "nine classes": Classifier(TwoConv, SHAPE, 9),
        "three channels": new_classifier(shape=(3, 32, 32)),
        "good": new_classifier(),
        "vae": new_vae(),
    }
    named = {key: networks.get(value, value) if isinstance(value, str) else value for key, value in options.items()}
    callback = ExplainAtValidationEnd(**{"explainers": [Attribution("gradient")], **named})
    module = new_vae() if task == "vae" else new_classifier()
    before = copy.deepcopy(module.state_dict())
    with pytest.raises(error, match=message):
        trainer(tmp_path, callbacks=[callback]).fit(module, datamodule=data)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_data_that_is_no_image_data_is_refused(data: Digits, tmp_path: Path) -> None:
    batches = [data.samples(range(4))]
    with pytest.raises(InputError, match="needs an ImageData module, got NoneType"):
        trainer(tmp_path, callbacks=[gradient()]).fit(new_classifier(), batches, batches)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"explainers": []}, r"one or more with different names, got \[\]"),
        (
            {"explainers": [Attribution("gradient"), Attribution("gradient")]},
            "different names, got .*gradient",
        ),
        ({"samples": 0}, "got 0 and 1"),
        ({"every_n_epochs": 0}, "got 16 and 0"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ExplainAtValidationEnd(**{"explainers": [Attribution("gradient")], **options})


@pytest.mark.parametrize("kind", ["vae", "classifier"])
def test_training_is_bitwise_the_same_with_and_without(
    kind: str, trained: tuple[Classifier, VAE], data: Digits, tmp_path: Path
) -> None:
    explainers = [Attribution("gradcam"), CDeepEx(epsilon=0.0, constrain_others=False)]
    states = []
    for name in ("with", "without"):
        seed_everything(3)
        if kind == "vae":  # draws latents in every step
            task: LightningModule = copy.deepcopy(trained[1]).train()
            other = {"classifier": frozen(trained[0])}
        else:  # has running statistics and drops units at random
            task = new_classifier(partial(SmallVGG, channels=(4, 8)))
            other = {"generator": frozen(trained[1])}
        callbacks = [ExplainAtValidationEnd(explainers, samples=2, **other), LogSamples(4)]
        options = {"callbacks": callbacks} if name == "with" else {}
        runner = trainer(tmp_path / name, max_epochs=2, limit_train_batches=3, **options)
        runner.fit(task, datamodule=data)
        states.append((task.state_dict(), torch.get_rng_state()))
        assert (tmp_path / name / "explanations").exists() == (name == "with")
    (first, first_random), (second, second_random) = states
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert torch.equal(first_random, second_random)


def test_the_frozen_classifier_is_not_in_the_checkpoint(data: Digits, tmp_path: Path) -> None:
    vae, classifier = new_vae(), frozen(new_classifier())
    before = copy.deepcopy(classifier.state_dict())
    runner = trainer(tmp_path, callbacks=[gradient(samples=1, classifier=classifier)])
    runner.fit(vae, datamodule=data)
    runner.save_checkpoint(tmp_path / "last.ckpt")
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert set(saved) == set(new_vae().state_dict())
    assert isinstance(load_frozen(tmp_path / "last.ckpt"), VAE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in classifier.state_dict().items())


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    return found.Reload()


@pytest.mark.parametrize("kinds", [(), ("csv",), ("tensorboard",), ("tensorboard", "csv")])
def test_loggers_get_each_validation_once_against_the_epoch(
    kinds: tuple[str, ...], data: Digits, tmp_path: Path
) -> None:
    makers = {
        "csv": lambda: CSVLogger(tmp_path, name="csv", version=""),
        "tensorboard": lambda: TensorBoardLogger(tmp_path, name="tensorboard", version=""),
    }
    options: dict[str, Any] = {"logger": [makers[kind]() for kind in kinds] or False, "log_every_n_steps": 1}
    callbacks = [gradient(samples=2, classifier=frozen(new_classifier())), LogSamples(4)]
    runner = trainer(tmp_path, max_epochs=3, callbacks=callbacks, **options)
    runner.fit(new_vae(), datamodule=data)
    name = "explain/gradient-pair/fact_probability"
    written = [
        json.loads((tmp_path / "explanations" / f"epoch_000{epoch}" / "scalars.json").read_text())[name]
        for epoch in range(3)
    ]
    if "csv" in kinds:
        with (tmp_path / "csv" / "metrics.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row[name]]
        assert [int(float(row["epoch"])) for row in rows] == [0, 1, 2]
        assert [float(row[name]) for row in rows] == pytest.approx(written)
    if "tensorboard" in kinds:
        found = events(tmp_path / "tensorboard")
        assert [event.step for event in found.Scalars(name)] == [0, 1, 2]
        assert [event.value for event in found.Scalars(name)] == pytest.approx(written)
        samples = [f"explain/gradient-pair/sample_0000{id_}" for id_ in range(2)]
        assert set(found.Tags()["images"]) == {*samples, "samples/prior", "samples/reconstruction"}
        for tag in found.Tags()["images"]:
            assert [event.step for event in found.Images(tag)] == [0, 1, 2]
        steps = [event.step for event in found.Scalars("epoch")]
        assert steps == sorted(steps)  # Lightning's own curve over optimiser steps is not tangled
    assert (tmp_path / "samples" / "epoch_0002" / "prior.png").is_file()
