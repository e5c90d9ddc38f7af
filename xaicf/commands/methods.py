"""Which attribution method goes through which classifier: a table."""

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import torch
import torchvision
from captum.attr import DeepLift, DeepLiftShap
from torch import Tensor, nn

from xaicf.commands.parser import Parser
from xaicf.core import Batch, ClassifierError, Images, ImageShape, InputError, Status, Subject, load_frozen
from xaicf.explainers import Attribution
from xaicf.explainers.contrast import Contrast
from xaicf.explainers.methods import METHODS, Method
from xaicf.nn import CifarResNet, TwoConv, foreign_classifier

COLOURS = 3

CIFAR: ImageShape = (COLOURS, 32, 32)

FOILS = (0, 1, 2)
"""For the contrast subset."""


def main(arguments: Sequence[str]) -> None:
    """Run ``python -m xaicf methods``.

    Raises:
        UserError: a mistake in the arguments, or a classifier that no method can ask.
    """
    parser = Parser(
        "xaicf methods",
        "Ask a classifier by every method and contrast, and print which give a map, or why not. "
        "Without a classifier: some that are known, with random weights.",
        "--factory torchvision.models.resnet50 --image-shape 3 224 224",
    )
    which = parser.add_argument_group("the classifier: one of")
    which.add_argument("--checkpoint", metavar="FILE", help="of a classifier that was trained here")
    which.add_argument("--factory", metavar="PATH", help="import path of what makes a classifier")
    images = parser.add_argument_group("the images, which are random")
    images.add_argument(
        "--image-shape",
        type=int,
        nargs=3,
        default=(3, 64, 64),
        metavar=("C", "H", "W"),
        help="channels, height, width (default: 3 64 64)",
    )
    images.add_argument(
        "--side",
        type=int,
        default=32,
        metavar="N",
        help="height and width for the classifiers that are known (default: %(default)s)",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=list(METHODS),
        metavar="METHOD",
        help=f"some of {', '.join(METHODS)} (default: all)",
    )
    given = parser.parse_args(arguments)
    shape: ImageShape = tuple(given.image_shape)
    if given.checkpoint is not None and given.factory is not None:
        raise InputError("give one of --checkpoint and --factory, got both")
    if given.checkpoint is not None:
        networks = {"classifier": (load_frozen(given.checkpoint), shape)}
    elif given.factory is not None:
        networks = {given.factory.rpartition(".")[2]: (foreign_classifier(given.factory), shape)}
    else:
        torch.manual_seed(0)
        networks = {name: (make(given.side), (channels, *size)) for name, (make, channels, size) in _known(given.side)}
    if given.checkpoint is not None or given.factory is not None:
        for network, image_shape in networks.values():
            Attribution("gradient").explain(Subject(network), torch.rand(1, *image_shape))  # fails as all would
    cells = {
        (method, name): ask(network, image_shape, method)
        for method in given.methods
        for name, (network, image_shape) in networks.items()
    }
    print(_table(cells, given.methods, list(networks)))
    if given.checkpoint is None and given.factory is None:
        print(_beside_captum({name: networks[name] for name in ("MNIST TwoConv", "VGG16")}))


@dataclass(frozen=True)
class Cell:
    """What came of one method on one classifier.

    Attributes:
        maps: contrasts that gave a map, of how many.
        asked: how many contrasts there are.
        error: largest share by which a map misses the sum that the method promises; NaN where it promises none.
        flagged: whether the images beyond the tolerance were flagged, where there are any.
        reasons: why others gave none.
    """

    maps: int
    asked: int
    error: float
    flagged: int
    reasons: tuple[str, ...]


def ask(network: nn.Module, image_shape: ImageShape, method: Method) -> Cell:
    """Ask about two random images by every contrast, with four more to compare with.

    Raises:
        RuntimeError: a map is empty or not finite, which is a defect.
    """
    source = torch.Generator().manual_seed(1)  # 0 is that of the baseline noise
    images, seen = (torch.rand(count, *image_shape, generator=source) for count in (2, 4))
    reference: Batch = {"image": seen, "label": torch.arange(4), "index": torch.arange(4)}
    subject = Subject(network, reference=reference)
    maps, flagged, reasons, errors = 0, 0, [], [float("nan")]
    for contrast in get_args(Contrast):
        explainer = Attribution(method, contrast, foils=FOILS if contrast == "subset" else None)
        try:
            found = explainer.explain(subject, images)
        except ClassifierError as error:
            reasons.append(re.sub(rf"^{method} ", "the method ", str(error)))
            continue
        assert found.attribution is not None
        if not found.attribution.isfinite().all() or (found.attribution.abs().amax((1, 2, 3)) == 0).any():
            raise RuntimeError(f"{explainer.name} gives a map that is empty or not finite")
        maps += 1
        flagged += int((found.status == Status.UNSOLVED).sum())
        if "relative_completeness_error" in found.scalars and method != "gradient_shap":
            errors.append(float(found.scalars["relative_completeness_error"].max()))
    largest = max(errors[1:], default=errors[0])
    return Cell(maps, len(get_args(Contrast)), largest, flagged, tuple(dict.fromkeys(reasons)))


