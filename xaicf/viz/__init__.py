"""Tensors to pictures and pages. Nothing here logs."""

from xaicf.viz.grid import grid
from xaicf.viz.heatmap import heatmap, picture
from xaicf.viz.maps import draw_maps
from xaicf.viz.page import Page
from xaicf.viz.panel import panel

__all__ = ["Page", "draw_maps", "grid", "heatmap", "panel", "picture"]
