"""Prototypes: an edit of an image, among those that a generator can draw, that makes its class surer."""

from dataclasses import replace

import torch
from torch import Tensor

from xaicf.core import Explanation, Images, InputError, Labels, Latents, Logits, PerImage, Subject
from xaicf.explainers.bisection import Norm, check_norm, length
from xaicf.explainers.inversion import Inversion
from xaicf.explainers.latent import LatentExplainer, LatentImages, latent_images
from xaicf.explainers.precision import Precision
from xaicf.explainers.way import check_frames, way

PATIENCE = 5
"""Rounds without a rise after which an image is done."""


class Prototype(LatentExplainer):
    """Why fact? Because more of this would make it surer.

    The change that keeps the class and costs least is none at all. So two steps alternate from z0, each by an Adam of
    its own: one up the log-odds of the fact, llh_fact - log Σ_others, which do not level off as its
    probability nears 1, and one, ``pull`` times as long, down ‖x - G(z)‖. An image is done when five rounds have not
    raised its best log-odds by ``rise``; the counterfactual, here the prototype, is the G(z) of the best. It is solved
    where the classifier gives it the fact with higher log-odds than x. The foil, the second class, takes no part.

    The attribution is G(z) - x: more of what is positive, and less of what is negative, would make the class surer.

    Scalars: ``distance``, in the norm; ``log_odds`` of x and ``log_odds_after`` in nats; ``latent_distance``
    (squared), ``latent_l1``, ``gradient_evaluations``, ``reconstruction_error`` and ``reconstruction_is_fact`` as
    those of :class:`~xaicf.explainers.CDeepEx`. With ``frames`` the trace holds ``images`` (B, frames, C, H, W)
    and ``probabilities`` (B, frames, classes) of the straight way from z0 to the prototype, beside ``points``.

    Reference: Liu et al. 2019, "Generative counterfactual introspection for explainable deep learning", section III,
    which says that an "alternating loss" is used, and no more.

    Args:
        norm: of the change, over all pixels: ``l1`` its sum, ``l2`` its Euclidean length.
        pull: length of a step back, of that of a step towards the class; in [0, 1).
        rise: of the log-odds that is worth going on for, in nats.
        rounds: at most.
        step_size: of both Adams.
        frames: of the way that are kept; 0 for none.
        precision: of the networks, see :class:`~xaicf.explainers.CDeepEx`.
        inversion: how z0 is found for a generator without an encoder.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        norm: Norm = "l1",
        pull: float = 0.5,
        rise: float = 0.1,
        rounds: int = 100,
        step_size: float = 0.05,
        frames: int = 0,
        precision: Precision = "double",
        inversion: Inversion | None = None,
    ) -> None:
        super().__init__(precision, inversion)
        check_norm(norm)
        check_frames(frames)
        if not 0 <= pull < 1:
            raise InputError(f"pull must be in [0, 1), got {pull}")
        if not (0 < rise < torch.inf and rounds >= 1 and 0 < step_size < torch.inf):
            raise InputError(
                f"rise and step_size must be > 0 and rounds at least 1, got {rise}, {step_size} and {rounds}"
            )
        self.norm: Norm = norm
        self.pull = pull
        self.rise = rise
        self.rounds = rounds
        self.step_size = step_size
        self.frames = frames

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        with latent_images(subject, inputs, fact, False, self.precision, self.inversion) as images:
            found, evaluations = self._climb(images, fact)
            rows = torch.arange(len(inputs), device=inputs.device)
            with torch.no_grad():
                counterfactual = images.drawn(found, rows)
                before, after = (log_odds(images.classified(one), fact) for one in (inputs, counterfactual))
            trace = way(images.start, found, self.frames, images.drawn, images.classified)
            searched = images.scalars(found, evaluations, fact)
        with torch.no_grad():
            solved = (subject.classifier(counterfactual).argmax(1) == fact) & (after > before)
        scalars = {"distance": length(inputs - counterfactual, self.norm), "log_odds": before, "log_odds_after": after}
        explained = images.explanation(fact, foil, solved, counterfactual, scalars | searched, trace)
        return replace(explained, attribution=counterfactual - inputs)

    def _climb(self, images: LatentImages, fact: Labels) -> tuple[Latents, PerImage]:
        """Give the best points (B, d), and gradients taken (B,)."""
        start = images.start
        point = start.clone().requires_grad_()
        up, back = (
            torch.optim.Adam([point], step, betas=(0.9, 0.99)) for step in (self.step_size, self.pull * self.step_size)
        )
        rows = torch.arange(len(start), device=start.device)
        best, highest = start.clone(), torch.full_like(start[:, 0], -torch.inf)
        since, evaluations = torch.zeros_like(fact), torch.zeros_like(start[:, 0])
        for turn in range(self.rounds + 1):
            # Images that are done leave the batch; Adam may still move their points, which nobody looks at.
            odds = log_odds(images.classified(images.drawn(point[rows], rows)), fact[rows])
            with torch.no_grad():
                higher = odds > highest[rows] + self.rise
                best[rows[higher]], highest[rows[higher]] = point[rows[higher]], odds[higher]
                since[rows] = torch.where(higher, 0, since[rows] + 1)
                going = since[rows] < PATIENCE
            if turn == self.rounds or not going.any():
                break
            evaluations[rows[going]] += 2 if self.pull else 1
            (point.grad,) = torch.autograd.grad(-odds[going].sum(), point)
            up.step()
            rows = rows[going]
            if self.pull:
                apart = images.inputs[rows] - images.drawn(point[rows], rows)
                (point.grad,) = torch.autograd.grad(length(apart, self.norm).sum(), point)
                back.step()
        return best, evaluations


def log_odds(logits: Logits, classes: Labels) -> Tensor:
    """Give how far classes (B,) are above all others together, log p - log(1 - p), in nats (B,)."""
    own = logits.gather(1, classes[:, None])
    others = logits.scatter(1, classes[:, None], -torch.inf)
    return own.squeeze(1) - others.logsumexp(1)
