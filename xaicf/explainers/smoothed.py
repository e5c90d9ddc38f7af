"""Maps averaged over noisy copies of the image."""

import torch

from xaicf.core import Explanation, Images, InputError, Labels, Status, Subject
from xaicf.explainers.base import Explainer


class Smoothed(Explainer):
    """The mean of another explainer's maps over copies of the image with normal noise, clamped to [0, 1].

    Fact and foil are those of the clean image. Every image gets the same noise, whatever the batch. An image is solved
    where all of its copies are.

    Reference: Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise", equation 1.

    Args:
        explainer: that gives maps, such as ``Attribution("gradient", "weighted")``.
        samples: copies.
        noise: standard deviation of the noise, of images in [0, 1]; the paper finds 0.1 to 0.2 of their range good.
        seed: of the noise.

    Raises:
        InputError: ``samples`` or ``noise`` is not positive.
    """

    def __init__(self, explainer: Explainer, samples: int = 16, noise: float = 0.1, seed: int = 0) -> None:
        if samples < 1 or not noise > 0:
            raise InputError(f"samples and noise must be positive, got {samples} and {noise}")
        self.needs = explainer.needs
        self.takes_softmax_off = explainer.takes_softmax_off
        self.explainer = explainer
        self.samples = samples
        self.noise = noise
        self.seed = seed

    @property
    def name(self) -> str:
        """Name the explainer that is smoothed, the number of copies, the noise, and a seed other than 0."""
        seed = f"-seed{self.seed}" if self.seed else ""
        return f"smoothed-{self.explainer.name}-{self.samples}x{self.noise:g}{seed}"

    def preflight(self, subject: Subject, inputs: Images) -> None:
        """Raise :class:`ClassifierError` where the explainer cannot go through the classifier."""
        self.explainer.preflight(subject, inputs)

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        source = torch.Generator().manual_seed(self.seed)
        total, solved = torch.zeros(()), torch.ones_like(fact, dtype=torch.bool)
        for _ in range(self.samples):
            drawn = torch.randn(inputs.shape[1:], generator=source, dtype=torch.float64).to(inputs)
            found = self.explainer.explain(subject, (inputs + self.noise * drawn).clamp(0, 1), fact, foil)
            if found.attribution is None:
                raise InputError(f"explainer must give an attribution, {self.explainer.name} gives none")
            total = total.to(inputs) + found.attribution
            solved &= found.status == Status.SOLVED
        status = torch.where(solved, Status.SOLVED, Status.UNSOLVED)
        return Explanation(inputs, fact, foil, status, total / self.samples)
