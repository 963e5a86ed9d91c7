"""The three files of a city's cells: sound ones become values, each wrong row is named with its place and the cure."""

from datetime import date

import pytest
import shapely

from router.domain.cell_tables import Cell, Tables, read_tables
from router.domain.documents import Finding, Source

SQUARE = "POLYGON((115 35,115.001 35,115.001 35.001,115 35.001,115 35))"
EAST = "POLYGON((115.001 35,115.002 35,115.002 35.001,115.001 35.001,115.001 35))"
ONE, TWO = "410902001001001", "410902001001002"
COMMUNITY = ONE[:12]
CELLS = f'code,name,valid_from,valid_until,geometry\n{ONE},,,,"{SQUARE}"\n{TWO},Market,2024-01-01,2025-07-01,"{EAST}"\n'
COMMUNITIES = f"community,name,default_cell\n{COMMUNITY},Old Town,{ONE}\n"
AREAS = f"network,area,community\nhotline,Old Town|north,{COMMUNITY}\n"


def read(
    cells: str = CELLS, communities: str = COMMUNITIES, areas: str = AREAS, default: str | None = None
) -> Tables | list[Finding]:
    return read_tables(
        Source("cells.csv", cells), Source("communities.csv", communities), Source("areas.csv", areas), default
    )


def said(*texts: str, default: str | None = None) -> list[str]:
    found = read(*texts, default=default)
    assert isinstance(found, list)
    return [str(finding) for finding in found]


def sound(*texts: str) -> Tables:
    found = read(*texts)
    assert isinstance(found, Tables), found
    return found


def test_sound_files_become_values() -> None:
    tables = sound()
    assert tables.cells == [
        Cell(ONE, "", None, None),
        Cell(TWO, "Market", date(2024, 1, 1), date(2025, 7, 1)),
    ]
    assert shapely.to_wkt(tables.geometries[1]).startswith("POLYGON ((115.001 35,")
    assert tables.communities == {COMMUNITY: ONE}
    assert tables.areas == {("hotline", "Old Town|north"): COMMUNITY}


def test_cells_are_sorted_with_their_polygons() -> None:
    head, first, second = CELLS.splitlines()
    assert sound(f"{head}\n{second}\n{first}\n").cells == sound().cells
    assert list(sound(f"{head}\n{second}\n{first}\n").geometries) == list(sound().geometries)


@pytest.mark.parametrize(
    "write",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n\n",
    ],
    ids=["BOM", "CRLF", "BOM and CRLF", "no last newline", "blank lines"],
)
def test_how_spreadsheets_write_files(write) -> None:
    assert repr(sound(write(CELLS), write(COMMUNITIES), write(AREAS))) == repr(sound())


def test_a_city_may_have_neither_communities_nor_a_crosswalk() -> None:
    tables = sound(CELLS, "community,name,default_cell\n", "network,area,community\n")
    assert (tables.communities, tables.areas) == ({}, {})


def test_a_multipolygon_with_holes_is_a_cell_too() -> None:
    parts = "MULTIPOLYGON(((0 0,9 0,9 9,0 9,0 0),(1 1,2 1,2 2,1 2,1 1)),((20 0,21 0,21 1,20 0)))"
    assert sound(CELLS.replace(SQUARE, parts)).geometries[0].area == 80.5


