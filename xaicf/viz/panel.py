"""One explanation as a picture: input, counterfactual, signed map, probabilities, status."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from xaicf.core import Explanation, Status
from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR, heatmap, picture, scale_of

_SIGNED = LinearSegmentedColormap.from_list("signed", [FOIL_COLOUR, (0.86, 0.86, 0.86), FACT_COLOUR])


def panel(explanation: Explanation, class_names: Sequence[str], heading: str) -> Figure:
    """Draw one explanation.

    Args:
        explanation: of one image.
        class_names: one for each class.
        heading: which explainer and sample, for the second line of the title.

    Returns:
        A figure to be saved.

    Raises:
        ValueError: there is not exactly one image.
    """
    if len(explanation) != 1:
        raise ValueError(f"a panel shows one image, got {len(explanation)}")
    fact, foil = (class_names[int(classes[0])] for classes in (explanation.fact, explanation.foil))
    status = Status(int(explanation.status[0]))
    figure = Figure(figsize=(10.4, 3.1), layout="constrained")
    figure.suptitle(
        f"Why {_short(fact, 48)}, and not {_short(foil, 48)}?\n"
        f"{_short(heading, 110)} · {status.name.lower().replace('_', ' ')}",
        fontsize=10,
    )
    axes = figure.subplots(1, 4, width_ratios=(1, 1, 1.25, 1.1))
    _show(axes[0], picture(explanation.inputs[0]), f"input: {_short(fact)}")
    if status is Status.NOT_APPLICABLE:
        for axis in axes[1:]:
            axis.axis("off")
        axes[1].text(0, 0.5, "not applicable:\nfact and foil are the same class")
        return figure
    if explanation.counterfactual is not None:
        _show(axes[1], picture(explanation.counterfactual[0]), _counterfactual_title(explanation, foil))
    else:
        axes[1].axis("off")
        axes[1].text(0.5, 0.5, "no counterfactual:\nthis method attributes", ha="center", va="center", fontsize=8)
    if explanation.attribution is not None:
        _signed_map(figure, axes[2], explanation, fact, foil)
    else:
        axes[2].axis("off")
    _probabilities(axes[3], explanation, fact, foil)
    return figure


def _signed_map(figure: Figure, axis: Axes, explanation: Explanation, fact: str, foil: str) -> None:
    assert explanation.attribution is not None
    scale = scale_of(explanation.attribution[0])
    _show(axis, heatmap(explanation.attribution[0], explanation.inputs[0], scale), "what speaks for which")
    bar = figure.colorbar(ScalarMappable(Normalize(-scale, scale), _SIGNED), ax=axis, fraction=0.05, pad=0.03)
    bar.set_ticks([-scale, 0, scale])
    bar.set_ticklabels([f"{-scale:.2g}\nfor {_short(foil)}", "0", f"for {_short(fact)}\n{scale:.2g}"], fontsize=7)


def _probabilities(axis: Axes, explanation: Explanation, fact: str, foil: str) -> None:
    labels = [_short(fact), _short(foil), "others"]
    before = _three(explanation, "")
    places = np.arange(3)
    after = _three(explanation, "_after") if explanation.counterfactual is not None else None
    height = 0.7 if after is None else 0.35
    axis.barh(places - (0 if after is None else height / 2), before, height, color="0.55", label="input")
    if after is not None:
        axis.barh(places + height / 2, after, height, color="0.15", label="counterfactual")
    axis.set_yticks(places, labels, fontsize=8)
    axis.invert_yaxis()
    axis.set_xlim(0, 1)
    axis.set_xlabel("probability", fontsize=8)
    axis.tick_params(axis="x", labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=7, frameon=False, loc="lower right")


def _three(explanation: Explanation, suffix: str) -> list[float]:
    fact, foil = (float(explanation.scalars[f"{role}_probability{suffix}"][0]) for role in ("fact", "foil"))
    return [fact, foil, max(0.0, 1 - fact - foil)]


def _counterfactual_title(explanation: Explanation, foil: str) -> str:
    residual = explanation.scalars.get("boundary_residual")
    if residual is None:
        return f"counterfactual: {_short(foil)}"
    solved = int(explanation.status[0]) == Status.SOLVED
    return f"{'nearest tie found' if solved else 'best try, unsolved'}\n|Δ llh| = {float(residual[0]):.3f}"


def _show(axis: Axes, pixels: np.ndarray, title: str) -> None:
    axis.imshow(pixels, vmin=0, vmax=1, interpolation="nearest")
    axis.set_title(title, fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])


def _short(name: str, length: int = 16) -> str:
    short = name if len(name) <= length else f"{name[: length - 1]}…"
    return short.replace("$", r"\$")  # a pair of them would be read as a formula
