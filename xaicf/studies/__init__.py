"""Figures and tables of the papers, each one file."""

from xaicf.studies.cdeepex_bias import CDeepExBias
from xaicf.studies.study import Place, Row, Study, markdown, write

STUDIES: dict[str, type[Study]] = {"cdeepex_bias": CDeepExBias}
"""The studies by name."""

__all__ = ["STUDIES", "Place", "Row", "Study", "markdown", "write"]
