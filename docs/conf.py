"""The docs site: Sphinx with MyST reads the same Markdown as GitHub; docs/adr/0009-docs-site.md says why."""

import re
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer

project = "grid-router"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "grid-router"
exclude_patterns = ["style/*"]
myst_heading_anchors = 4
nitpicky = True
KINDS = {
    "Tutorial": "tutorial",
    "How-to": "how-to",
    "Reference": "reference",
    "Explanation": "explanation",
    "Decisions": "adr",
}
"""Caption in the side bar -> folder."""
OUTSIDE = re.compile(
    r"\[([^\]\n]+)\]\((?:\.\./)+(?!(?:adr|explanation|how-to|reference|tutorial)/|[a-z-]+\.md)[^)\n]*\)"
)
"""A link to a file of the repository that is no page: the site shows its text. `tests/unit/docs` checks the target."""


def setup(app: Any) -> None:
    """Register the two changes that the site makes to pages."""
    app.add_lexer("mermaid", TextLexer)  # GitHub draws the diagrams; the site shows their text
    app.connect("source-read", _read)


def _read(_app: Any, name: str, source: list[str]) -> None:
    source[0] = OUTSIDE.sub(r"\1", source[0])
    if name == "index":
        source[0] += _side_bar(Path(__file__).parent)


def _side_bar(folder: Path) -> str:
    """Every page by its kind, so that a page cannot be forgotten."""
    tops = sorted(page.stem for page in folder.glob("*.md") if page.stem != "index")
    groups = {"Start": tops} | {
        caption: sorted(f"{kind}/{page.stem}" for page in (folder / kind).glob("*.md"))
        for caption, kind in KINDS.items()
    }
    return "".join(
        "\n\n```{toctree}\n:hidden:\n:caption: " + caption + "\n\n" + "\n".join(pages) + "\n```\n"
        for caption, pages in groups.items()
        if pages
    )
