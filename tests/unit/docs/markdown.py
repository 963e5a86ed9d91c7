"""What the tests of the docs read from a page: its code blocks, its links, its anchors."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT

FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")
WEB = ("http://", "https://", "mailto:")


def pages() -> list[Path]:
    """README, the community files, the changelog and every page of the docs."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def prose(page: Path) -> str:
    """The text without code blocks and inline code."""
    return CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))


def code_blocks(page: Path, language: str | None = None) -> list[str]:
    """The code blocks of a page, or those of one language."""
    blocks = FENCE.findall(page.read_text(encoding="utf-8"))
    return [text for name, text in blocks if language is None or name == language]


def links(page: Path) -> Iterator[str]:
    """The targets of all links that stay in the repository."""
    return (target for target in LINK.findall(prose(page)) if not target.startswith(WEB))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of a page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found: dict[str, int] = {}
    result = set()
    for heading in HEADING.findall(text):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", heading).lower()).replace(" ", "-")
        number = found[slug] = found.get(slug, -1) + 1
        result.add(f"{slug}-{number}" if number else slug)
    return result


def commands(page: Path) -> Iterator[str]:
    """Every `grid-router ...` command in code blocks and inline code, comments and environment removed, one a line."""
    text = page.read_text(encoding="utf-8")
    blocks = [block.replace("\\\n", " ") for block in code_blocks(page)]
    inline = CODE.findall(FENCE.sub("", text))
    for line in [*"\n".join(blocks).splitlines(), *(one.strip("`") for one in inline)]:
        for part in re.split(r" && |\|\|?|;", line.partition(" #")[0].removeprefix("$ ")):
            words = part.strip().removeprefix("  ")
            command = re.match(r"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(grid-router [a-z-].*)", words)
            if command:
                yield command[1]
