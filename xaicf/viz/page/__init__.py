"""The page that shows explanations in a browser: its numbers here, what the browser runs beside them."""

from xaicf.viz.page.measures import REPORTED, MeasureRow, Value
from xaicf.viz.page.page import Page
from xaicf.viz.page.results import Finding, Study
from xaicf.viz.page.summary import Summary, summarise

__all__ = ["REPORTED", "Finding", "MeasureRow", "Page", "Study", "Summary", "Value", "summarise"]
