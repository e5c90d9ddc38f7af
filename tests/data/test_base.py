"""Splits in memory: every sample once, with a stable id."""

import pytest
import torch
from lightning import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from xaicf.core import Batch, DataError, InputError
from xaicf.data import ImageData, LabelledImages, Split, Square
from xaicf.data.base import SplitName, data_root, divide

SIZES: dict[SplitName, int] = {"train": 23, "val": 8, "test": 5}


def numbered(count: int, first: int = 0) -> LabelledImages:
    """Make images (count, 1, 2, 3) whose every pixel is their number."""
    ids = torch.arange(first, first + count)
    return LabelledImages(ids.to(torch.uint8).view(-1, 1, 1, 1).repeat(1, 1, 2, 3), ids % 3)


class Numbered(ImageData):
    """Images whose grey value is 10 times their id, for each split."""

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__(batch_size)
        self.class_names = ("a", "b", "c")
        self.image_shape = (1, 2, 3)
        self.loads = 0

    def load(self) -> dict[SplitName, LabelledImages]:
        self.loads += 1
        return {name: LabelledImages(10 * numbered(n).images, numbered(n).labels) for name, n in SIZES.items()}


@pytest.mark.parametrize("fractions", [(), (0.1,), (0.2, 0.1), (0.5, 0.49)])
def test_divide_is_a_partition(fractions: tuple[float, ...]) -> None:
    data = numbered(201)
    parts = divide(data, fractions, seed=0)
    assert [len(part.labels) for part in parts[:-1]] == [round(201 * fraction) for fraction in fractions]
    numbers = torch.cat([part.images[:, 0, 0, 0] for part in parts]).long()
    assert sorted(numbers.tolist()) == list(range(201))
    assert torch.equal(torch.cat([part.labels for part in parts]), numbers % 3)


