"""GANMEX: the loss term by term, what a turn changes, what a checkpoint knows, how the class comes in."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from xaicf.core import (
    Batch,
    CheckpointError,
    ClassifierError,
    InputError,
    Translator,
    load_frozen,
    network_sha256,
    read_checkpoint,
)
from xaicf.nn import DCGANCritic, SoftmaxRegression, StarGANGenerator
from xaicf.nn.stargan import ClassNorm
from xaicf.tasks import Classifier, Ganmex

SHAPE = (1, 12, 12)
CLASSES = 4
QUIET: Any = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 1,
}
GENERATOR = partial(StarGANGenerator, width=4, downsamplings=1, blocks=1)
CRITIC = partial(DCGANCritic, channels=(4, 8), norm="none")


def classifier(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(300, CLASSES)).eval()


def batch(count: int = 6) -> Batch:
    source = torch.Generator().manual_seed(count)
    image = torch.rand(count, *SHAPE, generator=source)
    return {"image": image, "label": torch.randint(CLASSES, (count,), generator=source), "index": torch.arange(count)}


def loader(batches: list[Batch]) -> Any:
    return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]


def ganmex(**changes: Any) -> Ganmex:
    torch.manual_seed(1)
    given = {"classifier": classifier(), "generator": GENERATOR, "critic": CRITIC, "n_critic": 1, **changes}
    return Ganmex(SHAPE, CLASSES, **given)


def state(network: nn.Module) -> list[Tensor]:
    return [value.clone() for value in network.state_dict().values()]


def same(before: list[Tensor], network: nn.Module) -> bool:
    return all(map(torch.equal, before, network.state_dict().values()))


@pytest.mark.parametrize("game", ["wasserstein", "log"])
def test_generators_loss_is_equation_nine_term_by_term(game: Any) -> None:
    task = ganmex(
        game=game, adversarial_weight=0.5, class_weight=2.0, reconstruction_weight=3.0, similarity_weight=5.0
    ).double()
    given = {**batch(), "image": batch()["image"].double()}
    images, labels = given["image"], given["label"]
    judge = task.judges[0].double()
    torch.manual_seed(3)
    values = task.generator_step(given)  # type: ignore[arg-type]
    torch.manual_seed(3)
    classes = (labels + 1 + torch.randint(CLASSES - 1, labels.shape)) % CLASSES
    assert (classes != labels).all()
    made = task.generator(images, classes)
    score = task.critic(made)[:, 0]
    adversarial = -score.mean() if game == "wasserstein" else torch.log(1 - torch.sigmoid(score)).mean()
    named = -torch.log(judge(made).softmax(1)[torch.arange(len(labels)), classes]).mean()
    again = (images - task.generator(made, labels)).abs().mean()
    near = (images - made).abs().mean()
    expected = 0.5 * adversarial + 2 * named + 3 * again + 5 * near
    torch.testing.assert_close(values["generator_loss"], expected, rtol=1e-9, atol=1e-9)
    for name, term in {
        "adversarial": adversarial,
        "classification": named,
        "reconstruction": again,
        "similarity": near,
    }.items():
        torch.testing.assert_close(values[name], term, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("game", ["wasserstein", "log"])
@pytest.mark.parametrize("own", [False, True])
def test_critics_loss(game: Any, own: bool) -> None:
    who = {"classifier": None, "class_discriminator": "own"} if own else {}
    task = ganmex(game=game, penalty_weight=7.0, class_weight=2.0, **who).double()
    given = {**batch(), "image": batch()["image"].double()}
    images, labels = given["image"], given["label"]
    torch.manual_seed(3)
    values = task.critic_step(given)  # type: ignore[arg-type]
    torch.manual_seed(3)
    made = task.generator(images, (labels + 1 + torch.randint(CLASSES - 1, labels.shape)) % CLASSES)
    mix = torch.rand(len(images))[:, None, None, None]
    between = (mix * images + (1 - mix) * made).detach().requires_grad_()
    (slope,) = torch.autograd.grad(task.critic(between)[:, 0].sum(), between)
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    real, fake = task.critic(images)[:, 0], task.critic(made)[:, 0]
    distance = fake.mean() - real.mean()
    if game == "log":
        distance = -torch.log(torch.sigmoid(real)).mean() - torch.log(1 - torch.sigmoid(fake)).mean()
    known = 2.0 * functional.cross_entropy(task.critic(images)[:, 1:], labels) if own else 0.0
    torch.testing.assert_close(values["critic_loss"], distance + 7 * penalty + known, rtol=1e-6, atol=1e-6)


def test_each_turn_changes_its_own_network_alone() -> None:
    class Watched(Ganmex):
        turns: dict[str, list[bool]]

        def watch(self, update: Any, given: Batch) -> Any:
            parts = {"generator": self.generator, "critic": self.critic, "classifier": self.judges[0]}
            before = {name: state(part) for name, part in parts.items()}
            values = update(given)
            self.turns[update.__name__] = [same(before[name], part) for name, part in parts.items()]
            return values

        def update_critic(self, batch: Batch) -> Any:
            return self.watch(super().update_critic, batch)

        def update_generator(self, batch: Batch) -> Any:
            return self.watch(super().update_generator, batch)

    given = classifier()
    before = state(given)
    task = Watched(SHAPE, CLASSES, classifier=given, generator=GENERATOR, critic=CRITIC, n_critic=1)
    task.turns = {}
    Trainer(max_epochs=1, **QUIET).fit(task, loader([batch()]))
    assert task.turns == {"update_critic": [True, False, True], "update_generator": [False, True, True]}
    assert same(before, given)
    assert given.training is False


def test_classifier_is_no_part_of_the_module_but_known_by_its_hash(tmp_path: Path) -> None:
    task = ganmex()
    assert not any(name.startswith("judge") for name in task.state_dict())
    assert task.classifier_sha256 == network_sha256(classifier())
    trainer = Trainer(max_epochs=1, **QUIET)
    trainer.fit(task, loader([batch()]), loader([batch()]))
    task.record_fitness(
        dict.fromkeys(("validity", "second_validity", "input_dependence"), 0.5)
        | {"relative_distance": 1.0, "relative_frechet": 2.0}
    )
    trainer.save_checkpoint(tmp_path / "ganmex.ckpt")
    frozen = load_frozen(tmp_path / "ganmex.ckpt")
    assert isinstance(frozen, Translator)
    assert frozen.classifier_sha256 == network_sha256(classifier())
    assert frozen.fitness is not None
    assert frozen.fitness["relative_frechet"] == 2
    images = batch()["image"]
    torch.testing.assert_close(frozen.translate(images, batch()["label"]), task.translate(images, batch()["label"]))
    with pytest.raises(CheckpointError, match=r"trained against the classifier .*, this one is"):
        Trainer(max_epochs=2, **QUIET).fit(
            ganmex(classifier=classifier(seed=5)), loader([batch()]), ckpt_path=tmp_path / "ganmex.ckpt"
        )


def test_classifier_goes_along_to_another_precision() -> None:
    task = ganmex()
    assert task.trained_against is not None
    (known,) = {weight.dtype for weight in task.trained_against.parameters()}
    assert known == torch.float32
    digest = task.classifier_sha256
    inputs = batch()
    doubled: Batch = {**inputs, "image": inputs["image"].double()}
    Trainer(max_epochs=1, precision="64-true", **QUIET).fit(task, loader([doubled] * 2))
    assert {weight.dtype for weight in task.trained_against.parameters()} == {torch.float64}
    assert network_sha256(task.trained_against) == digest
    task.float()
    assert task.translate(inputs["image"], inputs["label"]).dtype == torch.float32


def test_resumed_training_goes_on_as_an_uninterrupted_one(tmp_path: Path) -> None:
    batches = [batch(count) for count in (4, 5, 6, 7)]

    def fit(epochs: int, **more: Any) -> tuple[Ganmex, Trainer]:
        task = ganmex(n_critic=3)
        trainer = Trainer(max_epochs=epochs, **QUIET)
        torch.manual_seed(4)
        trainer.fit(task, loader(batches), loader([batch()]), **more)
        return task, trainer

    whole, _ = fit(2)
    _, first = fit(1)
    first.save_checkpoint(tmp_path / "one.ckpt")
    second, _ = fit(2, ckpt_path=tmp_path / "one.ckpt")
    assert second.batches == whole.batches == 8
    for one, other in zip(whole.state_dict().values(), second.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)


def test_training_lowers_what_it_is_to_lower() -> None:
    fast = partial(torch.optim.Adam, lr=5e-3)
    task = ganmex(similarity_weight=1.0, class_weight=5.0, ema_decay=None, generator_optimizer=fast)
    given = batch(32)
    before = task.step(given)
    Trainer(max_epochs=150, **QUIET).fit(task, loader([given]))
    after = task.step(given)
    assert after["classification"] < 0.8 * before["classification"]


@pytest.mark.parametrize("output", ["direct", "residual", "gated"])
def test_class_reaches_the_output_other_than_through_the_padding(output: Any) -> None:
    """With reflection in place of zeros a constant plane would vanish in the first norm; here the class stays."""
    torch.manual_seed(0)
    generator = StarGANGenerator(SHAPE, CLASSES, width=4, downsamplings=1, blocks=1, output=output).double().eval()
    for module in generator.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "reflect"
            module._reversed_padding_repeated_twice = [side for side in reversed(module.padding) for _ in range(2)]  # type: ignore[union-attr]
    images = torch.rand(2, *SHAPE, dtype=torch.float64)
    first, second = (generator(images, torch.full((2,), one)) for one in (0, 1))
    inner = (..., slice(4, -4), slice(4, -4))
    assert (first - second)[inner].abs().mean() > 1e-3

    plane = nn.Conv2d(1 + CLASSES, 4, 3, padding=1, padding_mode="reflect").double()
    norm = nn.InstanceNorm2d(4)
    told = [
        torch.zeros(2, CLASSES, *SHAPE[1:], dtype=torch.float64).index_fill(1, torch.tensor(one), 1.0) for one in (0, 1)
    ]
    with_planes = [norm(plane(torch.cat([images, planes], 1))) for planes in told]
    assert (with_planes[0] - with_planes[1]).abs().max() < 1e-3
    of_class = ClassNorm(4, CLASSES).double()
    features = torch.rand(2, 4, 5, 5, dtype=torch.float64)
    assert (of_class(features, torch.tensor([0, 0])) - of_class(features, torch.tensor([1, 1]))).abs().max() > 1e-2


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 33, 47), (1, 64, 64), (3, 256, 256)])
@pytest.mark.parametrize("upsampling", ["resize", "transposed"])
@pytest.mark.parametrize("output", ["direct", "residual", "gated"])
def test_generators_of_all_sizes_keep_shape_and_range(shape: Any, upsampling: Any, output: Any) -> None:
    generator = StarGANGenerator(shape, 3, width=2, downsamplings=3, blocks=1, output=output, upsampling=upsampling)
    with torch.no_grad():
        made = generator(torch.rand(2, *shape), torch.tensor([0, 2]))
    assert made.shape == (2, *shape)
    assert 0 <= made.min() <= made.max() <= 1


def test_plain_stargan_learns_classes_by_itself() -> None:
    task = ganmex(classifier=None, class_discriminator="own", class_weight=3.0)
    assert task.classifier_sha256 is None
    given = batch(24)
    Trainer(max_epochs=60, **QUIET).fit(task, loader([given]))
    assert (task.class_logits(given["image"]).argmax(1) == given["label"]).float().mean() > 0.5


def test_moving_average_is_what_translates() -> None:
    task = ganmex(ema_decay=0.9)
    assert task.average is not None
    Trainer(max_epochs=3, **QUIET).fit(task, loader([batch()]))
    images, classes = batch()["image"], batch()["label"]
    torch.testing.assert_close(task.translate(images, classes), task.average(images, classes))
    assert not torch.allclose(task.translate(images, classes), task.generator(images, classes))


def test_wrong_options() -> None:
    with pytest.raises(InputError, match="num_classes must be at least 2, got 1"):
        Ganmex(SHAPE, 1, generator=GENERATOR, critic=CRITIC)
    with pytest.raises(InputError, match="weights must be at least 0"):
        ganmex(similarity_weight=-1.0)
    with pytest.raises(InputError, match="weights must be at least 0"):
        ganmex(class_weight=float("nan"))
    with pytest.raises(InputError, match="class_names must be one for each of 4 classes, got 1"):
        ganmex(class_names=["cat"])
    with pytest.raises(InputError, match="game wasserstein or log"):
        ganmex(game="hinge")
    with pytest.raises(InputError, match="critic must score each image for itself"):
        ganmex(critic=partial(DCGANCritic, channels=(4, 8), norm="batch"))
    with pytest.raises(ClassifierError, match="classifier has 4 classes, the data has 5"):
        Ganmex(SHAPE, 5, classifier=classifier(), generator=GENERATOR, critic=CRITIC)
    with pytest.raises(ClassifierError, match="probabilities, not logits"):
        ganmex(classifier=nn.Sequential(classifier(), nn.Softmax(1)))
    with pytest.raises(CheckpointError, match="checkpoint not found"):
        ganmex(classifier="nowhere.ckpt")
    with pytest.raises(InputError, match=r"Ganmex needs a classifier, such as --model\.classifier CHECKPOINT"):
        Trainer(max_epochs=1, **QUIET).fit(ganmex(classifier=None), loader([batch()]))
    for changes, message in (
        ({"width": 0}, "width, downsamplings and blocks must be >= 1"),
        ({"output": "tanh"}, "output must be one of direct, residual, gated"),
        ({"downsamplings": 4}, "4 halvings need images of at least 32 pixels"),
    ):
        with pytest.raises(InputError, match=message):
            StarGANGenerator(SHAPE, 3, **changes)  # type: ignore[arg-type]


def test_a_checkpoint_serves_as_classifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = Classifier(SoftmaxRegression, SHAPE, CLASSES)
    trainer = Trainer(max_epochs=1, **QUIET)
    trainer.fit(task, loader([batch()]), loader([batch()]))
    trainer.save_checkpoint(tmp_path / "classifier.ckpt")
    made = ganmex(classifier=str(tmp_path / "classifier.ckpt"))
    assert made.classifier_sha256 == network_sha256(load_frozen(tmp_path / "classifier.ckpt"))
    assert read_checkpoint(tmp_path / "classifier.ckpt")
