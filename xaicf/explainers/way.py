"""The way from an image to its counterfactual, as a search for points that are drawn has found it."""

from collections.abc import Callable

import torch
from torch import Tensor

from xaicf.core import Images, InputError, Labels, Latents, Logits


@torch.no_grad()
def way(
    start: Latents,
    end: Latents,
    frames: int,
    draw: Callable[[Latents, Labels], Images],
    classify: Callable[[Images], Logits],
) -> dict[str, Tensor] | None:
    """Draw and classify the straight way between points (B, d), a frame of all images at a time.

    A search itself wanders: it goes far beyond and comes back. The straight way shows what changes, and what the
    classifier says of it meanwhile.

    Args:
        start: the first point of each way.
        end: the last.
        frames: of a way, evenly; 0 for none.
        draw: points (B, d) of images ``rows`` (B,) to pictures (B, C, H, W).
        classify: pictures to logits (B, classes).

    Returns:
        ``points`` (B, frames, d), ``images`` (B, frames, C, H, W) and ``probabilities`` (B, frames, classes), or None
        for no frames.
    """
    if not frames:
        return None
    rows = torch.arange(len(start), device=start.device)
    points = [torch.lerp(start, end, share) for share in torch.linspace(0, 1, frames, dtype=torch.float64).tolist()]
    images = [draw(point, rows) for point in points]
    probabilities = [classify(image).softmax(1) for image in images]
    return {
        "points": torch.stack(points, 1),
        "images": torch.stack(images, 1),
        "probabilities": torch.stack(probabilities, 1),
    }


def check_frames(frames: int) -> None:
    """Raise :class:`InputError` for a way of one frame."""
    if frames < 0 or frames == 1:
        raise InputError(f"frames must be 0 or at least 2, got {frames}")
