"""Links of README, community files and docs. The site's own check covers docs only; this one covers files outside, too."""

from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.unit.docs.markdown import anchors, links, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_anchor_exists(page: Path) -> None:
    broken = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_index_links_to_every_page() -> None:
    linked = {(ROOT / "docs" / target).resolve() for target in links(ROOT / "docs" / "index.md")}
    every = {page for page in (ROOT / "docs").rglob("*.md") if page.parent.name not in {"adr", "style"}}
    assert every - linked == {ROOT / "docs" / "index.md"}
