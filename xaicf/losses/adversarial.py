"""What a critic and a generator lower, by the game they play."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

from xaicf.core.types import PerImage
from xaicf.losses.wasserstein import critic_distance

Game = Literal["wasserstein", "log"]
"""``wasserstein``: scores whose slope is to be bounded. ``log``: scores that are the log-odds of a real image."""


def critic_loss(game: Game, real_scores: PerImage, made_scores: PerImage) -> Tensor:
    """Give what the critic lowers: how little it tells images from made ones.

    For ``log`` -E log D(x) - E log(1 - D(made)), the negative of GANMEX's equation 3.

    Reference: Goodfellow et al. 2014; Arjovsky et al. 2017, equation 2.

    Args:
        game: which.
        real_scores: of a critic, (B,).
        made_scores: of a critic, (N,).

    Returns:
        One number.
    """
    if game == "wasserstein":
        return -critic_distance(real_scores, made_scores)
    return functional.softplus(-real_scores).mean() + functional.softplus(made_scores).mean()


def generator_loss(game: Game, made_scores: PerImage) -> Tensor:
    """Give what the generator lowers: how well the critic tells made images, E log(1 - D(made)) for ``log``.

    Reference: GANMEX, equation 9, first term; Arjovsky et al. 2017.

    Args:
        game: which.
        made_scores: of a critic, (N,).

    Returns:
        One number.
    """
    if game == "wasserstein":
        return -made_scores.mean()
    return -functional.softplus(made_scores).mean()
