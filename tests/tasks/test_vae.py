"""The evidence lower bound term by term, and what a VAE can do for a search."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from xaicf.core import Batch, CheckpointError, InputError
from xaicf.tasks import VAE

SHAPE = (1, 8, 8)


def batch(count: int = 5) -> Batch:
    image = torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(0))
    return {"image": image, "label": torch.zeros(count, dtype=torch.int64), "index": torch.arange(count)}


def naive_reconstruction(likelihood: str, probability: Tensor, image: Tensor) -> float:
    total = 0.0
    for p, x in zip(probability.double().flatten().tolist(), image.double().flatten().tolist(), strict=True):
        if likelihood == "bernoulli":
            total -= x * math.log(p) + (1 - x) * math.log(1 - p)
        else:
            total += (p - x) ** 2 / (2 * 0.1**2)
    return total / len(image)


@torch.no_grad()
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("beta", [1.0, 0.25])
def test_loss_is_the_negative_evidence_lower_bound(likelihood: Any, beta: float) -> None:
    torch.manual_seed(0)
    task = VAE(SHAPE, latent_dim=3, beta=beta, likelihood=likelihood)
    image = batch()["image"]
    torch.manual_seed(1)
    values = task.step(batch())
    torch.manual_seed(1)
    outputs = task.encoder(image)
    mean, deviation = outputs[:, :3], (outputs[:, 3:] / 2).exp()
    decoded = task.decode(mean + torch.randn_like(mean) * deviation)
    reconstruction = naive_reconstruction(likelihood, decoded, image)
    kl = float(kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).sum(1).mean())
    assert {name: float(value) for name, value in values.items()} == {
        "reconstruction": pytest.approx(reconstruction, rel=1e-4),
        "kl": pytest.approx(kl, rel=1e-4),
        "loss": pytest.approx(reconstruction + beta * kl, rel=1e-4),
    }


def test_every_weight_is_trained() -> None:
    task = VAE(SHAPE, latent_dim=3)
    task.step(batch())["loss"].backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in task.parameters())


def test_encode_gives_the_mean_and_decode_gives_images() -> None:
    task = VAE(SHAPE, latent_dim=3).eval()
    image = batch()["image"]
    assert torch.equal(task.encode(image), task.encoder(image)[:, :3])
    assert torch.equal(task.encode(image), task.encode(image))
    decoded = task.decode(100 * torch.randn(4, 3))
    assert decoded.shape == (4, *SHAPE)
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    assert torch.equal(task(image), torch.sigmoid(task.decoder(task.encoder(image)[:, :3])))


def test_loss_falls_below_that_of_the_best_constant_picture() -> None:
    """Two pictures, each one of the latent's two halves: a mean picture costs 64 ln 2 nats."""
    torch.manual_seed(0)
    image = torch.zeros(8, *SHAPE)
    image[::2, :, :4] = 1
    image[1::2, :, 4:] = 1
    given: Batch = {"image": image, "label": torch.zeros(8, dtype=torch.int64), "index": torch.arange(8)}
    task = VAE(SHAPE, latent_dim=2)
    optimizer = torch.optim.Adam(task.parameters(), lr=0.003)
    for _ in range(200):
        optimizer.zero_grad()
        task.step(given)["loss"].backward()
        optimizer.step()
    assert task.step(given)["loss"].item() < 64 * math.log(2) / 4


@pytest.mark.parametrize(("latent_dim", "beta"), [(0, 1.0), (-1, 1.0), (2, 0.0), (2, -1.0)])
def test_bad_numbers(latent_dim: int, beta: float) -> None:
    with pytest.raises(InputError, match=f"must be positive, got {latent_dim} and {beta}"):
        VAE(SHAPE, latent_dim=latent_dim, beta=beta)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": 4}, "latent_dim 4, expected 3"),
        ({"beta": 2.0}, r"beta 2\.0, expected 1\.0"),
        ({"likelihood": "gaussian"}, "likelihood gaussian, expected bernoulli"),
        ({"image_shape": (3, 8, 8)}, r"image_shape \[3, 8, 8\], expected \[1, 8, 8\]"),
    ],
)
def test_checkpoint_of_another_recipe_is_refused(changes: Any, message: str) -> None:
    checkpoint: dict[str, Any] = {}
    VAE(**{"image_shape": SHAPE, "latent_dim": 3, **changes}).on_save_checkpoint(checkpoint)
    with pytest.raises(CheckpointError, match=message):
        VAE(SHAPE, latent_dim=3).on_load_checkpoint(checkpoint)