def _known(side: int) -> list[tuple[str, tuple[Callable[[int], nn.Module], int, tuple[int, int]]]]:
    colour = (COLOURS, (side, side))
    return [
        ("MNIST TwoConv", (lambda side: _ready(TwoConv((1, 28, 28), 10), (1, 28, 28)), 1, (28, 28))),
        ("CIFAR ResNet-20", (lambda side: _ready(CifarResNet(CIFAR, 10), CIFAR), COLOURS, (32, 32))),
        ("VGG16", (lambda side: _torchvision("vgg16", side), *colour)),
        ("ResNet-50", (lambda side: _torchvision("resnet50", side), *colour)),
        ("EfficientNet-B0", (lambda side: _torchvision("efficientnet_b0", side), *colour)),
        ("ViT-B/16", (lambda side: _torchvision("vit_b_16", side, image_size=side), *colour)),
    ]


def _torchvision(name: str, side: int, **options: object) -> nn.Module:
    network = torchvision.models.get_model(name, weights=None, num_classes=10, **options)
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    nn.init.normal_(last.weight, std=last.in_features**-0.5)  # a ViT begins with zeros there
    return _ready(network, (COLOURS, side, side))


def _ready(network: nn.Module, image_shape: ImageShape) -> nn.Module:
    """Give batch norm the statistics of random images, without which a deep network ends in nothing, and freeze."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches, here of the one
    with torch.no_grad():
        network.train()(torch.rand(64, *image_shape))
    return network.eval().requires_grad_(False)


def _table(cells: dict[tuple[Method, str], Cell], methods: Sequence[Method], names: Sequence[str]) -> str:
    """Lay cells out in Markdown, with what the reasons are below."""
    reasons: dict[str, int] = {}
    lines = [f"| method | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for method in methods:
        row = []
        for name in names:
            cell = cells[method, name]
            marks = " ".join(f"({reasons.setdefault(one, len(reasons) + 1)})" for one in cell.reasons)
            error = "" if cell.error != cell.error else f", {cell.error:.0e}"
            some = "–" if not cell.maps else f"{cell.maps}/{cell.asked}{error}"
            row.append(" ".join(part for part in (some, f"{cell.flagged} flagged" * bool(cell.flagged), marks) if part))
        lines.append(f"| `{method}` | {' | '.join(row)} |")
    lines += ["", "Contrasts that gave a map, of how many, and the largest share by which one misses its promised sum."]
    lines += ["", *(f"({number}) {reason}  " for reason, number in reasons.items())]
    return "\n".join(lines)


def _beside_captum(networks: dict[str, tuple[nn.Module, ImageShape]]) -> str:
    """Compare completeness errors with those of Captum's own calls, in double precision, from random baselines."""
    lines = ["", "| largest completeness error, relative | ours | Captum's own call |", "|---|---|---|"]
    for name, (network, image_shape) in networks.items():
        double = network.double()
        for module in double.modules():
            if getattr(module, "inplace", False):
                module.inplace = False  # type: ignore[assignment]  # Captum's hooks fail else
        source = torch.Generator().manual_seed(1)  # 0 is that of the baseline noise
        images, seen = (torch.rand(count, *image_shape, generator=source, dtype=torch.float64) for count in (4, 4))
        reference: Batch = {"image": seen, "label": torch.arange(4), "index": torch.arange(4)}
        for method in ("deeplift", "deep_shap"):
            baseline = "noise" if method == "deeplift" else None
            explainer = Attribution(method, "logit", baseline=baseline)  # type: ignore[arg-type]
            found = explainer.explain(Subject(double, reference=reference), images)
            ours = float(found.scalars["relative_completeness_error"].max())
            theirs = _captums(double, method, images, seen if found.baseline is None else found.baseline, found.fact)
            lines.append(f"| `{method}`, {name} | {ours:.0e} | {theirs:.0e} |")
    return "\n".join(lines)


def _captums(network: nn.Module, method: str, images: Images, baselines: Images, fact: Tensor) -> float:
    kind = DeepLift if method == "deeplift" else DeepLiftShap
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        maps = kind(network).attribute(images.clone().requires_grad_(), baselines, target=fact).detach()
    with torch.no_grad():
        before = network(baselines)
        begin = before[torch.arange(len(fact)), fact] if method == "deeplift" else before.mean(0)[fact]
        rise = network(images).gather(1, fact[:, None])[:, 0] - begin
    return float(((maps.flatten(1).sum(1) - rise).abs() / rise.abs()).max())
