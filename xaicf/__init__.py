"""Why this class, and not that one?"""

from importlib.metadata import version

from xaicf.core import load_frozen

__version__ = version("xaicf")

__all__ = ["__version__", "load_frozen"]
