"""By how much a contrast falls when a square of the image goes black."""

import torch
from captum.attr import Occlusion

from xaicf.core import Images
from xaicf.explainers.methods.asked import Answer, Asked, squares

SQUARES = 7
"""That fill the shorter side of an image; half of one is the stride."""


def occlusion(asked: Asked) -> Answer:
    """S(x) - S(x with a square black), for each pixel the mean over the squares that hide it.

    Reference: Zeiler and Fergus 2014; Captum's.
    """
    inputs, black = asked.inputs, torch.zeros_like(asked.inputs)
    side = squares(inputs, SQUARES)
    score, told = asked.elsewhere()
    channels = inputs.shape[1]
    stride = max(side // 2, 1)
    with torch.no_grad():
        maps: Images = Occlusion(score).attribute(
            inputs, (channels, side, side), (channels, stride, stride), black, additional_forward_args=told
        )
    # Captum gives every channel the whole of the difference, in single precision.
    return Answer(maps[:, :1].to(inputs), black)
