"""The glossary has a Chinese term, a meaning and an origin for each entry, and says how many there are."""

import re

from tests.support.repository import ROOT

TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)


def test_every_entry_has_chinese_meaning_and_standard() -> None:
    assert [row[0] for row in ROWS if not re.search(r"[\u4e00-\u9fff]", row[1]) or not row[2].endswith(".")] == []


def test_no_term_has_two_entries() -> None:
    terms = [term for row in ROWS for term in row[0].split(", ")]
    assert len(terms) == len(set(terms))


def test_the_number_of_terms_is_right() -> None:
    assert int(re.findall(r"^(\d+) terms", TEXT, re.MULTILINE)[0]) == len(ROWS)
