"""What the studies of contrasts compute, on maps and classifiers whose answers are known."""

from pathlib import Path

import pytest
import torch
from real_data import real_data
from small_data import write_photos
from torch import Tensor, nn

from xaicf.core import CheckpointError, Subject
from xaicf.nn import CifarResNet
from xaicf.studies.case import CASES, Case, Foreign
from xaicf.studies.masking import CONTRASTS, Cell, by_sign, equally, maps_of, masked
from xaicf.studies.study import Place
from xaicf.studies.wc_recourse import step
from xaicf.studies.wc_schemes import beyond, correlation, size, with_common_weights

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    write_photos(tmp_path / "data")
    monkeypatch.chdir(ROOT)
    return Place(tmp_path, tmp_path / "networks", str(tmp_path / "data"))


def test_a_case_reads_all_images_of_its_splits_in_order(place: Place) -> None:
    case = Case("all", CASES[0].config, CASES[0].foreign, splits=("test", "train"))
    examined = case.examined(place)
    count = len(examined.labels)
    assert count == 20 + 30  # of four of a class for training, one is for validation
    images = examined.images(torch.arange(count))
    # The grey of an image tells its class: see the helper that writes them.
    assert ((255 * images.mean((1, 2, 3))).round().long() // 20 == examined.labels).all()
    assert examined.labels[:20].tolist() == [label for label in range(10) for _ in range(2)]
    picked = torch.tensor([25, 3, 11])
    assert torch.equal(examined.images(picked), images[picked])
    with torch.no_grad():
        torch.testing.assert_close(examined.logits, examined.network(images))
    few = Case("few", case.config, case.foreign, splits=case.splits, images=10).examined(place)
    assert torch.equal(few.labels, examined.labels[::5])


def test_a_foreign_classifier_has_the_weights_of_the_file(place: Place) -> None:
    foreign = CASES[1].foreign
    assert foreign is not None
    network = foreign.make(place.root)
    assert isinstance(network[1], CifarResNet)
    assert place.root is not None
    assert foreign.state_dict is not None
    kept = torch.load(Path(place.root, foreign.state_dict), weights_only=True)["state_dict"]
    assert torch.equal(network[1].linear.weight, kept["module.linear.weight"])


def test_published_weights_are_asked_as_they_were_trained() -> None:
    """Normalisation, class order and splits are right if the accuracy is that of the weights' authors."""
    root = real_data("weights", "cifar10_lossless")
    case = Case("a part", str(ROOT / CASES[0].config), CASES[0].foreign, images=300)
    examined = case.examined(Place(Path(), Path(), root))
    assert float((examined.logits.argmax(1) == examined.labels).double().mean()) > 0.87


def test_what_is_kept() -> None:
    maps = {
        "logit": torch.tensor([[[[1.0, 2.0, 3.0, -1.0]]]]),
        "weighted": torch.tensor([[[[1.0, -2.0, -3.0, -1.0]]]]),
    }
    positive, negative = by_sign(maps, "positive"), by_sign(maps, "negative")  # type: ignore[arg-type]
    assert positive["logit"].flatten().tolist() == [True, True, True, False]
    assert negative["weighted"].flatten().tolist() == [False, True, True, True]
    positive, negative = equally(maps, "positive"), equally(maps, "negative")  # type: ignore[arg-type]
    assert positive["logit"].flatten().tolist() == [False, False, True, False]
    assert positive["weighted"].flatten().tolist() == [True, False, False, False]
    assert negative["logit"].flatten().tolist() == [False, False, False, True]
    assert negative["weighted"].flatten().tolist() == [False, False, True, False]


def test_masking_is_as_by_hand(place: Place) -> None:
    examined = CASES[0].examined(place)
    which = torch.tensor([4, 0, 13])
    found = masked(examined, which, ["gradcam"], ["zero"])
    images, top = examined.images(which), 1
    tops = examined.logits[which].topk(2).indices
    keep = maps_of(examined, images, "gradcam", tops[:, top])["weighted"] > 0
    with torch.no_grad():
        scores = examined.network(images * keep).double().exp().gather(1, tops)
    wanted = scores[:, top] / scores.sum(1)
    cell = Cell("gradcam", "weighted", "zero", "by sign", top, "positive")
    torch.testing.assert_close(found.preferences[cell], wanted)
    torch.testing.assert_close(found.areas["gradcam", "weighted", top], keep.double().mean((1, 2, 3)))
    assert len(found.preferences) == 2 * 2 * 2 * len(CONTRASTS)
    assert torch.allclose(found.plain[0] + found.plain[1], torch.ones(3, dtype=torch.float64))


def test_steps_stay_within_epsilon_and_the_range() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()
    images, labels = torch.rand(4, 3, 2, 2).round(), torch.tensor([0, 1, 2, 0])
    for steps in (1, 10):
        moved = step(Subject(network), images, labels, "weighted", 0.01, steps)
        assert float((moved - images).abs().max()) <= 0.01 + 1e-6
        assert 0 <= float(moved.min()) <= float(moved.max()) <= 1
    # With a linear classifier the sign of y_t's gradient is that of the weights, at every step.
    moved = step(Subject(network), images.fill_(0.5), labels, "logit", 0.01, 10)
    wanted = 0.5 + 0.01 * network[1].weight[labels].sign().view_as(images)
    torch.testing.assert_close(moved, wanted)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape) + sum(shape)), dtype=torch.float64)


def test_comparisons_of_maps() -> None:
    first, second, third = noise(2, 1, 5, 5), noise(2, 1, 5, 6)[..., :5], noise(2, 1, 6, 6)[..., :5, :5]
    assert correlation(first, 2 * first + 3).tolist() == pytest.approx([1, 1])
    assert correlation(first, -first).tolist() == pytest.approx([-1, -1])
    assert size(3 * first, first).tolist() == pytest.approx([3, 3])
    rest = beyond(2 * first - second + third, (first, second))
    assert torch.allclose(rest, beyond(third, (first, second)))
    assert float(size(beyond(first + second, (first, second)), first).max()) < 1e-12
    assert abs(float((rest * first).sum((1, 2, 3))[0])) < 1e-9


def test_weights_that_all_classes_have_change_no_probability() -> None:
    network = CifarResNet((3, 16, 16), 4, 8, 4).eval()
    moved = with_common_weights(network)
    images = torch.rand(3, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(network(images).softmax(1), moved(images).softmax(1))
        assert (network(images) - moved(images)).abs().min() > 1e-3


def test_a_foreign_classifier_needs_its_weights(place: Place) -> None:
    foreign = Foreign("xaicf.nn.CifarResNet", {"image_shape": [3, 32, 32], "num_classes": 10}, "weights/none.th")
    with pytest.raises(CheckpointError, match=r"none\.th"):
        foreign.make(place.root)
