"""What explainers are called where people read."""

import re
from html import escape

KNOWN = re.compile(r"(\w[\w.]*(?:-\w[\w.]*)*)( \(.*\))?", re.ASCII | re.DOTALL)
"""A name as explainers of the package have it, such as ``gradcam-pair``, with the folder that tells it apart."""

WORDS = {
    "cdeepex": "CDeepEx",
    "deeplift": "DeepLIFT",
    "ganmex": "GANMEX",
    "gradcam": "Grad-CAM",
    "lime": "LIME",
    "lrp": "LRP",
    "mdts": "MDTS",
    "shap": "SHAP",
    "x": "×",
    "xgem": "xGEM",
}
"""Words that are not spelt as names of explainers are."""

CONTRASTS = {"logit", "mean", "max", "weighted", "pair", "subset", "probability", "log_odds"}
BEFORE = {"attribute", "bent", "smoothed"}
"""Parts of a name that belong to the next one."""


def readable(name: str) -> str:
    """Write the name of an explainer in words; one that is not made as those of the package are is left as it is.

    >>> readable("linear_approximation-pair"), readable("bent-gradcam-logit (run-1)")
    ('linear approximation, pair contrast', 'bent Grad-CAM, logit contrast (run-1)')
    """
    found = KNOWN.fullmatch(name)
    if not found:
        return name
    told = ""
    for place, part in enumerate(found[1].split("-")):
        words = " ".join(WORDS.get(word, word) for word in part.split("_") if word)
        told += f"{words} contrast" if place and part in CONTRASTS else words
        told += " " if part in BEFORE else ", "
    return told.rstrip(", ") + (found[2] or "")


def heading(name: str) -> str:
    """Give an explainer's cell of a table's head as HTML, which tells the name itself where it is another."""
    words = readable(name)
    title = "" if words == name else f' title="{escape(name)}"'
    # A long name breaks where its words do.
    return f'<th scope="col"{title}>{escape(words).replace("_", "_<wbr>")}</th>'
