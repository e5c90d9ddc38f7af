"""Encoder and decoder are mirror images at every size."""

import pytest
import torch
from torch import nn

from xaicf.nn import ConvDecoder, ConvEncoder

SHAPES = [(1, 27, 30), (1, 28, 28), (3, 32, 32), (3, 64, 48), (2, 17, 9), (1, 1, 5)]


def sizes_through(network: nn.Module, inputs: torch.Tensor, kind: type[nn.Module]) -> list[torch.Size]:
    """Give the shapes of images before and after every layer of ``kind``."""
    sizes: list[torch.Size] = []
    for layer in network.modules():
        if isinstance(layer, kind):
            layer.register_forward_hook(lambda layer, given, output: sizes.extend([given[0].shape, output.shape]))
    network(inputs)
    return sizes


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels", [(4,), (4, 6, 8)])
def test_decoder_gives_the_encoder_s_input_shape(shape: tuple[int, int, int], channels: tuple[int, ...]) -> None:
    images = torch.rand(2, *shape)
    encoder = ConvEncoder(shape, 7, channels, hidden=11)
    decoder = ConvDecoder(shape, 7, channels, hidden=11)
    latents = encoder(images)
    assert latents.shape == (2, 7)
    assert decoder(latents).shape == images.shape
    down = sizes_through(encoder, images, nn.Conv2d)
    assert down[0] == images.shape
    assert sizes_through(decoder, latents, nn.ConvTranspose2d) == down[::-1]


def test_decoder_gives_logits_not_images() -> None:
    """A network that ends in a sigmoid or ReLU would give no negative numbers."""
    decoder = ConvDecoder((1, 8, 8), 3)
    with torch.no_grad():
        decoder[-1].bias.fill_(-5.0)
        assert decoder(torch.zeros(1, 3)).max() < 0


def test_every_image_is_encoded_for_itself() -> None:
    encoder = ConvEncoder((1, 9, 8), 3).double()
    images = torch.rand(4, 1, 9, 8, dtype=torch.float64)
    alone = torch.cat([encoder(image[None]) for image in images])
    torch.testing.assert_close(encoder(images), alone)
