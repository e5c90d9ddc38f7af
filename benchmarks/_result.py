"""The line that a benchmark ends with."""

import json
import statistics
from collections.abc import Sequence

import torch


def show(name: str, ratios: Sequence[float], unit: str, better: str, goal: float, **more: object) -> None:
    """Print the median of ratios with their quartiles, and what else was measured, as one JSON object."""
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else [*ratios] * 3
    result = {
        "name": name,
        "value": round(median, 4),
        "unit": unit,
        "better": better,
        "goal": goal,
        "n": len(ratios),
        "spread": [round(low, 4), round(high, 4)],
        **more,
        "torch": torch.__version__,
    }
    print(json.dumps(result))
