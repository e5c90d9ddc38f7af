"""Tensors to pictures and pages. Nothing here logs."""

from xaicf.viz.gallery import Gallery
from xaicf.viz.grid import grid
from xaicf.viz.heatmap import heatmap, picture
from xaicf.viz.maps import draw_maps
from xaicf.viz.page import page
from xaicf.viz.panel import panel

__all__ = ["Gallery", "draw_maps", "grid", "heatmap", "page", "panel", "picture"]
