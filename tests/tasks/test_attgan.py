"""AttGAN: the losses term by term, what a turn changes, what a checkpoint knows, what is measured."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from attributed import NAMES, SHAPE, attributed
from lightning import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from xaicf.core import Batch, CheckpointError, Editor, InputError, load_frozen
from xaicf.nn import AttGANGenerator, DCGANCritic
from xaicf.tasks import AttGAN

QUIET: Any = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 1,
}
GENERATOR = partial(AttGANGenerator, channels=(4, 8))
CRITIC = partial(DCGANCritic, channels=(4, 8), norm="layer")


def loader(batches: list[Batch]) -> Any:
    return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]


def attgan(**changes: Any) -> AttGAN:
    torch.manual_seed(1)
    given = {"generator": GENERATOR, "critic": CRITIC, "n_critic": 1, **changes}
    return AttGAN(SHAPE, NAMES, **given)


def doubled(count: int = 6) -> Any:
    given = attributed(count)
    return {**given, "image": given["image"].double(), "attributes": given["attributes"].double()}


def entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    told = torch.sigmoid(logits)
    return -(wanted * told.log() + (1 - wanted) * (1 - told).log()).mean()


def state(network: nn.Module) -> list[Tensor]:
    return [value.clone() for value in network.state_dict().values()]


def same(before: list[Tensor], network: nn.Module) -> bool:
    return all(map(torch.equal, before, network.state_dict().values()))


def test_generators_loss_term_by_term() -> None:
    task = attgan(reconstruction_weight=3.0, class_weight=2.0, adversarial_weight=0.5).double()
    given = doubled()
    images, attributes = given["image"], given["attributes"]
    torch.manual_seed(3)
    values = task.generator_step(given)
    torch.manual_seed(3)
    others = attributes[torch.randperm(6)]
    features = task.generator.encode(images)  # type: ignore[operator]
    made = task.generator.decode(features, others - 0.5)  # type: ignore[operator]
    again = task.generator.decode(features, attributes - 0.5)  # type: ignore[operator]
    near, named = (images - again).abs().mean(), entropy(task.critic(made)[:, 1:], others)
    score = task.critic(made)[:, 0].mean()
    torch.testing.assert_close(values["generator_loss"], 3 * near + 2 * named - 0.5 * score, rtol=1e-9, atol=1e-9)
    for name, term in {"reconstruction": near, "classification": named, "adversarial": -score}.items():
        torch.testing.assert_close(values[name], term, rtol=1e-9, atol=1e-9)


def test_critics_loss_term_by_term() -> None:
    task = attgan(penalty_weight=7.0, critic_class_weight=2.0).double()
    given = doubled()
    images, attributes = given["image"], given["attributes"]
    torch.manual_seed(3)
    values = task.critic_step(given)
    torch.manual_seed(3)
    made = task.generator(images, attributes[torch.randperm(6)] - 0.5)
    mix = torch.rand(6)[:, None, None, None]
    between = (mix * images + (1 - mix) * made).detach().requires_grad_()
    (slope,) = torch.autograd.grad(task.critic(between)[:, 0].sum(), between)
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    real, fake = task.critic(images), task.critic(made)
    expected = fake[:, 0].mean() - real[:, 0].mean() + 7 * penalty + 2 * entropy(real[:, 1:], attributes)
    torch.testing.assert_close(values["critic_loss"], expected, rtol=1e-6, atol=1e-6)


def test_each_turn_changes_its_own_network_alone_to_the_bit() -> None:
    class Watched(AttGAN):
        turns: dict[str, list[bool]]

        def watch(self, update: Any, given: Batch) -> Any:
            parts = {"generator": self.generator, "critic": self.critic}
            before = {name: state(part) for name, part in parts.items()}
            values = update(given)
            self.turns[update.__name__] = [same(before[name], part) for name, part in parts.items()]
            return values

        def update_critic(self, batch: Batch) -> Any:
            return self.watch(super().update_critic, batch)

        def update_generator(self, batch: Batch) -> Any:
            return self.watch(super().update_generator, batch)

    task = Watched(SHAPE, NAMES, generator=GENERATOR, critic=CRITIC, n_critic=1)
    task.turns = {}
    Trainer(max_epochs=1, **QUIET).fit(task, loader([attributed(6)]))
    assert task.turns == {"update_critic": [True, False], "update_generator": [False, True]}


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    task = attgan(ema_decay=0.9)
    trainer = Trainer(max_epochs=2, **QUIET)
    trainer.fit(task, loader([attributed(8)]), loader([attributed(6)]))
    trainer.save_checkpoint(tmp_path / "attgan.ckpt")
    frozen = load_frozen(tmp_path / "attgan.ckpt")
    assert isinstance(frozen, Editor)
    assert frozen.attribute_names == NAMES
    assert tuple(frozen.image_shape) == SHAPE
    given = attributed(5)
    task.eval()
    torch.testing.assert_close(frozen.read(given["image"]), task.read(given["image"]))
    made = frozen.edit(given["image"], given["attributes"])
    torch.testing.assert_close(made, task.edit(given["image"], given["attributes"]))
    assert task.average is not None
    torch.testing.assert_close(made, task.average(given["image"], given["attributes"] - 0.5))
    torch.testing.assert_close(frozen.edit(given["image"][:1], given["attributes"][:1]), made[:1])  # by statistics
    other = AttGAN(SHAPE, ["bright", "right"], generator=GENERATOR, critic=CRITIC, ema_decay=0.9, n_critic=1)
    with pytest.raises(CheckpointError, match="checkpoint has attribute_names"):
        Trainer(max_epochs=3, **QUIET).fit(other, loader([attributed(8)]), ckpt_path=tmp_path / "attgan.ckpt")


def test_resumed_training_goes_on_as_an_uninterrupted_one(tmp_path: Path) -> None:
    batches = [attributed(count, count) for count in (4, 5, 6, 7)]

    def fit(epochs: int, **more: Any) -> tuple[AttGAN, Trainer]:
        task = attgan(n_critic=3)
        trainer = Trainer(max_epochs=epochs, **QUIET)
        torch.manual_seed(4)
        trainer.fit(task, loader(batches), loader([attributed(6)]), **more)
        return task, trainer

    whole, _ = fit(2)
    _, first = fit(1)
    first.save_checkpoint(tmp_path / "one.ckpt")
    second, _ = fit(2, ckpt_path=tmp_path / "one.ckpt")
    assert second.batches == whole.batches == 8
    for one, other in zip(whole.state_dict().values(), second.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other)


def test_validation_measures_what_the_critic_reads() -> None:
    task = attgan().double().eval()
    given = doubled(40)
    values = task.step(given)
    images, attributes = given["image"], given["attributes"]
    for number, name in enumerate(NAMES):
        asked = attributes.clone()
        hits, read = 0, 0
        for row in range(40):
            asked[row, number] = 0.0 if attributes[row, number] >= 0.5 else 1.0
            seen = task.critic(task.generator(images[row : row + 1], asked[row : row + 1] - 0.5))[0, 1 + number]
            hits += bool(seen >= 0) == (asked[row, number] == 1)
            read += bool(task.critic(images[row : row + 1])[0, 1 + number] >= 0) == (attributes[row, number] >= 0.5)
        assert float(values[f"edit_accuracy/{name}"]) == pytest.approx(hits / 40)
        assert float(values[f"read_accuracy/{name}"]) == pytest.approx(float(read) / 40)
    for kind in ("edit_accuracy", "read_accuracy"):
        torch.testing.assert_close(values[kind], sum(values[f"{kind}/{name}"] for name in NAMES) / 2)
    near = (images - task.edit(images, attributes)).abs().mean()
    others = attributes.roll(1, 0)
    named = entropy(task.critic(task.edit(images, others))[:, 1:], others)
    torch.testing.assert_close(values["reconstruction"], near)
    torch.testing.assert_close(values["loss"], 100 * near + 10 * named)


def test_training_teaches_reading_and_editing() -> None:
    fast = partial(torch.optim.Adam, lr=3e-3, betas=(0.5, 0.9))
    task = attgan(reconstruction_weight=10.0, generator_optimizer=fast, critic_optimizer=fast)
    given = attributed(32)
    Trainer(max_epochs=150, **QUIET).fit(task, loader([given]))
    task.eval()
    with torch.no_grad():
        values = task.step(attributed(64, seed=1))
    assert values["read_accuracy"] > 0.85
    assert values["edit_accuracy"] > 0.75
    assert values["reconstruction"] < 0.15


def test_wrong_options() -> None:
    with pytest.raises(InputError, match="AttGAN needs data with 1 to 40 attributes, got 0"):
        AttGAN(SHAPE, [], generator=GENERATOR, critic=CRITIC)
    with pytest.raises(InputError, match="1 to 40 attributes, got 41"):
        AttGAN(SHAPE, [str(one) for one in range(41)], generator=GENERATOR, critic=CRITIC)
    with pytest.raises(InputError, match="attribute_names must differ, got left twice"):
        AttGAN(SHAPE, ["left", "bright", "left"], generator=GENERATOR, critic=CRITIC)
    with pytest.raises(InputError, match="critic must score each image for itself"):
        attgan(critic=partial(DCGANCritic, channels=(4, 8), norm="batch"))
    for weight in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="weights must be at least 0 and finite, got"):
            attgan(class_weight=weight)
    with pytest.raises(InputError, match="n_critic must be at least 1, got 0"):
        attgan(n_critic=0)
    with pytest.raises(InputError, match="AttGAN of 5 halvings needs images of at least 32"):
        AttGAN(SHAPE, NAMES)


def test_data_without_the_attributes() -> None:
    given = attributed(4)
    plain: Batch = {"image": given["image"], "label": given["label"], "index": given["index"]}
    with pytest.raises(InputError, match="AttGAN needs data with attributes bright, left, got none"):
        Trainer(max_epochs=1, **QUIET).fit(attgan(), loader([plain]))
    more: Batch = {**given, "attributes": torch.rand(4, 3)}
    with pytest.raises(InputError, match=r"attributes of a batch must be \(B, 2\), got \(4, 3\)"):
        Trainer(max_epochs=1, **QUIET).fit(attgan(), loader([more]))