NO_CODE = "GR003 '{}' is no cell code; write 15 digits."


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (ONE, "41090200100100", "cells.csv:2:1: " + NO_CODE.format("41090200100100")),  # new files write 15 digits
        (ONE, "４１０９０２００１００１００１", "cells.csv:2:1: " + NO_CODE.format("４１０９０２００１００１００１")),
        (ONE, "٤١٠٩٠٢٠٠١٠٠١٠٠١", "cells.csv:2:1: " + NO_CODE.format("٤١٠٩٠٢٠٠١٠٠١٠٠١")),
        (ONE, f" {ONE}", "cells.csv:2:1: " + NO_CODE.format(f" {ONE}")),
        (ONE, f'"{ONE}\n"', "cells.csv:2:1: " + NO_CODE.format(f"{ONE}\\n")),
        (ONE, "", "cells.csv:2:1: " + NO_CODE.format("")),
        (TWO, ONE, f"cells.csv:3:1: GR004 cell {ONE} stands here again (first in line 2); keep one of the two."),
        (
            "2024-01-01",
            "01/02/2024",
            "cells.csv:3:24: GR003 '01/02/2024' is no day; write it like 2026-01-31.",
        ),
        ("2024-01-01", "20240101", "cells.csv:3:24: GR003 '20240101' is no day; write it like 2026-01-31."),
        ("2024-01-01", "2024-W01-1", "cells.csv:3:24: GR003 '2024-W01-1' is no day; write it like 2026-01-31."),
        ("2024-01-01", "２０２４-01-01", "cells.csv:3:24: GR003 '２０２４-01-01' is no day; write it like 2026-01-31."),
        ("2025-07-01", "2025-02-29", "cells.csv:3:35: GR003 '2025-02-29' is no day; write it like 2026-01-31."),
        (
            "2025-07-01",
            "2024-01-01",
            "cells.csv:3:35: GR003 valid_until 2024-01-01 is not after valid_from 2024-01-01; write the first day without the cell.",
        ),
        (
            f',Market,2024-01-01,2025-07-01,"{EAST}"',
            ",Market,2024-01-01",
            "cells.csv:3:1: GR003 3 fields instead of 5; quote a field that holds a comma.",
        ),
        (
            f'"{EAST}"',
            EAST,
            "cells.csv:3:1: GR003 9 fields instead of 5; quote a field that holds a comma.",
        ),
        ('"\n' + TWO, "\n" + TWO, "cells.csv:2:1: GR001 no readable CSV ("),
        ("code,name", "cell,name", "cells.csv:1:1: GR003 the header is 'cell,name,valid_from,valid_until,geometry'; "),
    ],
)
def test_a_wrong_row_of_cells_is_named(old: str, new: str, finding: str) -> None:
    assert CELLS.count(old) == 1
    first, *more = said(CELLS.replace(old, new))
    assert first.startswith(finding)
    assert [line for line in more if line.startswith("cells.csv")] == []


NO_POLYGON = "the geometry is no WKT polygon; write POLYGON((lon lat,...)), its last point the first again."
CROSSING = "; draw a closed border that does not cross itself."


@pytest.mark.parametrize(
    ("wkt", "finding"),
    [
        ("", NO_POLYGON),
        ("square", NO_POLYGON),
        ("POINT(115 35)", NO_POLYGON),
        ("LINESTRING(115 35,116 35,116 36,115 35)", NO_POLYGON),
        ("GEOMETRYCOLLECTION(POLYGON((0 0,1 0,1 1,0 0)))", NO_POLYGON),
        ("POLYGON EMPTY", NO_POLYGON),
        ("POLYGON((115 35,116 35,116 36,115 36))", NO_POLYGON),  # not closed
        ("POLYGON((115 nan,116 35,116 36,115 nan))", NO_POLYGON),
        ("POLYGON((0 0,1 1,1 0,0 1,0 0))", f"the geometry is no valid polygon (Self-intersection[0.5 0.5]){CROSSING}"),
        (
            "POLYGON((35 115,35.001 115,35.001 115.001,35 115))",
            "the polygon lies outside 180 degrees of longitude and 90 of latitude; write degrees, longitude before latitude.",
        ),
        (
            "POLYGON((500000 3900000,500100 3900000,500100 3900100,500000 3900000))",
            "the polygon lies outside 180 degrees of longitude and 90 of latitude; write degrees, longitude before latitude.",
        ),
    ],
)
def test_a_geometry_that_is_no_polygon_on_earth_is_named(wkt: str, finding: str) -> None:
    assert said(CELLS.replace(EAST, wkt)) == [f"cells.csv:3:46: GR003 {finding}"]


