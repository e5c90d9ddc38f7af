"""Criticism by attributes: the smallest edit of an image's attributes that makes the classifier give the foil."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from xaicf.core import Attributes, Editor, Explanation, Images, InputError, Labels, PerImage, Status, Subject
from xaicf.explainers.base import Explainer
from xaicf.explainers.bisection import Norm, check_norm, check_search, length, smallest_change
from xaicf.explainers.latent import logits
from xaicf.explainers.precision import Precision, check_precision, widened
from xaicf.explainers.way import check_frames, way

Distance = Literal["attributes", "image"]

MOVED = 0.05
"""A change of an attribute above which it counts as moved."""


class AttributeCriticism(Explainer):
    """Why fact, and not foil? Because of these attributes.

    With A, the attributes that the editor reads in the image x, and its picture G(x; A') of x with attributes A', the
    search lowers

        λ · CE(D(G(x; A')), foil) + ‖A - A'‖₁

    over A' from A, for λ that are bisected image by image (:func:`smallest_change`). The counterfactual is the G(x; A')
    of the nearest A' that the classifier gives the foil; the attribution is x - G(x; A'). An image is unsolved where
    there is none, or where the classifier gives G(x; A) the foil already: the editor's own error has changed the class,
    and no attribute has. Held attributes stay, and no attribute leaves its bounds: one that is read outside of them,
    and is not held, begins at the nearer one. An attribute that names the class itself should be held, or the answer
    will be that the class should change.

    With ``distance="image"`` it is the paper's ‖x - G(x; A')‖₁ that is small, over pixels and channels. It blames
    attributes that have nothing to do with the class: a thinner, darker stroke has fewer pixels to recolour, and
    whatever brings the editor's picture nearer to x is rewarded.

    Scalars: ``change_NAME``, A' - A, of each attribute, from its bound where it is read outside;
    ``attributes_moved``, how many changes are above 0.05 either way; ``distance``, what was kept small;
    ``class_weight``, λ of the descent that met it; ``gradient_evaluations``; ``reconstruction_error``, the root
    mean square of x - G(x; A); and ``reconstruction_is_fact``, 1 where the classifier gives G(x; A) the class
    ``fact``, else 0. With ``frames`` the trace holds ``points``, the attributes (B, frames, A), ``images`` and
    ``probabilities`` (B, frames, classes) of the straight way from A to A'.

    Reference: Liu et al. 2019, "Generative counterfactual introspection for explainable deep learning", equation 2 and
    §IV.B, where the attribute *Young* is held and labels, not readings, are A, and the distance is the image's. Held
    attributes stay exactly; neither descent nor bounds are given there.

    Args:
        held: names of attributes that do not change.
        bounds: the lowest and the highest value of an attribute, in [0, 1].
        own_bounds: of attributes that have others, by name.
        distance: what is to be small, the change of the ``attributes`` or that of the ``image``.
        norm: of it, ``l1``, the paper's, or ``l2``, the Euclidean norm.
        weights: the smallest and the largest λ, in units of the distance per nat.
        bisections: of log λ, each a descent.
        steps: of Adam in a descent.
        step_size: of Adam, at the beginning; about what an attribute of the result may be too far off.
        frames: of the way that are kept; 0 for none.
        precision: of the networks in the search. ``double`` makes the result independent of how images are batched;
            ``single`` is faster.

    Raises:
        InputError: an option is out of its range.
    """

    needs = ("editor",)

    def __init__(
        self,
        held: Sequence[str] = (),
        bounds: tuple[float, float] = (0.0, 1.0),
        own_bounds: Mapping[str, tuple[float, float]] | None = None,
        distance: Distance = "attributes",
        norm: Norm = "l1",
        weights: tuple[float, float] = (1e-3, 1e4),
        bisections: int = 8,
        steps: int = 80,
        step_size: float = 0.03,
        frames: int = 0,
        precision: Precision = "double",
    ) -> None:
        self.own_bounds = dict(own_bounds or {})
        for name, (low, high) in (("", bounds), *self.own_bounds.items()):
            if not 0 <= low < high <= 1:
                of = f" of {name}" if name else ""
                raise InputError(f"bounds{of} must be in [0, 1], the lower first, got {low} and {high}")
        for name in self.own_bounds:
            if name in held:
                raise InputError(f"own_bounds must name attributes that may change, and {name} is held")
        if distance not in get_args(Distance):
            raise InputError(f"distance must be {' or '.join(get_args(Distance))}, got {distance}")
        check_norm(norm)
        check_precision(precision)
        check_search(*weights, bisections, steps, step_size)
        check_frames(frames)
        self.held = tuple(held)
        self.bounds = bounds
        self.distance: Distance = distance
        self.norm: Norm = norm
        self.weights = weights
        self.bisections = bisections
        self.steps = steps
        self.step_size = step_size
        self.frames = frames
        self.precision: Precision = precision

    @property
    def name(self) -> str:
        """Name the method in logs and file names."""
        return "attribute-criticism"

    def check(self, subject: Subject) -> None:
        """Raise :class:`InputError` where there is no editor, or one without a named attribute or any that may move."""
        super().check(subject)
        assert isinstance(subject.editor, Editor)
        names = subject.editor.attribute_names
        for name in (*self.held, *self.own_bounds):
            if name not in names:
                raise InputError(f"held and bounds must name attributes of the editor, {', '.join(names)}; got {name}")
        if set(self.held) >= set(names):
            raise InputError(f"held must leave an attribute that may change, got all of {', '.join(names)}")

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        editor = subject.editor
        assert isinstance(editor, Editor)
        if tuple(editor.image_shape) != tuple(inputs.shape[1:]):
            raise InputError(
                f"editor draws images of {tuple(editor.image_shape)}, the inputs are {tuple(inputs.shape[1:])}"
            )
        with widened(self.precision == "double", inputs, *subject.modules) as wide:
            with torch.no_grad():
                read = editor.read(inputs.to(wide)).to(inputs.dtype)
                features = tuple(part.detach() for part in editor.features(inputs.to(wide)))

            def draw(attributes: Attributes, rows: Labels) -> Images:
                return editor.draw(tuple(part[rows] for part in features), attributes.to(wide)).to(inputs.dtype)

            def classify(images: Images) -> Tensor:
                return logits(subject, images, wide)

            project = self._projection(editor.attribute_names, read)
            rows = torch.arange(len(inputs), device=inputs.device)
            start = project(read, rows)

            def apart(attributes: Attributes, images: Images, rows: Labels) -> PerImage:
                change = inputs[rows] - images if self.distance == "image" else start[rows] - attributes
                return length(change, self.norm)

            found = smallest_change(
                draw,
                classify,
                apart,
                start,
                foil,
                low=self.weights[0],
                high=self.weights[1],
                bisections=self.bisections,
                steps=self.steps,
                step_size=self.step_size,
                project=project,
            )
            with torch.no_grad():
                counterfactual, plain = draw(found.point, rows), draw(read, rows)
                named = classify(plain).argmax(1)
                trace = way(start, found.point, self.frames, draw, classify)
        with torch.no_grad():
            solved = (named != foil) & (subject.classifier(counterfactual).argmax(1) == foil)
        return Explanation(
            inputs,
            fact,
            foil,
            status=torch.where(solved, Status.SOLVED, Status.UNSOLVED),
            attribution=inputs - counterfactual,
            counterfactual=counterfactual,
            scalars={
                **_changes(editor.attribute_names, found.point - start),
                "distance": apart(found.point, counterfactual, rows),
                "class_weight": found.weight,
                "gradient_evaluations": found.evaluations,
                "reconstruction_error": (inputs - plain).flatten(1).square().mean(1).sqrt(),
                "reconstruction_is_fact": (named == fact).to(inputs.dtype),
            },
            trace=trace,
        )

    def _projection(self, names: Sequence[str], read: Attributes) -> Callable[[Tensor, Labels], Tensor]:
        """Make what clamps attributes to their bounds and puts the held ones back to what was read."""
        pairs = read.new_tensor([self.own_bounds.get(name, self.bounds) for name in names])
        held = torch.tensor([name in self.held for name in names], device=read.device)
        return lambda point, rows: torch.where(held, read[rows], point.clamp(pairs[:, 0], pairs[:, 1]))


def _changes(names: Sequence[str], changes: Attributes) -> dict[str, PerImage]:
    named = {f"change_{name}": changes[:, number] for number, name in enumerate(names)}
    return {**named, "attributes_moved": (changes.abs() > MOVED).sum(1).to(changes.dtype)}
