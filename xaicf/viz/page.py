"""A self-contained page of pictures: no network, no script."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1rem 0; } img { max-width: 100%; border: 1px solid #ddd; }
"""


def page(
    title: str,
    introduction: str,
    table: Mapping[str, Mapping[str, float]],
    sections: Mapping[str, Sequence[tuple[str, Path]]],
) -> str:
    """Write a page of pictures.

    Args:
        title: of the page.
        introduction: how to read it.
        table: numbers by column, such as an explainer, and row.
        sections: for each heading, pictures (PNG) with their text alternatives.

    Returns:
        HTML with the pictures inside. Every name is escaped.
    """
    # A row for each number: there are more of them than fit beside each other.
    names = sorted({name for column in table.values() for name in column})
    head = "".join(f"<th>{escape(name)}</th>" for name in table)
    rows = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td>"
        + "".join(f"<td>{column[name]:.3g}</td>" if name in column else "<td></td>" for column in table.values())
        + "</tr>"
        for name in names
    )
    pictures = "".join(
        f"<h2>{escape(heading)}</h2>" + "".join(_figure(path, text) for text, path in figures)
        for heading, figures in sections.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1><p>{escape(introduction)}</p>"
        f"<table><tr><th></th>{head}</tr>{rows}</table>{pictures}</html>\n"
    )


def _figure(path: Path, text: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<figure><img loading="lazy" alt="{escape(text)}" src="data:image/png;base64,{data}"></figure>'
