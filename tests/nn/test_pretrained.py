"""Weights that training starts from: those of torchvision, here random ones in torch's own folder, and of a file."""

from functools import partial
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from xaicf import load_frozen
from xaicf.core import CheckpointError, InputError, recipe
from xaicf.nn import TorchvisionNet
from xaicf.tasks import Classifier

ARCHITECTURE = "shufflenet_v2_x0_5"
SHAPE = (3, 32, 32)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """Write random weights where torch keeps those that it has downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    network: nn.Module = torchvision.models.get_model(ARCHITECTURE)
    url = torchvision.models.get_model_weights(ARCHITECTURE)["IMAGENET1K_V1"].url
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    torch.save(network.state_dict(), tmp_path / "hub/checkpoints" / url.rpartition("/")[2])
    return network


@pytest.mark.parametrize("num_classes", [3, 1000])
@pytest.mark.parametrize("weights", ["IMAGENET1K_V1", "DEFAULT"])
def test_all_but_another_head_is_torchvision_s(published: nn.Module, num_classes: int, weights: str) -> None:
    network = TorchvisionNet(SHAPE, num_classes, ARCHITECTURE, weights=weights)
    theirs, ours = published.state_dict(), network.network.state_dict()
    same = {name for name in theirs if theirs[name].shape == ours[name].shape and torch.equal(theirs[name], ours[name])}
    assert theirs.keys() - same == (set() if num_classes == 1000 else {"fc.weight", "fc.bias"})
    images = torch.rand(2, *SHAPE)
    assert network.eval()(images).shape == (2, num_classes)
    if num_classes == 1000:
        mean, std = ((torch.tensor(one).view(3, 1, 1)) for one in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        torch.testing.assert_close(network(images), published.eval()((images - mean) / std))


def test_a_checkpoint_is_read_without_them(published: nn.Module, tmp_path: Path) -> None:
    task = Classifier(partial(TorchvisionNet, architecture=ARCHITECTURE, weights="DEFAULT"), SHAPE, 3)
    assert task.network_recipe["init_args"]["weights"] is None
    assert task.network_recipe == recipe(partial(TorchvisionNet, architecture=ARCHITECTURE, state_dict="any"))
    torch.save({"xaicf": task.recipe(), "state_dict": task.state_dict()}, tmp_path / "some.ckpt")
    for path in (tmp_path / "hub/checkpoints").iterdir():
        path.unlink()
    images = torch.rand(2, *SHAPE)
    assert torch.equal(load_frozen(tmp_path / "some.ckpt")(images), task.eval()(images))


def test_a_file_of_weights(tmp_path: Path) -> None:
    network = torchvision.models.get_model(ARCHITECTURE, num_classes=3)
    path = tmp_path / "weights.pt"
    torch.save({"state_dict": {f"module.{name}": value for name, value in network.state_dict().items()}}, path)
    make = partial(TorchvisionNet, SHAPE, architecture=ARCHITECTURE, state_dict=str(path))
    found = make(3).network.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in network.state_dict().items())
    assert make(5).eval()(torch.rand(1, *SHAPE)).shape == (1, 5)

    def with_weights(**changed: torch.Tensor) -> None:
        torch.save({**network.state_dict(), **{name.replace("__", "."): one for name, one in changed.items()}}, path)

    with_weights(other__weight=torch.zeros(1))
    with pytest.raises(CheckpointError, match=r"weights\.pt has an unknown other\.weight, and does so 1 times of \d+$"):
        make(3)
    with_weights(conv1__0__weight=torch.zeros(24, 1, 3, 3))
    shapes = r"conv1\.0\.weight must be of shape \(24, 3, 3, 3\), got \(24, 1, 3, 3\)$"
    with pytest.raises(CheckpointError, match=rf"weights\.pt does not fit: {shapes}"):
        make(3)
    torch.save({name: value for name, value in network.state_dict().items() if name != "fc.bias"}, path)
    with pytest.raises(CheckpointError, match=r"weights\.pt lacks fc\.bias, and does so 1 times of"):
        make(3)
    torch.save([torch.zeros(2)], path)
    with pytest.raises(CheckpointError, match=r"weights\.pt does not hold the weights of a network$"):
        make(3)
    path.write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match=r"weights\.pt is damaged or no checkpoint$"):
        make(3)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"checkpoint not found: .*weights\.pt$"):
        make(3)


def test_auxiliary_heads_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "googlenet.pt"
    theirs = torchvision.models.get_model("googlenet", num_classes=4, init_weights=False).state_dict()
    torch.save(theirs, path)
    ours = TorchvisionNet((3, 32, 32), 4, "googlenet", state_dict=str(path)).network.state_dict()
    assert theirs.keys() - ours.keys() == {name for name in theirs if name.startswith("aux")}
    assert all(torch.equal(theirs[name], value) for name, value in ours.items())


def test_wrong_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="weights of alexnet must be one of IMAGENET1K_V1, DEFAULT, got V7"):
        TorchvisionNet((3, 64, 64), 3, "alexnet", weights="V7")
    with pytest.raises(InputError, match="weights and state_dict must not both be given, got DEFAULT and some"):
        TorchvisionNet(SHAPE, 3, ARCHITECTURE, weights="DEFAULT", state_dict="some.pt")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def fails(*arguments: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.urlopen", fails)
    with pytest.raises(CheckpointError, match=rf"weights DEFAULT of {ARCHITECTURE} are not in .* no network"):
        TorchvisionNet(SHAPE, 3, ARCHITECTURE, weights="DEFAULT")
