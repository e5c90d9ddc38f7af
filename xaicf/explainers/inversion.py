"""Find the latent whose image is nearest to a given one, for generators without an encoder."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn import functional

from xaicf.core import Images, InputError, Labels, Latents, Logits, PerImage
from xaicf.explainers.descent import descend

Decode = Callable[[Latents], Images]

Classify = Callable[[Images], Logits]


class Inverted(NamedTuple):
    """Where an inversion has ended.

    Attributes:
        latents: (B, d).
        cost: what was lowered, there (B,).
        evaluations: gradients that were computed for each image.
    """

    latents: Latents
    cost: PerImage
    evaluations: int


class Inversion:
    """Lowers |G(z) - x|² + w · CE(D(G(z)), fact) from several starts, and keeps the best of them.

    The starts of an image are those of some latents from the prior whose images are nearest to it; all images choose
    among the same latents, so that what is found does not depend on the batch. Adam descends, with a step that falls
    along a cosine; the best point on the way counts.

    Reference: CDeepEx, section 3 for GANs, which gives neither the weight of the class nor the search.

    Args:
        steps: of Adam, from each start.
        starts: for each image.
        candidates: latents from the prior that the starts are chosen among.
        class_weight: w, in squared pixel values per nat.
        step_size: of Adam, at the beginning.

    Raises:
        InputError: a number is out of its range, or there are fewer candidates than starts.
    """

    def __init__(
        self,
        steps: int = 200,
        starts: int = 4,
        candidates: int = 512,
        class_weight: float = 0.1,
        step_size: float = 0.1,
    ) -> None:
        if min(steps, starts) < 1:
            raise InputError(f"steps and starts must be at least 1, got {steps} and {starts}")
        if candidates < starts:
            raise InputError(f"candidates must be at least starts, {starts}, got {candidates}")
        if not (0 <= class_weight < torch.inf and 0 < step_size < torch.inf):
            raise InputError(f"class_weight must be >= 0 and step_size > 0, got {class_weight} and {step_size}")
        self.steps = steps
        self.starts = starts
        self.candidates = candidates
        self.class_weight = class_weight
        self.step_size = step_size

    def __call__(
        self,
        decode: Decode,
        classify: Classify,
        candidates: Latents,
        images: Images,
        fact: Labels,
    ) -> Inverted:
        """Invert a batch.

        Args:
            decode: latents (n, d) to images, differentiable.
            classify: images to logits, differentiable.
            candidates: latents (:attr:`candidates`, d).
            images: what to come near to (B, C, H, W).
            fact: the class that G(z) should have (B,).
        """
        with torch.no_grad():
            shown = torch.cat([decode(some) for some in torch.split(candidates, 64)]).flatten(1)
            # Sums of squares one candidate at a time, not a matrix product, whose rounding depends on the batch.
            apart = torch.stack([(images.flatten(1) - one).square().sum(1) for one in shown], 1)
            chosen = apart.argsort(dim=1, stable=True)[:, : self.starts]
        rows = torch.arange(len(images), device=images.device).repeat_interleave(self.starts)
        wanted, classes = images[rows], fact[rows]

        def cost(latents: Latents) -> tuple[PerImage, PerImage]:
            made = decode(latents)
            unlike = functional.cross_entropy(classify(made), classes, reduction="none") if self.class_weight else 0
            value = (made - wanted).square().flatten(1).sum(1) + self.class_weight * unlike
            return value, value

        found = descend(cost, candidates[chosen.flatten()], self.steps, self.step_size)
        cheapest, place = found.rank.view(len(images), self.starts).min(1)
        row = torch.arange(len(images), device=images.device)
        latents = found.latents.view(len(images), self.starts, -1)[row, place]
        return Inverted(latents, cheapest, self.starts * found.evaluations)
