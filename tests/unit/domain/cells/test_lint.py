"""Cells fit together: overlaps, gaps, retired cells without successors and orphans are reported with their row."""

from datetime import UTC, date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.cells.csv_tables import Tables, read_tables
from router.domain.cells.lint import Files, check
from router.domain.documents import Finding, Source
from tests.support.cells import FILES, LAT, LON, Dated, texts

COMMUNITY, OTHER = "410902001001", "410902001002"
C = [f"{COMMUNITY}{n:03d}" for n in range(20)]
CHANGE, LATER = date(2025, 7, 1), date(2025, 10, 1)
METRE = 1 / 111.32
"""A metre northwards in thousandths of a degree."""


def findings(
    cells: dict[str, Dated],
    communities: dict[str, str] | None = None,
    grids: tuple[tuple[str, str, Dated], ...] = (),
) -> list[Finding]:
    sources = [
        Source(*pair)
        for pair in zip(FILES, texts(cells, communities or {COMMUNITY: min(cells)}, (), grids), strict=True)
    ]
    tables = read_tables(*sources[:3], None, grids=sources[3])
    assert isinstance(tables, Tables), tables
    return check(tables, Files("cells.csv", "communities.csv", "grids.csv"), UTC)


def sentences(*rows: Dated) -> list[str]:
    """Findings for cells with these shapes and days, numbered from 1 in row order."""
    return [f"{one.level} {one}" for one in findings({C[n]: row for n, row in enumerate(rows, 1)})]


def always(west: float, south: float, east: float, north: float) -> Dated:
    return (west, south, east, north), None, None


def test_adjacent_cells_have_no_findings() -> None:
    assert sentences(always(0, 0, 1, 1), always(1, 0, 2, 1), always(0, 1, 1, 2), always(5, 5, 6, 6)) == []


def test_an_overlap_is_an_error_in_the_later_row() -> None:
    (one,) = sentences(always(0, 0, 1, 1), always(0.9, 0, 2, 1))
    # 0.0001 by 0.001 degrees: 9.12 m by 111.3 m
    assert one == (
        f"error cells.csv:3:1: GR051 cell {C[2]} overlaps {C[1]} by 1,015 m2; "
        "move its border, or give the two days that do not overlap."
    )


def test_the_later_row_follows_the_file_not_the_codes() -> None:
    (one,) = findings({C[2]: always(0, 0, 1, 1), C[1]: always(0.9, 0, 2, 1)})
    assert (one.line, one.message[:25]) == (3, f"cell {C[1]} overl"[:25])


def test_a_cell_within_another_overlaps_it() -> None:
    assert [one[:5] for one in sentences(always(0, 0, 10, 10), always(4, 4, 5, 5))] == ["error"]


@pytest.mark.parametrize(("metres", "count"), [(0.005, 0), (0.02, 1)])
def test_an_overlap_is_larger_than_a_square_metre(metres: float, count: int) -> None:
    """The border is 91 m long."""
    assert len(sentences(always(0, 0, 1, 1), always(0, 1 - metres * METRE, 1, 2))) == count


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        ((None, CHANGE), (CHANGE, None), 0),
        ((None, LATER), (CHANGE, None), 1),
        ((CHANGE, None), (LATER, None), 1),
        ((None, CHANGE), (None, CHANGE), 1),
        ((CHANGE, LATER), (None, CHANGE), 0),
    ],
)
def test_cells_of_different_days_do_not_overlap(
    first: tuple[date | None, date | None], second: tuple[date | None, date | None], count: int
) -> None:
    found = sentences(((0, 0, 1, 1), *first), ((0, 0, 1, 1), *second))
    assert sum("GR051" in one for one in found) == count


boxes = st.tuples(*(st.integers(0, 9) for _ in range(2)), *(st.integers(1, 4) for _ in range(2)))


@given(st.lists(boxes, min_size=1, max_size=6))
def test_overlaps_are_those_of_the_boxes(drawn: list[tuple[int, int, int, int]]) -> None:
    shapes = [(x, y, x + wide, y + high) for x, y, wide, high in drawn]
    cells = {C[n]: always(*shape) for n, shape in enumerate(shapes, 1)}
    expected = {
        (C[other + 1], C[one + 1])
        for other, b in enumerate(shapes)
        for one, a in enumerate(shapes[:other])
        if min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])
    }
    found = [one.message.split() for one in findings(cells) if one.code == "GR051"]
    assert {(words[1], words[3]) for words in found} == expected
    assert len(found) == len(expected)


# --- gaps


def test_a_gap_between_two_cells_is_a_warning_with_its_position() -> None:
    wide = 5 * METRE
    (one,) = sentences(always(0, 0, 1, 1), always(0, 1 + wide, 1, 2))
    assert one.startswith("warning cells.csv:3:1: GR052 no cell holds 456 m2 at ")  # 5 m by 91.2 m
    assert one.endswith(", between cells; let the borders meet.")
    lon, lat = (float(word) for word in one.split(" at ")[1].split(",")[0].split())
    assert LON <= lon <= LON + 0.001
    assert LAT + 0.001 <= lat <= LAT + 0.001 + wide / 1000


