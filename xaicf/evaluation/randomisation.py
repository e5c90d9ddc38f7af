"""Sanity check: what is left of maps when the classifier's weights are replaced by random ones, from the top down."""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from skimage.feature import hog
from torch import Tensor, nn
from torchmetrics.functional.image import structural_similarity_index_measure

from xaicf.core import Images, InputError, PerImage, as_found
from xaicf.evaluation.robustness import rank_correlation

SIMILARITIES = ("spearman", "absolute_spearman", "ssim", "hog")
"""How maps are compared, see :func:`similarities`."""


SMALLEST = 8
"""Pixels: two cells of a histogram."""


def cascade(classifier: nn.Module, inputs: Images, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """Give copies of a classifier with ever more layers random: the one that runs last, the last two, down to all.

    A layer is a module with weights of its own, also a norm's. Each of its tensors is replaced by Gaussian numbers of
    the same Euclidean norm; running statistics stay.

    Reference: Adebayo et al. 2018, "Sanity checks for saliency maps": cascading randomisation; by Gaussians of the same
    norm as in GANMEX, §4.1.

    Args:
        classifier: any, left as it is.
        inputs: images (B, C, H, W), of which one is tried to see in what order layers run.
        seed: of the weights; the last layer's are the same in each copy.

    Yields:
        The name of the layer that came last, and the copy.
    """
    network = copy.deepcopy(classifier)
    random = torch.Generator().manual_seed(seed)
    for name in reversed(_running_order(network, inputs[:1])):
        for weight in network.get_submodule(name).parameters(recurse=False):
            drawn = torch.randn(weight.shape, generator=random).to(weight)
            weight.detach().copy_(drawn * weight.detach().norm() / drawn.norm().clamp(min=1e-12))
        yield name, copy.deepcopy(network)


def similarities(first: Tensor, second: Tensor) -> dict[str, PerImage]:
    """Compare maps (B, C, H, W), summed over channels and each divided by its largest absolute value.

    ``spearman`` is the rank correlation of signed values, ``absolute_spearman`` of absolute ones, ``ssim`` the
    structural similarity and ``hog`` the correlation of histograms of oriented gradients, both of absolute values. All
    are 1 for equal maps. Read them beside those of two unrelated random classifiers: maps that are products with x - b
    share its support whatever the classifier. NaN where a map is the same everywhere.

    Reference: Adebayo et al. 2018.

    Args:
        first: (B, C or 1, H, W), of 8 pixels at least on each side.
        second: (B, C or 1, H, W).

    Returns:
        Each (B,).

    Raises:
        InputError: maps are smaller.
    """
    if min(first.shape[2:]) < SMALLEST:
        raise InputError(f"maps must have {SMALLEST} pixels at least on each side, got {tuple(first.shape[2:])}")
    pair = [maps.double().sum(1, keepdim=True) for maps in (first, second)]
    pair = [maps / maps.flatten(1).abs().amax(1).clamp(min=1e-30).view(-1, 1, 1, 1) for maps in pair]
    plain = [maps.abs() for maps in pair]
    ssim = structural_similarity_index_measure(plain[0], plain[1], data_range=1.0, reduction="none")
    assert isinstance(ssim, Tensor)
    flat = torch.stack([maps.flatten(1).std(1) == 0 for maps in pair]).any(0)
    found = {
        "spearman": rank_correlation(*(maps.flatten(1) for maps in pair)),
        "absolute_spearman": rank_correlation(*(maps.flatten(1) for maps in plain)),
        "ssim": ssim.reshape(-1),
        "hog": _hog_correlation(*(maps[:, 0].cpu().numpy() for maps in plain)).to(ssim),
    }
    return {name: values.masked_fill(flat, torch.nan) for name, values in found.items()}


def _hog_correlation(first: np.ndarray, second: np.ndarray) -> Tensor:
    found = []
    for maps in zip(first, second, strict=True):
        left, right = (hog(one, pixels_per_cell=(4, 4), cells_per_block=(2, 2)) for one in maps)
        constant = left.std() == 0 or right.std() == 0
        found.append(np.nan if constant else np.corrcoef(left, right)[0, 1])
    return torch.tensor(np.array(found))


def _running_order(network: nn.Module, image: Images) -> list[str]:
    """Name the modules with weights of their own in the order of their last use.

    One whose weights are used without its being called, such as the last layer of an attention, comes where the module
    that holds it does.
    """
    used: dict[str, None] = {}
    handles = []
    for name, module in network.named_modules():

        def note(_: nn.Module, __: object, name: str = name) -> None:
            used.pop(name, None)
            used[name] = None

        handles.append(module.register_forward_pre_hook(note))
    try:
        with as_found(network), torch.no_grad():
            network(image)
    finally:
        for handle in handles:
            handle.remove()
    place = {name: number for number, name in enumerate(used)}
    own = [name for name, module in network.named_modules() if any(True for _ in module.parameters(recurse=False))]

    def placed(name: str) -> int:
        while name not in place:
            name = name.rpartition(".")[0]
        return place[name]

    return sorted(own, key=placed)
