"""What the command line does beside training: explain."""

from xaicf.commands.explain import Explain
from xaicf.commands.trainer import Trainer

__all__ = ["Explain", "Trainer"]
