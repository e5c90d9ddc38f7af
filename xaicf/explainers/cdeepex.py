"""CDeepEx: the nearest point in a generator's latent space where two classes tie and no third one wins."""

import copy

import torch
from torch import Tensor, nn

from xaicf.core import Explanation, Images, InputError, Labels, Latents, Logits, PerImage, Subject
from xaicf.explainers.inversion import Inversion
from xaicf.explainers.latent import LatentExplainer, LatentImages, latent_images
from xaicf.explainers.precision import Precision
from xaicf.explainers.solvers import Problem, Solver, SolverName, solve, solver_of

APART = 0.3
"""Standard deviation, in each latent dimension, of the offset of a start but the first."""


class CDeepEx(LatentExplainer):
    """Why fact, and not foil? Because the image does not look like this nearest tie of the two.

    With z0 the encoder's mean, or for a generator without an encoder the latent that :class:`Inversion` finds,
    Δ = x - G(z0) and x(z) = G(z) + Δ, solve (equation 2)

        minimise |z - z0|²  subject to  llh_fact = llh_foil  and, for every other class j,
        llh_fact - llh_j >= ε,  llh_foil - llh_j >= ε    (all at x(z)).

    The attribution is x - x(z_e): positive is what the fact has and the tie lacks. The paper prints Δ with
    the opposite sign, with which G(z0) + Δ would not be x, and does not clamp x(z).

    The result is certified by a fresh pass of the classifier over the counterfactual itself. Scalars:
    ``latent_distance`` (squared), ``latent_l1``, ``boundary_residual`` |llh_fact - llh_foil|, ``third_class_margin``
    (the lower of the two less the best other class; infinite for two classes), ``clamped_residual`` (the boundary
    residual of the picture clamped to [0, 1]), ``gradient_evaluations``, those of an inversion among them,
    ``fallback`` (1 where the fast solver found no tie and left the image to the paper's, else 0),
    ``reconstruction_error`` (root mean square of Δ) and ``reconstruction_is_fact`` (1 where the classifier gives G(z0)
    the fact, else 0).

    Reference: Feghahati et al., "CDeepEx: Contrastive Deep Explanations"; without the constraints on other
    classes Joshi et al. 2018, "xGEMs".

    Args:
        epsilon: how far every other class stays below the two, in nats. The paper gives none. On digits and clothes 3
            costs no distance in the median image and leaves none unsolved; with less, a third class nearly ties
            too, and the evidence for the foil is fainter (study ``cdeepex_bias``).
        tolerance: largest violation of any constraint, in nats.
        solver: that begins, by name or with options of its own; see :func:`~xaicf.explainers.solvers.solve`.
            ``augmented_lagrangian`` is the paper's.
        constrain_others: False drops the constraints on other classes (xGEMs).
        clamp: solve and certify through clamp(x(z), 0, 1), which is what is seen; False is the paper's.
        start: where the search begins: 0 at z0, any other number near it, at z0 plus an offset that the number
            draws and all images share. The distance that is minimised stays that to z0.
        precision: of the networks in the search. ``double`` makes the result independent of how images are
            batched; ``single`` is faster and still certified.
        inversion: how z0 is found for a generator without an encoder.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        epsilon: float = 3.0,
        tolerance: float = 0.01,
        solver: SolverName | Solver = "sequential_quadratic",
        constrain_others: bool = True,
        clamp: bool = True,
        start: int = 0,
        precision: Precision = "double",
        inversion: Inversion | None = None,
    ) -> None:
        if not (0 <= epsilon < torch.inf and 0 < tolerance < torch.inf):
            raise InputError(f"epsilon must be >= 0 and tolerance > 0, got {epsilon} and {tolerance}")
        if start < 0:
            raise InputError(f"start must be at least 0, got {start}")
        super().__init__(precision, inversion)
        self.epsilon = epsilon
        self.tolerance = tolerance
        self.solver = solver_of(solver)
        self.constrain_others = constrain_others
        self.clamp = clamp
        self.start = start

    @property
    def name(self) -> str:
        """Name the problem that is solved."""
        return "cdeepex" if self.constrain_others else "xgem"

    def from_start(self, number: int) -> "CDeepEx":
        """Give the same problem with the search begun elsewhere."""
        found = copy.copy(self)
        found.start = number
        return found

    def problem(self, images: LatentImages, fact: Labels, foil: Labels) -> Problem:
        """Pose the search of a batch.

        Args:
            images: that the generator can make of the inputs.
            fact: (B,).
            foil: (B,).
        """

        def constraints(latents: Latents, rows: Labels) -> tuple[PerImage, Tensor]:
            h, g = tie_constraints(images.logits(latents, rows), fact[rows], foil[rows], self.epsilon)
            return h, g if self.constrain_others else g[:, :0]

        return Problem(images.start, constraints, self.tolerance)

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        with latent_images(subject, inputs, fact, self.clamp, self.precision, self.inversion) as images:
            first = images.start + _offset(self.start, images.start)
            solution = solve(self.problem(images, fact, foil), self.solver, first)
            with torch.no_grad():
                counterfactual = images.image(solution.point, torch.arange(len(inputs), device=inputs.device))
            searched = images.scalars(solution.point, solution.evaluations, fact)
        scalars = {
            **searched,
            "fallback": solution.fallback.to(inputs.dtype),
            **certificate(subject.classifier, counterfactual, fact, foil),
        }
        solved = scalars["boundary_residual"] <= self.tolerance
        if self.constrain_others:
            solved &= scalars["third_class_margin"] >= self.epsilon - self.tolerance
        return images.explanation(fact, foil, solved, counterfactual, scalars)


def _offset(number: int, latents: Latents) -> Tensor:
    """Draw the offset (d,) of a start; none for the first."""
    if number == 0:
        return torch.zeros_like(latents[0])
    drawn = torch.randn(latents.shape[1], generator=torch.Generator().manual_seed(number))
    return (APART * drawn).to(latents)


def tie_constraints(logits: Logits, fact: Labels, foil: Labels, epsilon: float) -> tuple[PerImage, Tensor]:
    """Say how far logits are from a tie of two classes with the others ε below (CDeepEx, equation 2).

    Args:
        logits: (B, classes); differences of log-likelihoods are differences of logits.
        fact: (B,).
        foil: (B,).
        epsilon: wanted distance of the others, in nats.

    Returns:
        h = llh_fact - llh_foil (B,), and g = ε - (llh_fact - llh_j), ε - (llh_foil - llh_j) for every other
        class j (B, 2 · (classes - 2)).
    """
    pair = torch.stack([fact, foil], 1)
    tied = logits.gather(1, pair)
    other = torch.ones_like(logits, dtype=torch.bool).scatter(1, pair, value=False)
    others = logits[other].view(len(logits), -1)
    return tied[:, 0] - tied[:, 1], (epsilon - (tied[:, :, None] - others[:, None])).flatten(1)


@torch.no_grad()
def certificate(classifier: nn.Module, images: Images, fact: Labels, foil: Labels) -> dict[str, PerImage]:
    """Measure a tie by a fresh pass over the very images.

    Args:
        classifier: images to logits.
        images: counterfactuals (B, C, H, W).
        fact: (B,).
        foil: (B,).

    Returns:
        ``boundary_residual``, ``third_class_margin`` and ``clamped_residual`` (B,), in nats.
    """
    logits = classifier(images)
    h, g = tie_constraints(logits, fact, foil, epsilon=0.0)
    margin = -g.amax(1) if g.shape[1] else torch.full_like(h, torch.inf)
    clamped, _ = tie_constraints(classifier(images.clamp(0, 1)), fact, foil, epsilon=0.0)
    return {"boundary_residual": h.abs(), "third_class_margin": margin, "clamped_residual": clamped.abs()}
