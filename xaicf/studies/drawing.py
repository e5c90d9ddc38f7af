"""Names of the pictures of studies."""

import re


def file_name(words: str) -> str:
    """Give words as the name of a picture, without its ending."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower())