@pytest.mark.parametrize("wkt", ["POLYGON((0 0,1 0,1 1e400,0 1,0 0))", "POLYGON((0 0,1 0,0 0,0 0))"])
def test_infinite_and_empty_squares_are_no_polygons(wkt: str) -> None:
    (one,) = said(CELLS.replace(EAST, wkt))
    assert one.startswith("cells.csv:3:46: GR003 the geometry is no valid polygon (")


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (COMMUNITY, "41090200100", "1: GR003 '41090200100' is no community code; write 12 digits."),
        (
            COMMUNITY,
            "４１０９０２００１００１",
            "1: GR003 '４１０９０２００１００１' is no community code; write 12 digits.",
        ),
        (
            f"Old Town,{ONE}",
            "Old Town,410902001001003",
            "23: GR003 the default cell '410902001001003' is not among the cells; write one of cells.csv.",
        ),
        (
            f"Old Town,{ONE}",
            f'"Old, Town",{ONE}9',
            f"26: GR003 the default cell '{ONE}9' is not among the cells; write one of cells.csv.",
        ),
        ("Old Town,", "Old, Town,", "1: GR003 4 fields instead of 3; quote a field that holds a comma."),
    ],
)
def test_a_wrong_row_of_communities_is_named(old: str, new: str, finding: str) -> None:
    empty = "network,area,community\n"
    assert said(CELLS, COMMUNITIES.replace(old, new, 1), empty) == [f"communities.csv:2:{finding}"]


@pytest.mark.parametrize(
    ("new", "finding"),
    [
        (
            "hotline,Old Town|south,410902001009",
            "areas.csv:3:24: GR003 community '410902001009' is not among the communities; write one of communities.csv.",
        ),
        (
            f"hotline,Old Town|north,{COMMUNITY}",
            "areas.csv:3:9: GR004 area 'Old Town|north' of hotline stands here again (first in line 2); keep one of the two.",
        ),
        (f",Old Town|south,{COMMUNITY}", "areas.csv:3:1: GR003 the network is empty; write it."),
        (f"hotline,,{COMMUNITY}", "areas.csv:3:9: GR003 the area is empty; write it."),
        ("hotline,south", "areas.csv:3:1: GR003 2 fields instead of 3; quote a field that holds a comma."),
    ],
)
def test_a_wrong_row_of_areas_is_named(new: str, finding: str) -> None:
    assert said(CELLS, COMMUNITIES, f"{AREAS}{new}\n") == [finding]


def test_a_community_twice_is_named() -> None:
    again = f"{COMMUNITIES}{COMMUNITY},,{TWO}\n"
    assert said(CELLS, again) == [
        f"communities.csv:3:1: GR004 community {COMMUNITY} stands here again (first in line 2); keep one of the two."
    ]


def test_the_same_area_of_two_networks_is_two_areas() -> None:
    assert len(sound(CELLS, COMMUNITIES, f"{AREAS}policing,Old Town|north,{COMMUNITY}\n").areas) == 2


def test_a_row_after_one_of_several_lines_keeps_its_line() -> None:
    wide = CELLS.replace(SQUARE, SQUARE.replace(",", ",\n")).replace(TWO, "x")
    assert said(wide) == ["cells.csv:7:1: GR003 'x' is no cell code; write 15 digits."]


def test_everything_wrong_is_named_not_only_the_first() -> None:
    found = said(CELLS + "1,,,,POINT(1 1)\n2,,x,y,POINT(1 1)\n")
    assert sorted(line.split(" ")[0] for line in found) == [
        "cells.csv:4:1:",
        "cells.csv:4:6:",
        "cells.csv:5:1:",
        "cells.csv:5:4:",
        "cells.csv:5:6:",
        "cells.csv:5:8:",
    ]


@pytest.mark.parametrize("text", ["", "\ufeff", "code;name;valid_from;valid_until;geometry\n", '"code\n'])
def test_a_table_that_cannot_be_read_is_the_only_finding(text: str) -> None:
    """Not also every row of the other two, which refer to it."""
    (one,) = said(text, default=ONE)
    assert one.startswith("cells.csv:1:1: ")
    (one,) = said(CELLS, text)
    assert one.startswith("communities.csv:1:1: ")
    (one,) = said(CELLS, COMMUNITIES, text)
    assert one.startswith("areas.csv:1:1: ")


def test_no_cell_is_one_finding() -> None:
    assert said("code,name,valid_from,valid_until,geometry\n", default=ONE) == [
        "cells.csv:1:1: GR005 there is no cell; add rows, or run `grid-router cells tessellate`."
    ]


def test_a_default_cell_that_is_not_there_says_where_it_stands() -> None:
    assert said(default="410902009009009") == [
        "cells.csv:1:1: GR003 the city's default cell '410902009009009' is not among the cells; add it, or correct `default_cell` in city.yaml."
    ]
