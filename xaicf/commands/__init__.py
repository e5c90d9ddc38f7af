"""What the command line does beside training: explain."""

from xaicf.commands.explain import Explain, Trainer

__all__ = ["Explain", "Trainer"]
