"""Prediction difference analysis: how evidence for a class changes when a patch is not known."""

import torch
from torch import Tensor

from xaicf.core import Explanation, Images, InputError, Labels, PerImage, Status, Subject
from xaicf.explainers.base import Explainer

RIDGE = 1e-3
"""Added to the variance of every pixel value, which on a constant border is 0."""


class PredictionDifference(Explainer):
    r"""Why fact? Because without this patch the evidence would be less.

    A patch that is not known is drawn, ``samples`` times, from a Gaussian that is conditioned on the pixels around it;
    its mean and covariance are those of reference images at the same place. With p(c | x\\patch) the mean probability
    of the fact over the draws, the patch is worth

        WE = log2 odds(c | x) - log2 odds(c | x\\patch),    p ← (p N + 1) / (N + K)

    for N reference images and K classes, and a pixel the mean of the patches over it. The draws are the same for every
    image, whatever the batch. The foil is not heard.

    Reference: Zintgraf et al. 2017, "Visualizing deep neural network decisions: prediction difference analysis",
    equations 3 and 5 and algorithm 1; the authors condition on patches from anywhere in the image for photographs.

    Args:
        patch: side in pixels of what is not known.
        around: pixels on each side that it is conditioned on.
        stride: from patch to patch, in pixels.
        samples: drawn for each patch.

    Raises:
        InputError: an option is out of its range; the reference has other images, or no more than one.
    """

    needs = ("reference",)

    def __init__(self, patch: int = 6, around: int = 2, stride: int = 2, samples: int = 10) -> None:
        if min(patch, stride, samples) < 1 or around < 0 or stride > patch:
            raise InputError(
                f"patch, stride and samples must be at least 1, stride at most patch and around at least 0, "
                f"got {patch}, {stride}, {samples} and {around}"
            )
        self.patch = patch
        self.around = around
        self.stride = stride
        self.samples = samples

    @property
    def name(self) -> str:
        """Name the method."""
        return "prediction_difference"

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        assert subject.reference is not None
        reference = subject.reference["image"].to(inputs)
        if reference.shape[1:] != inputs.shape[1:] or len(reference) < 2:
            raise InputError(
                f"reference must hold two images or more of {tuple(inputs.shape[1:])}, got {tuple(reference.shape)}"
            )
        height, width = inputs.shape[2:]
        if self.patch > min(height, width):
            raise InputError(f"patch must be at most {min(height, width)} for such images, got {self.patch}")
        source = torch.Generator().manual_seed(0)
        total, cover = inputs.new_zeros(len(inputs), height, width), inputs.new_zeros(height, width)
        with torch.no_grad():
            whole = self._evidence(subject.classifier(inputs).softmax(1), fact, len(reference))
            for top in _places(height, self.patch, self.stride):
                for left in _places(width, self.patch, self.stride):
                    hidden = torch.zeros(height, width, dtype=torch.bool, device=inputs.device)
                    hidden[top : top + self.patch, left : left + self.patch] = True
                    probabilities = torch.zeros_like(subject.classifier(inputs[:1])).repeat(len(inputs), 1)
                    for drawn in self._draws(reference, inputs, (top, left), source):
                        images = inputs.clone()
                        images[:, :, hidden] = drawn
                        probabilities += subject.classifier(images).softmax(1) / self.samples
                    total[:, hidden] += (whole - self._evidence(probabilities, fact, len(reference)))[:, None]
                    cover[hidden] += 1
        status = torch.full_like(fact, Status.SOLVED)
        return Explanation(inputs, fact, foil, status, (total / cover)[:, None])

    def _draws(
        self, reference: Images, inputs: Images, corner: tuple[int, int], source: torch.Generator
    ) -> list[Tensor]:
        """Draw what a patch may hold, ``samples`` times (B, C, pixels of the patch), in [0, 1]."""
        (height, width), (top, left) = inputs.shape[2:], corner
        rows = slice(max(top - self.around, 0), min(top + self.patch + self.around, height))
        columns = slice(max(left - self.around, 0), min(left + self.patch + self.around, width))
        hidden = torch.zeros(inputs.shape[1:], dtype=torch.bool, device=inputs.device)
        hidden[:, top : top + self.patch, left : left + self.patch] = True
        hidden = hidden[:, rows, columns].flatten()
        seen, asked = (images[:, :, rows, columns].flatten(1).double() for images in (reference, inputs))
        mean = seen.mean(0)
        centred = seen - mean
        covariance = centred.T @ centred / (len(seen) - 1) + RIDGE * torch.eye(len(mean)).to(seen)
        inside, between = covariance[hidden][:, hidden], covariance[hidden][:, ~hidden]
        slope = torch.linalg.solve(covariance[~hidden][:, ~hidden], between.T).T
        spread = torch.linalg.cholesky(inside - slope @ between.T)
        expected = mean[hidden] + (asked - mean)[:, ~hidden] @ slope.T
        noise = torch.randn(self.samples, len(spread), generator=source, dtype=torch.float64).to(seen)
        channels = inputs.shape[1]
        return [(expected + spread @ one).clamp(0, 1).to(inputs).unflatten(1, (channels, -1)) for one in noise]

    def _evidence(self, probabilities: Tensor, fact: Labels, count: int) -> PerImage:
        """Give log2 odds of the fact (B,), after Laplace's correction."""
        corrected = (probabilities * count + 1) / (count + probabilities.shape[1])
        own = corrected.gather(1, fact[:, None]).squeeze(1)
        return (own / (1 - own)).log2()


def _places(size: int, patch: int, stride: int) -> list[int]:
    """Give where patches begin along a side, the last one at its end."""
    return sorted({*range(0, size - patch + 1, stride), size - patch})
