"""AttGAN's generator keeps shape and range at all sizes, and is told its code."""

from typing import Any

import pytest
import torch

from xaicf.core import InputError
from xaicf.nn import AttGANGenerator


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 33, 47), (3, 64, 64), (3, 256, 256)])
@pytest.mark.parametrize(("shortcuts", "injections"), [(1, 1), (0, 0), (3, 2)])
def test_generators_of_all_sizes_keep_shape_and_range(shape: Any, shortcuts: int, injections: int) -> None:
    generator = AttGANGenerator(shape, 3, (2, 3, 4, 5), shortcuts, injections)
    images, codes = torch.rand(2, *shape), torch.rand(2, 3) - 0.5
    features = generator.encode(images)
    assert len(features) == 1 + shortcuts
    made = generator.decode(features, codes)
    assert made.shape == images.shape
    assert 0 <= made.min() <= made.max() <= 1
    assert generator(images, codes).shape == images.shape


@pytest.mark.parametrize("injections", [0, 1])
def test_every_attribute_reaches_the_picture(injections: int) -> None:
    torch.manual_seed(0)
    generator = AttGANGenerator((1, 28, 28), 3, (4, 8, 8), injections=injections).double().eval()
    codes = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    images = torch.rand(2, 1, 28, 28, dtype=torch.float64)
    made = generator(images, codes)
    (inner,) = torch.autograd.grad(made[..., 8:-8, 8:-8].square().sum(), codes)
    assert (inner.abs() > 1e-6).all()
    assert not torch.equal(made[0], made[1])


@pytest.mark.parametrize(
    ("shape", "changes", "words"),
    [
        ((1, 28, 28), {}, r"AttGAN of 5 halvings needs images of at least 32 x 32 pixels, got \(28, 28\)"),
        ((1, 28, 28), {"channels": ()}, "channels must be one or more"),
        ((1, 28, 28), {"channels": (4, 0)}, "channels must be one or more"),
        ((1, 28, 28), {"channels": (4, 8), "shortcuts": 2}, r"must be in \[0, 2\), got 2 and 1"),
        ((1, 28, 28), {"channels": (4, 8), "injections": -1}, r"must be in \[0, 2\), got 1 and -1"),
        ((1, 28, 28), {"channels": (4, 8), "num_attributes": 0}, "num_attributes at least 1"),
    ],
)
def test_numbers_out_of_range(shape: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        AttGANGenerator(shape, **{"num_attributes": 2, **changes})
