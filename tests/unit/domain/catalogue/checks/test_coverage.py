"""Coverage: the share of matters, cells and periods with exactly one lead, and the gaps."""

from datetime import datetime
from itertools import product
from pathlib import Path
from shutil import copytree

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from router.cities.folder import cities_folder
from router.cli.main import app
from router.domain.catalogue.checks.coverage import Gap, measure
from router.domain.catalogue.regions import Extent, kinds, prefixes
from router.domain.catalogue.resolve import Catalogue
from tests.support.catalogue_lists import CELLS, DUTIES, ZONE, catalogue

SHIPPED = cities_folder()


def numbers(found: Catalogue) -> tuple[int, int, int, int]:
    covered = measure(found, CELLS)
    return covered.total, covered.by_duty, covered.by_fallback, covered.uncovered


def test_complete_coverage_has_no_gaps() -> None:
    # 3 matters x 4 cells x 1 period
    covered = measure(catalogue(), CELLS)
    assert (covered.matters, covered.cells, covered.periods) == (3, 4, 1)
    assert numbers(catalogue()) == (12, 12, 0, 0)
    assert (covered.share, covered.gaps) == (1, ())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("matters: [hole]\n    area: '410902'", (12, 11, 1, 0)),  # hole in the one cell of 410903
        ("matters: [hole]\n    area: '410902001001001'", (12, 9, 3, 0)),  # and in two more of 410902
        ("matters: [hole]\n    from: 2026-01-01", (24, 20, 4, 0)),  # in all four cells, before 2026
        ("matters: [hole]\n    area: '410902'\n    from: 2026-01-01\n    until: 2026-01-31", (36, 27, 9, 0)),
    ],
)
def test_matters_of_the_fallback_are_counted_separately(change: str, expected: tuple[int, int, int, int]) -> None:
    duties = DUTIES.replace("matters: [hole]", change)
    assert numbers(catalogue(duties=duties)) == expected
    assert measure(catalogue(duties=duties), CELLS).share == 1
    bare = catalogue(duties=duties.split("\n", 1)[1])
    total, by_duty, fallen, _ = expected
    assert numbers(bare) == (total, by_duty, 0, fallen)
    assert measure(bare, CELLS).share == pytest.approx(by_duty / total)


def test_a_gap_has_matter_area_and_period() -> None:
    duties = DUTIES.replace("matters: [hole]", "matters: [hole]\n    area: '410902'\n    from: 2026-01-01")
    first_day = datetime(2026, 1, 1, tzinfo=ZONE)

    def gap(area: str, until: datetime | None, cells: int) -> Gap:
        extent = Extent(areas=(area,), since=None, until=until)
        return Gap(matter="hole", why="fallback", duties=(), extent=extent, cells=cells)

    gaps = measure(catalogue(duties=duties), CELLS).gaps
    assert len(gaps) == 2
    assert gap("410902", first_day, 3) in gaps  # where the duty begins
    assert gap("410903", None, 1) in gaps  # where it never does, as one period


def test_a_conflict_is_not_covered() -> None:
    again = "  again: {matters: [hole], area: '410902', lead: parks}\n  more: {matters: [hole], area: '410902', lead: parks}\n"
    found = catalogue(duties=DUTIES + again)
    assert numbers(found) == (12, 9, 0, 3)  # hole in the three cells of 410902
    (gap,) = measure(found, CELLS).gaps
    assert (gap.why, gap.duties, gap.extent.areas, gap.cells) == ("conflict", ("again", "more"), ("410902",), 3)


def test_a_longer_area_resolves_a_conflict() -> None:
    again = "".join(f"  {name}: {{matters: [hole], area: '410902', lead: parks}}\n" for name in ("again", "more"))
    finer = "  finer: {matters: [hole], area: '410902001', lead: parks}\n"
    assert numbers(catalogue(duties=DUTIES + again + finer)) == (12, 11, 0, 1)  # only in 410902002


def test_a_conflict_counts_only_while_both_are_in_effect() -> None:
    again = (
        "  again: {matters: [hole], from: 2026-01-01, until: 2026-03-31, lead: parks}\n"
        "  more: {matters: [hole], from: 2026-03-01, until: 2026-05-31, lead: parks}\n"
    )
    found = catalogue(duties=DUTIES + again)
    # before, January, March, April, June: five periods, of which March is claimed twice
    assert numbers(found) == (60, 56, 0, 4)
    (gap,) = measure(found, CELLS).gaps
    assert gap.extent == Extent(
        areas=("",), since=datetime(2026, 3, 1, tzinfo=ZONE), until=datetime(2026, 4, 1, tzinfo=ZONE)
    )


AREAS = st.sampled_from(["", "41", "410902", "410903", "410902001", "410902001001", "410902001001002"])
MONTHS = st.sampled_from([None, "2026-01-01", "2026-02-01"])