@pytest.mark.parametrize(("metres", "count"), [(0.005, 0), (0.1, 1), (9, 1), (11, 0), (200, 0)])
def test_an_open_gap_wider_than_10_m_is_no_finding(metres: float, count: int) -> None:
    assert len(sentences(always(0, 0, 1, 1), always(0, 1 + metres * METRE, 1, 2))) == count


def ring(hole: float) -> list[Dated]:
    """Four cells around a square; its size is in thousandths of a degree."""
    return [
        always(0, 0, 10, 5),
        always(0, 5 + hole, 10, 10),
        always(0, 5, 5, 5 + hole),
        always(5 + hole, 5, 10, 5 + hole),
    ]


def test_an_enclosed_gap_is_a_warning() -> None:
    (one,) = sentences(*ring(1))
    assert one.startswith(
        "warning cells.csv:5:1: GR052 no cell holds 1 enclosed place, 0.01 km2; the largest has 0.01 "
    )
    assert one.endswith("; add cells, or leave it where no network reports.")


def test_many_enclosed_gaps_are_one_warning() -> None:
    holes = [
        always(x, y, x + 1, y + 1) for x in range(5) for y in range(5) if (x, y) not in {(1, 1), (1, 3), (3, 2), (3, 3)}
    ]
    cells = {f"{COMMUNITY}{n:03d}": row for n, row in enumerate(holes, 1)}
    (one,) = findings(cells)
    # two of one square and one of two: 91.2 m by 111.3 m each
    assert one.message.startswith("no cell holds 3 enclosed places, 0.04 km2; the largest has 0.02 km2 at ")


def test_an_island_in_a_lake_is_no_gap() -> None:
    (one,) = sentences(*ring(3), always(6, 6, 7, 7))
    assert "1 enclosed place, 0.08 km2" in one  # eight of nine squares of 0.01015 km2


def test_the_tip_of_a_sharp_cell_is_no_gap() -> None:
    """900 m long and 9 m wide at its end: most of it is narrower than the gap limit."""
    written = texts({C[1]: always(0, 0, 1, 1)}, {COMMUNITY: C[1]})
    written[0] = written[0].split("POLYGON")[0] + 'POLYGON((115 35,115.01 35,115.01 35.0001,115 35))"'
    tables = read_tables(*(Source(*pair) for pair in zip(FILES[:3], written[:3], strict=True)), None)
    assert isinstance(tables, Tables), tables
    assert check(tables, Files(*FILES[:2], FILES[3]), UTC) == []


def test_a_dated_gap_is_reported_once_with_its_day() -> None:
    later = (0, 0, 1, 1), None, CHANGE
    found = sentences(
        later,
        always(0, 1, 1, 2),
        ((0, 0, 1, 1 - 5 * METRE), CHANGE, None),
        ((7, 7, 8, 8), LATER, None),
    )
    (one,) = (text for text in found if "GR052" in text)
    assert " m2 on 2025-07-01 at " in one
    assert one.startswith("warning cells.csv:4:1: ")


# --- retired cells and orphans


def test_a_retired_cell_without_successor_is_a_warning() -> None:
    found = sentences(
        always(5, 5, 6, 6), ((0, 0, 1, 1), None, CHANGE), ((2, 0, 3, 1), None, CHANGE), ((2, 0, 3, 1), CHANGE, None)
    )
    assert found == [
        (
            f"warning cells.csv:3:1: GR053 cell {C[2]} ends on 2025-07-01, and none begins on its ground on that day; "
            "add its successors, or leave it if no network reports there any more."
        )
    ]


def test_orphans_are_reported_in_both_tables() -> None:
    found = findings(
        {C[1]: always(0, 0, 1, 1), f"{OTHER}001": always(1, 0, 2, 1), f"{OTHER}002": always(2, 0, 3, 1)},
        {COMMUNITY: C[1], "410902009009": C[1]},
    )
    assert [f"{one.level} {one}" for one in found] == [
        (
            "warning communities.csv:3:1: GR054 community 410902009009 has no cell of its own; "
            "add its cells, or leave it as another name of its default cell."
        ),
        (
            f"warning cells.csv:3:1: GR054 the community of cell {OTHER}001 is not among the communities; "
            f"add {OTHER} with a default cell to communities.csv."
        ),
    ]


def test_an_area_shape_without_any_cell_is_reported() -> None:
    grids = (("policing", "9", always(0, 0, 2, 2)), ("policing", "7", always(50, 50, 51, 51)))
    (one,) = findings({C[1]: always(0, 0, 1, 1)}, grids=grids)
    assert f"{one.level} {one}" == (
        "warning grids.csv:3:1: GR055 area '7' of policing lies on no cell; "
        "write degrees, longitude before latitude, or add the cells."
    )
