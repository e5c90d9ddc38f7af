"""Many images in one picture."""

from torch import Tensor
from torchvision.utils import make_grid

from xaicf.core import Images
from xaicf.viz.heatmap import Pixels, picture


def grid(images: Images, columns: int = 8) -> Pixels:
    """Lay images (B, C, H, W) out in rows; gives pixels (H', W', 3)."""
    whole: Tensor = make_grid(images.detach().cpu().float().clamp(0, 1), nrow=columns, pad_value=1.0)
    return picture(whole)
