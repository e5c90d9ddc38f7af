"""Generator and critic are mirror images at every size."""

from typing import Any

import pytest
import torch
from torch import nn

from xaicf.core import InputError
from xaicf.nn import DCGANCritic, DCGANGenerator

SHAPES = [(channels, side, side) for channels in (1, 3) for side in (28, 32, 64)] + [(1, 30, 37), (2, 16, 50)]


def sizes_through(network: nn.Module, inputs: torch.Tensor, kind: type[nn.Module]) -> list[torch.Size]:
    """Give the sizes of images before and after every layer of ``kind``."""
    sizes: list[torch.Size] = []
    for layer in network.modules():
        if isinstance(layer, kind):
            layer.register_forward_hook(lambda _, given, output: sizes.extend([given[0].shape[2:], output.shape[2:]]))
    network(inputs)
    return sizes


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("latent_dim", [10, 200])
def test_critic_passes_through_the_generator_s_sizes(shape: tuple[int, int, int], latent_dim: int) -> None:
    images = torch.rand(2, *shape)
    generator = DCGANGenerator(shape, latent_dim, (4, 6, 8, 10))
    critic = DCGANCritic(shape, 1, (4, 6, 8, 10))
    latents = torch.randn(2, latent_dim)
    assert generator(latents).shape == images.shape
    assert critic(images).shape == (2, 1)
    up = sizes_through(generator, latents, nn.ConvTranspose2d)
    assert sizes_through(critic, images, nn.Conv2d) == up[::-1]


def test_the_default_at_64_pixels_is_the_paper_s() -> None:
    """Radford et al. 2016, figure 1, at half its channels: 4×4 to 64×64 in five steps."""
    layers = [layer for layer in DCGANGenerator((3, 64, 64), 100) if isinstance(layer, nn.ConvTranspose2d)]
    assert [layer.in_channels for layer in layers] == [100, 512, 256, 128, 64]
    assert {layer.kernel_size for layer in layers} == {(4, 4)}
    assert [layer.stride for layer in layers] == [(1, 1), *[(2, 2)] * 4]
    kinds = [type(layer) for layer in DCGANGenerator((3, 64, 64), 100)]
    assert kinds.count(nn.BatchNorm2d) == kinds.count(nn.ReLU) == 4


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_without_batch_norm_every_image_is_scored_for_itself(norm: Any) -> None:
    critic = DCGANCritic((1, 16, 16), 1, (4, 6), norm).double()
    images = torch.rand(4, 1, 16, 16, dtype=torch.float64)
    alone = torch.cat([critic(image[None]) for image in images])
    torch.testing.assert_close(critic(images), alone)
    assert len(alone.unique()) == 4


@pytest.mark.parametrize("network", [DCGANGenerator, DCGANCritic])
@pytest.mark.parametrize("shape", [(1, 15, 28), (1, 28, 8)])
def test_small_images_are_refused(network: Any, shape: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match=rf"at least 16 x 16 pixels, got \({shape[1]}, {shape[2]}\)"):
        network(shape, 3)


@pytest.mark.parametrize("network", [DCGANGenerator, DCGANCritic])
def test_no_channels(network: Any) -> None:
    with pytest.raises(InputError, match="channels must name one convolution or more"):
        network((1, 28, 28), 3, ())


def test_unknown_norm() -> None:
    with pytest.raises(InputError, match="norm must be batch, layer or none, got group"):
        DCGANCritic((1, 28, 28), 1, norm="group")  # type: ignore[arg-type]