def claim(rule: tuple[str, str, str | None]) -> tuple[str, str, bool]:
    """Rules with an equal key conflict while both are in effect."""
    matter, area, since = rule
    return matter, area, since is None


@settings(max_examples=40)
@given(
    rules=st.lists(
        st.tuples(st.sampled_from(["hole", "green", "'*'"]), AREAS, MONTHS),
        max_size=5,
        unique_by=claim,
    )
)
def test_counting_by_kinds_equals_counting_every_cell(rules: list[tuple[str, str, str | None]]) -> None:
    lines = [
        f"  d{n}: {{matters: [{matter}], area: '{area}'{f', from: {since}' if since else ''}, lead: parks}}\n"
        for n, (matter, area, since) in enumerate(rules)
    ]
    found = catalogue(duties="duties:\n" + ("".join(lines) or "  none: {matters: [hole], area: '99', lead: parks}\n"))
    months = [datetime(2025, 6, 1, tzinfo=ZONE), datetime(2026, 1, 15, tzinfo=ZONE), datetime(2026, 6, 1, tzinfo=ZONE)]
    covered = measure(found, CELLS)
    led = {(m, c, at): found.winner(m, c, at) is not None for m, c, at in product(found.matters, CELLS, months)}
    # no two rules have an equal claim, so none conflict; a month without a boundary is the one before it
    edges = {since for _, _, since in rules if since}
    kept = [
        months[0],
        *(month for month, edge in zip(months[1:], ("2026-01-01", "2026-02-01"), strict=True) if edge in edges),
    ]
    assert covered.periods == len(kept)
    assert covered.by_duty == sum(lead for (_, _, at), lead in led.items() if at in kept)
    assert covered.uncovered == covered.total - covered.by_duty


def test_every_cell_belongs_to_one_kind() -> None:
    grouped = kinds({"410902", "410902001001001"}, CELLS)
    assert sorted(map(sorted, grouped.values())) == [
        ["410902001001001"],
        ["410902001001002", "410902002001001"],
        ["410903001001001"],
    ]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (CELLS, ("",)),
        (CELLS[:3], ("410902",)),
        (CELLS[:2], ("410902001",)),
        (CELLS[:1], ("410902001001001",)),
        (CELLS[1:], ("410902001001002", "410902002", "410903")),
        ((), ()),
    ],
)
def test_areas_are_named_by_the_shortest_prefixes(chosen: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert prefixes(chosen, CELLS) == expected


def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *changes: tuple[str, str, str]) -> None:
    """A copy of Los Angeles with changed texts, without its history."""
    folder = tmp_path / "los-angeles"
    for part in ("catalogue", "calendar", "codes", "cells"):
        copytree(SHIPPED / "los-angeles" / part, folder / part)
    for file in ("city.yaml", "merging.yaml", "tests.yaml"):
        (folder / file).write_text((SHIPPED / "los-angeles" / file).read_text("utf-8"), "utf-8")
    for file, old, new in changes:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), "utf-8")
    monkeypatch.setenv("GRID_ROUTER_CITIES", str(tmp_path))


def test_the_command_proves_a_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    city(tmp_path, monkeypatch)
    result = CliRunner().invoke(app, ["catalogue", "coverage", "los-angeles", "-o", "json"])
    cells = (tmp_path / "los-angeles" / "cells" / "cells.csv").read_text("utf-8").count("\n") - 1
    value = orjson.loads(result.stdout)
    assert result.exit_code == 0
    assert (value["passed"], value["matters"], value["cells"], value["periods"]) == (True, 16, cells, 1)
    assert (value["total"], value["by_duty"], value["gaps"]) == (16 * cells, 16 * cells, [])


def test_the_command_prints_gaps_and_fails_below_the_minimum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = "\nduties:\n  twice: {matters: [other], lead: bos}\n"
    city(tmp_path, monkeypatch, ("catalogue/duties.yaml", "\nduties:\n", again))
    result = CliRunner().invoke(app, ["catalogue", "coverage"])
    assert result.exit_code == 1
    assert "other has equally specific duties front-desk and twice in the whole city" in result.stdout
    assert "93.7500 % have exactly one lead" in result.stdout  # 15 of 16 matters
    assert CliRunner().invoke(app, ["catalogue", "coverage", "--min", "93.75"]).exit_code == 0
    assert CliRunner().invoke(app, ["catalogue", "coverage", "--min", "93.76"]).exit_code == 1


def test_matters_of_the_fallback_pass_and_are_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change = ("catalogue/duties.yaml", "    matters: [lighting]\n", "    matters: [lighting]\n    from: 2026-12-01\n")
    city(tmp_path, monkeypatch, change)
    result = CliRunner().invoke(app, ["catalogue", "coverage"])
    assert result.exit_code == 0
    assert "streetlight-single is covered only by the fallback in the whole city until 2026-11-30" in result.stdout