def test_divide_depends_on_its_seed_alone() -> None:
    state = torch.get_rng_state()
    first = divide(numbered(100), (0.3,), seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    second = divide(numbered(100), (0.3,), seed=5)
    other = divide(numbered(100), (0.3,), seed=6)
    assert all(torch.equal(a.images, b.images) for a, b in zip(first, second, strict=True))
    assert set(first[0].images[:, 0, 0, 0].tolist()) != set(other[0].images[:, 0, 0, 0].tolist())
    assert set(first[0].images[:, 0, 0, 0].tolist()) != set(range(30))


@pytest.mark.parametrize("fractions", [(0.01,), (0.5, 0.5), (0.8, 0.4)])
def test_divide_refuses_empty_parts(fractions: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="10 images are too few"):
        divide(numbered(10), fractions, seed=0)


def test_split_gives_what_is_asked_in_that_order() -> None:
    split = Split(numbered(9, first=50))
    batch = split.__getitems__([3, 0, 3])
    assert batch["index"].tolist() == [3, 0, 3]
    assert batch["image"].dtype == torch.uint8
    assert batch["image"][:, 0, 1, 2].tolist() == [53, 50, 53]
    assert batch["label"].tolist() == [53 % 3, 50 % 3, 53 % 3]
    assert split[4]["image"].shape == (1, 1, 2, 3)
    assert len(split) == 9


def masked(count: int) -> LabelledImages:
    """Make numbered images, each with a mask that has its number in binary."""
    bits = torch.arange(count)[:, None] >> torch.arange(6) & 1
    return numbered(count)._replace(masks=bits.bool().view(count, 2, 3))


def test_masks_go_with_their_images() -> None:
    whole = masked(40)
    assert whole.masks is not None
    for part in divide(whole, (0.2, 0.3), seed=1):
        batch = Split(part).__getitems__([2, 0])
        numbers = batch["image"][:, 0, 0, 0].long()
        assert batch["mask"].dtype == torch.bool
        assert torch.equal(batch["mask"], whole.masks[numbers])


def test_masks_reach_the_samples_and_are_left_out_where_there_are_none() -> None:
    data = Numbered()
    assert "mask" not in data.samples([0])
    data.splits["val"] = Split(masked(8))
    assert torch.equal(data.samples([5, 1])["mask"].flatten(1).int()[:, :3], torch.tensor([[1, 0, 1], [1, 0, 0]]))


def described(count: int) -> LabelledImages:
    """Make numbered images, each with two attributes that give its number."""
    share = torch.arange(count) / count
    return numbered(count)._replace(attributes=torch.stack([share, 1 - share], 1))


def test_attributes_go_with_their_images() -> None:
    whole = described(40)
    assert whole.attributes is not None
    for part in divide(whole, (0.2, 0.3), seed=1):
        batch = Split(part).__getitems__([2, 0])
        assert batch["attributes"].dtype == torch.float32
        assert torch.equal(batch["attributes"], whole.attributes[batch["image"][:, 0, 0, 0].long()])


def test_attributes_reach_the_samples_and_are_left_out_where_there_are_none() -> None:
    data = Numbered()
    assert data.attribute_names == ()
    assert "attributes" not in data.samples([0])
    data.splits["val"] = Split(described(8))
    assert torch.equal(data.samples([4, 1])["attributes"], torch.tensor([[0.5, 0.5], [0.125, 0.875]]))


def test_a_square_that_is_planted_leaves_the_attributes() -> None:
    whole = described(6)
    planted = Square(1, marked_class=1).planted(whole, train=True)
    assert planted.attributes is whole.attributes
    assert planted.masks is not None


@pytest.mark.parametrize("ids", [[6, 0, 2], range(4), torch.tensor([1, 7]), []])
def test_samples(ids: list[int]) -> None:
    batch = Numbered().samples(ids)
    expected = torch.as_tensor(ids).long()
    assert torch.equal(batch["index"], expected)
    assert batch["image"].dtype == torch.float32
    assert batch["label"].dtype == batch["index"].dtype == torch.int64
    assert torch.equal(batch["image"][:, 0, 0, 0], 10 * expected.float() / 255)


@pytest.mark.parametrize("id_", [-1, 8])
def test_samples_out_of_range(id_: int) -> None:
    with pytest.raises(InputError, match=rf"sample id must be in \[0, 8\) for the val split, got {id_}"):
        Numbered().samples([0, id_])


def test_samples_leave_the_split_alone() -> None:
    data = Numbered()
    data.samples([1], "train")["image"].zero_()
    assert data.samples([1], "train")["image"].max() == 10 / torch.tensor(255.0)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_an_epoch_has_every_index_once(split: SplitName) -> None:
    data = Numbered()
    data.setup()
    batches = [data.on_after_batch_transfer(batch, 0) for batch in getattr(data, f"{split}_dataloader")()]
    assert [len(batch["label"]) for batch in batches] == [4] * (SIZES[split] // 4) + [SIZES[split] % 4 or 4][
        : SIZES[split] % 4
    ]
    index = torch.cat([batch["index"] for batch in batches])
    assert sorted(index.tolist()) == list(range(SIZES[split]))
    assert (index.tolist() == sorted(index.tolist())) == (split != "train")
    for batch in batches:
        assert batch["image"].dtype == torch.float32
        assert batch["label"].dtype == batch["index"].dtype == torch.int64
        assert torch.equal(batch["image"][:, 0, 0, 0], 10 * batch["index"].float() / 255)
        assert torch.equal(batch["label"], batch["index"] % 3)


def test_training_order_differs_between_epochs() -> None:
    data = Numbered(batch_size=23)
    data.setup()
    loader = data.train_dataloader()
    first, second = (next(iter(loader))["index"].tolist() for _ in range(2))
    assert first != second


def test_a_trainer_hands_over_float_images() -> None:
    seen: list[Batch] = []

    class Watching(BoringModel):
        def test_step(self, batch: Batch, batch_idx: int) -> None:
            seen.append(batch)

    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    trainer.test(Watching(), datamodule=Numbered(), verbose=False)
    assert torch.cat([batch["index"] for batch in seen]).tolist() == list(range(5))
    assert torch.equal(seen[0]["image"][:, 0, 0, 0], torch.arange(4) * 10 / 255)


def test_setup_reads_once() -> None:
    data = Numbered()
    for stage in ("fit", "test", None):
        data.setup(stage)
    assert data.loads == 1
    assert data.num_classes == 3


def test_batch_size_must_be_positive() -> None:
    with pytest.raises(InputError, match="batch_size must be at least 1, got 0"):
        Numbered(batch_size=0)


def test_data_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAICF_DATA", "there")
    assert str(data_root("here")) == "here"
    assert str(data_root(None)) == "there"
    monkeypatch.delenv("XAICF_DATA")
    assert str(data_root(None)) == "data"
