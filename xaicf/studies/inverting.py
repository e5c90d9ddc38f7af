"""Invert each image once, however many explainers ask."""

import torch

from xaicf.core import Images, Labels
from xaicf.explainers.inversion import Classify, Decode, Inversion, Inverted


class RememberedInversion(Inversion):
    """An inversion that remembers what it has found of an image and a fact, for one generator and one classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[tuple[bytes, int], Inverted] = {}

    def __call__(
        self, decode: Decode, classify: Classify, candidates: torch.Tensor, images: Images, fact: Labels
    ) -> Inverted:
        """Invert those of a batch that are new."""
        keys = [(image.cpu().numpy().tobytes(), one) for image, one in zip(images, fact.tolist(), strict=True)]
        new = [row for row, key in enumerate(keys) if key not in self.known]
        if new:
            rows = torch.tensor(new, device=images.device)
            latents, cost, evaluations = super().__call__(decode, classify, candidates, images[rows], fact[rows])
            for place, row in enumerate(new):
                self.known[keys[row]] = Inverted(latents[place], cost[place], evaluations)
        found = [self.known[key] for key in keys]
        return Inverted(
            torch.stack([one.latents for one in found]),
            torch.stack([one.cost for one in found]),
            found[0].evaluations,
        )
