"""What the package's page shows: the README, its links leading to this version's files in the repository."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)(\[[^\]]*\])\((?!https?://|#)([^)\s]+)\)")
"""A link or picture by a path of the repository."""


class Readme(MetadataHookInterface):
    """Gives the README, whose relative links lead nowhere outside of the repository, with absolute ones."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the field ``readme``."""
        at = f"v{metadata['version']}"

        def absolute(link: re.Match[str]) -> str:
            kind = "raw" if link[1] else "blob"
            return f"{link[1]}{link[2]}({metadata['urls']['Repository']}/{kind}/{at}/{link[3]})"

        text = LINK.sub(absolute, Path(self.root, "README.md").read_text(encoding="utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
