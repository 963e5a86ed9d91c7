"""README is short, and its figures are those of the benchmarks page."""

import re

from tests.support.repository import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BENCHMARKS = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_readme_has_about_a_hundred_lines() -> None:
    assert len(README.splitlines()) <= 110


def test_every_figure_is_on_the_benchmarks_page() -> None:
    table = README.partition("| figure |")[2].partition("\n\n")[0]
    cells = [line.split("|")[2] for line in table.splitlines() if line.count("|") >= 4 and "---" not in line]
    figures = [figure for cell in cells for figure in re.findall(r"\d[\d,]*\.?\d*", cell)]
    assert len(figures) >= 6
    assert [figure for figure in figures if figure not in BENCHMARKS] == []
