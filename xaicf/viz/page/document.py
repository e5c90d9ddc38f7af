"""The document around what a page shows: style and scripts from this folder, and a policy that lets it load nothing."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR

SCRIPTS = ("data", "pictures", "words", "atlas", "cell", "list", "viewer", "page")
"""In their order: each uses those before it."""


def document(title: str, parts: Mapping[str, str], data: Mapping[str, object], beside: bool) -> str:
    """Put a page together.

    Args:
        title: of the page.
        parts: HTML for each place that the template marks, by its name in capitals.
        data: what the scripts read; no number in it may be infinite or NaN.
        beside: whether the page may load pictures from files.

    Returns:
        HTML. Nothing is loaded but, where they lie ``beside``, pictures.
    """
    here = Path(__file__).parent
    style, body = ((here / name).read_text(encoding="utf-8") for name in ("page.css", "page.html"))
    script = "\n".join((here / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    for name, colour in (("FACT_COLOUR", FACT_COLOUR), ("FOIL_COLOUR", FOIL_COLOUR)):
        style = style.replace(name, f"rgb({', '.join(str(round(255 * part)) for part in colour)})")
    # JSON without < can hold no tag, so no name can end the element that it lies in.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    own = {
        "TITLE": escape(title),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": text,
        "POLICY": _policy(style, script, beside),
    }
    filled = {**parts, **own}
    # All at once, so that nothing is looked for in what was filled in.
    return re.sub("|".join(rf"\b{name}\b" for name in filled), lambda found: filled[found[0]], body)


def _policy(style: str, script: str, beside: bool) -> str:
    images = "'self' file: data:" if beside else "data:"  # what a page on disk is to itself, browsers do not agree on
    return (
        f"default-src 'none'; img-src {images}; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
