"""A linear generator and a linear classifier, in which searches have answers that are known by other means."""

import math

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import Encoder, Generator, Subject

SHAPE = (1, 5, 5)
CLASSES = 4


class LinearGenerator(nn.Module, Generator, Encoder):
    """G(z) = A z with the pseudo-inverse as encoder."""

    pseudo_inverse: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = 6
        self.matrix = nn.Parameter(0.2 * torch.randn(math.prod(SHAPE), self.latent_dim))
        self.register_buffer("pseudo_inverse", torch.linalg.pinv(self.matrix.detach()))

    def decode(self, latents: Tensor) -> Tensor:
        return (latents @ self.matrix.T).view(-1, *SHAPE)

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.pseudo_inverse.T


@pytest.fixture
def subject() -> Subject:
    torch.manual_seed(0)
    return Subject(nn.Sequential(nn.Flatten(), nn.Linear(math.prod(SHAPE), CLASSES)), LinearGenerator())


def inputs() -> Tensor:
    return torch.rand(16, *SHAPE, generator=torch.Generator().manual_seed(1))
