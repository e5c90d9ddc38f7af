"""CDeepEx's encoder of faces and its mirror image."""

import pytest
import torch
from torch import nn

from xaicf.core import InputError
from xaicf.nn import StridedDecoder, StridedEncoder


@pytest.mark.parametrize("shape", [(channels, side, side) for channels in (1, 3) for side in (28, 32, 64)])
def test_decoder_gives_the_encoder_s_input_shape(shape: tuple[int, int, int]) -> None:
    images = torch.rand(2, *shape)
    latents = StridedEncoder(shape, 7)(images)
    assert latents.shape == (2, 7)
    assert StridedDecoder(shape, 7)(latents).shape == images.shape


def test_filters_are_the_paper_s() -> None:
    layers = [layer for layer in StridedEncoder((1, 64, 64), 5) if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in layers] == [16, 64, 128, 256, 512, 1024]
    assert {(layer.kernel_size, layer.stride) for layer in layers} == {((3, 3), (2, 2))}
    mirrored = [layer for layer in StridedDecoder((1, 64, 64), 5) if isinstance(layer, nn.ConvTranspose2d)]
    assert [layer.in_channels for layer in mirrored] == [1024, 512, 256, 128, 64, 16]


@pytest.mark.parametrize("network", [StridedEncoder, StridedDecoder])
def test_no_channels(network: type[nn.Module]) -> None:
    with pytest.raises(InputError, match="channels must name one convolution or more"):
        network((1, 28, 28), 3, ())
