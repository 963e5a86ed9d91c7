"""The cell files of a city: valid files become values, and each invalid row is reported with position and hint."""

from datetime import date

import pytest
import shapely

from router.domain.cells.area_tables import Grid
from router.domain.cells.csv_tables import Cell, Tables, read_tables
from router.domain.csv_texts import MAX_FIELD
from router.domain.documents import Finding, Source

SQUARE = "POLYGON((115 35,115.001 35,115.001 35.001,115 35.001,115 35))"
EAST = "POLYGON((115.001 35,115.002 35,115.002 35.001,115.001 35.001,115.001 35))"
ONE, TWO = "410902001001001", "410902001001002"
COMMUNITY = ONE[:12]
CELLS = f'code,name,valid_from,valid_until,geometry\n{ONE},,,,"{SQUARE}"\n{TWO},Market,2024-01-01,2025-07-01,"{EAST}"\n'
COMMUNITIES = f"community,name,default_cell\n{COMMUNITY},Old Town,{ONE}\n"
AREAS = f"network,area,code,share\nhotline,Old Town|north,{COMMUNITY},\n"


def read(
    cells: str = CELLS,
    communities: str = COMMUNITIES,
    areas: str = AREAS,
    grids: str | None = None,
    default: str | None = None,
) -> Tables | list[Finding]:
    return read_tables(
        Source("cells.csv", cells),
        Source("communities.csv", communities),
        Source("areas.csv", areas),
        default,
        grids=None if grids is None else Source("grids.csv", grids),
        networks=("policing", "hotline"),
    )


def said(*texts: str, default: str | None = None) -> list[str]:
    found = read(*texts, default=default)
    assert isinstance(found, list)
    return [str(finding) for finding in found]


def sound(*texts: str) -> Tables:
    found = read(*texts)
    assert isinstance(found, Tables), found
    return found


def test_valid_files_become_values() -> None:
    tables = sound()
    assert tables.cells == [
        Cell(ONE, "", None, None),
        Cell(TWO, "Market", date(2024, 1, 1), date(2025, 7, 1)),
    ]
    assert shapely.to_wkt(tables.geometries[1]).startswith("POLYGON ((115.001 35,")
    assert tables.communities == {COMMUNITY: ONE}
    assert tables.areas == {("hotline", "Old Town|north"): ((COMMUNITY, 1.0),)}
    assert (tables.grids, len(tables.shapes)) == ([], 0)


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
def test_files_written_by_spreadsheets_are_read(write) -> None:
    assert repr(sound(write(CELLS), write(COMMUNITIES), write(AREAS))) == repr(sound())


def test_communities_and_crosswalk_are_optional() -> None:
    tables = sound(CELLS, "community,name,default_cell\n", "network,area,code,share\n")
    assert (tables.communities, tables.areas) == ({}, {})


def test_a_multipolygon_with_holes_is_a_cell_too() -> None:
    parts = "MULTIPOLYGON(((0 0,9 0,9 9,0 9,0 0),(1 1,2 1,2 2,1 2,1 1)),((20 0,21 0,21 1,20 0)))"
    assert sound(CELLS.replace(SQUARE, parts)).geometries[0].area == 80.5


NO_CODE = "GR003 '{}' is no cell code; write 15 digits."


def test_a_border_of_five_thousand_vertices_is_read() -> None:
    """5,200 vertices with twelve decimals make about 160,000 characters; Python's reader ends at 131,072."""
    west = ",".join(f"115 {35.001 - n * 0.001 / 5200:.12f}" for n in range(5200))
    long = f"POLYGON((115.000000000000 35.000000000000,115.001000000000 35,115.001 35.001,{west},115 35))"
    assert len(long) > 90_000
    padded = long.replace(",", ", " + " " * 10)
    assert len(padded) > 131_072
    tables = sound(CELLS.replace(SQUARE, padded))
    assert shapely.get_num_coordinates(tables.geometries[0]) > 5_200


def test_a_field_beyond_the_limit_is_named_as_such() -> None:
    (first, *_) = said(CELLS.replace("Market", "M" * (MAX_FIELD + 1)))
    assert first == (
        "cells.csv:3:1: GR001 a field has more than 8,388,608 characters; "
        "close a quote that was left open, or draw the border with fewer vertices."
    )


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
            "cells.csv:3:35: GR003 valid_until 2024-01-01 is not after valid_from 2024-01-01; write the first day without it.",
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
def test_an_invalid_row_of_cells_is_reported(old: str, new: str, finding: str) -> None:
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
def test_a_geometry_that_is_no_valid_polygon_is_reported(wkt: str, finding: str) -> None:
    assert said(CELLS.replace(EAST, wkt)) == [f"cells.csv:3:46: GR003 {finding}"]


@pytest.mark.parametrize("wkt", ["POLYGON((0 0,1 0,1 1e400,0 1,0 0))", "POLYGON((0 0,1 0,0 0,0 0))"])
def test_infinite_and_empty_squares_are_rejected(wkt: str) -> None:
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
def test_an_invalid_row_of_communities_is_reported(old: str, new: str, finding: str) -> None:
    empty = "network,area,code,share\n"
    assert said(CELLS, COMMUNITIES.replace(old, new, 1), empty) == [f"communities.csv:2:{finding}"]


@pytest.mark.parametrize(
    ("new", "finding"),
    [
        (
            "hotline,Old Town|south,410902001009,",
            "areas.csv:3:24: GR003 community '410902001009' is not among the communities; perhaps 410902001001 was meant.",
        ),
        (
            "hotline,Old Town|south,060371002014,",
            "areas.csv:3:24: GR003 community '060371002014' is not among the communities; write one of communities.csv.",
        ),
        (
            "hotline,Old Town|south,410902001001003,1",
            "areas.csv:3:24: GR003 cell '410902001001003' is not among the cells; perhaps 410902001001002 was meant.",
        ),
        (
            "hotline,Old Town|south,060371002014001,1",
            "areas.csv:3:24: GR003 cell '060371002014001' is not among the cells; write one of cells.csv.",
        ),
        (
            "hotline,Old Town|south,41090200100100,",
            "areas.csv:3:24: GR003 '41090200100100' is no code of a community or cell; write 12 or 15 digits.",
        ),
        (
            "hotline,Old Town|south,４１０９０２００１００１,",
            "areas.csv:3:24: GR003 '４１０９０２００１００１' is no code of a community or cell; write 12 or 15 digits.",
        ),
        (
            f"hotline,Old Town|north,{COMMUNITY},",
            f"areas.csv:3:24: GR004 area 'Old Town|north' of hotline in {COMMUNITY} stands here again (first in line 2); keep one of the two.",
        ),
        (f",Old Town|south,{COMMUNITY},", "areas.csv:3:1: GR003 the network is empty; write it."),
        (f"hotline,,{COMMUNITY},", "areas.csv:3:9: GR003 the area is empty; write it."),
        (
            f"hotlin,Old Town|south,{COMMUNITY},",
            "areas.csv:3:1: GR050 the router knows no network 'hotlin'; perhaps hotline was meant.",
        ),
        (
            f"water,Old Town|south,{COMMUNITY},",
            "areas.csv:3:1: GR050 the router knows no network 'water'; write one of hotline, policing.",
        ),
        (
            "hotline,south",
            "areas.csv:3:1: GR003 2 fields instead of 4; quote a field that holds a comma.",
        ),
        *(
            (
                f"hotline,Old Town|south,{COMMUNITY},{share}",
                f"areas.csv:3:37: GR003 '{share}' is no share; write a number from 0 to 1, or nothing.",
            )
            for share in ("1.1", "-0.5", "50%", "half", "nan", "1e-1", ".5", "0.5 ", "2", "０.5")
        ),
    ],
)
def test_an_invalid_row_of_areas_is_reported(new: str, finding: str) -> None:
    assert said(CELLS, COMMUNITIES, f"{AREAS}{new}\n") == [finding]


def test_shares_above_1_are_reported_at_the_row_that_exceeds_it() -> None:
    rows = f"policing,7,{COMMUNITY},0.6\nhotline,x,{ONE},0.9\npolicing,7,{ONE},0.4\npolicing,7,{TWO},0.000000001\n"
    assert said(CELLS, COMMUNITIES, f"{AREAS}{rows}") == [
        "areas.csv:6:28: GR003 the shares of area '7' sum to 1.000000001; write shares that sum to 1 or less."
    ]


TENTHS = "".join(f"policing,7,{ONE[:12]}{n:03d},0.1\n" for n in range(1, 11))


def test_ten_shares_of_a_tenth_are_valid() -> None:
    """As floats the sum is 0.9999999999999999; other sums of eleven shares exceed 1."""
    cells = "".join(f'{ONE[:12]}{n:03d},,,,"{SQUARE}"\n' for n in range(1, 11))
    tables = sound(f"code,name,valid_from,valid_until,geometry\n{cells}", COMMUNITIES, f"{AREAS}{TENTHS}")
    assert [share for _, share in tables.areas["policing", "7"]] == [0.1] * 10


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (["", "", ""], [(COMMUNITY, 1 / 3), (ONE, 1 / 3), (TWO, 1 / 3)]),  # nothing said: equal parts, by code
        (["0.2", "0.5", "0.3"], [(ONE, 0.5), (TWO, 0.3), (COMMUNITY, 0.2)]),
        (["", "0.5", ""], [(ONE, 0.5), (COMMUNITY, 0.25), (TWO, 0.25)]),  # the rest in equal parts
        (["0.1", "0.2", "0.3"], [(TWO, 0.3), (ONE, 0.2), (COMMUNITY, 0.1)]),  # 0.4 of it lies outside the city
        (["1", "0", ""], [(COMMUNITY, 1.0), (ONE, 0.0), (TWO, 0.0)]),
    ],
)
def test_the_largest_share_comes_first(shares: list[str], expected: list[tuple[str, float]]) -> None:
    rows = [f"policing,7,{code},{share}" for code, share in zip((COMMUNITY, ONE, TWO), shares, strict=True)]
    for order in (rows, rows[::-1]):
        tables = sound(CELLS, COMMUNITIES, "\n".join([AREAS.splitlines()[0], *order]))
        ranked = tables.areas["policing", "7"]
        assert [code for code, _ in ranked] == [code for code, _ in expected]
        assert [share for _, share in ranked] == pytest.approx([share for _, share in expected])


GRID = f'policing,7,North beat,,,"{SQUARE}"\n'
GRIDS = f"network,area,name,valid_from,valid_until,geometry\n{GRID}"


def test_area_shapes_become_sorted_values() -> None:
    later = f'policing,5,,2024-01-01,2025-07-01,"{EAST}"\npolicing,5,,2025-07-01,,"{SQUARE}"\n'
    tables = sound(CELLS, COMMUNITIES, AREAS, f"{GRIDS}{later}")
    assert tables.grids == [
        Grid("policing", "5", "", date(2024, 1, 1), date(2025, 7, 1)),
        Grid("policing", "5", "", date(2025, 7, 1), None),
        Grid("policing", "7", "North beat", None, None),
    ]
    assert [shapely.bounds(shape)[0] for shape in tables.shapes] == [115.001, 115, 115]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("policing", "polcing", "2:1: GR050 the router knows no network 'polcing'; perhaps policing was meant."),
        ("policing", "", "2:1: GR003 the network is empty; write it."),
        (",7,", ",,", "2:10: GR003 the area is empty; write it."),
        (",,,", ",2024-1-1,,", "2:23: GR003 '2024-1-1' is no day; write it like 2026-01-31."),
        (
            ",,,",
            ",2025-07-01,2025-07-01,",
            "2:34: GR003 valid_until 2025-07-01 is not after valid_from 2025-07-01; write the first day without it.",
        ),
        (
            SQUARE,
            "POINT(115 35)",
            "2:25: GR003 the geometry is no WKT polygon; write POLYGON((lon lat,...)), its last point the first again.",
        ),
        (f',,,"{SQUARE}"', "", "2:1: GR003 3 fields instead of 6; quote a field that holds a comma."),
        (
            "name,valid_from",
            "valid_from",
            "1:1: GR003 the header is 'network,area,valid_from,valid_until,geometry'; write network,area,name,valid_from,valid_until,geometry.",
        ),
    ],
)
def test_an_invalid_row_of_grids_is_reported(old: str, new: str, finding: str) -> None:
    assert GRIDS.count(old) == 1
    assert said(CELLS, COMMUNITIES, AREAS, GRIDS.replace(old, new)) == [f"grids.csv:{finding}"]


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        (",", ",", True),
        (",2025-07-01", "2025-07-01,", False),
        ("2025-07-01,", ",2025-07-01", False),
        (",2025-07-02", "2025-07-01,", True),
        ("2024-01-01,2024-02-01", "2023-01-01,", True),
        ("2024-01-01,2024-02-01", "2024-02-01,2024-03-01", False),
    ],
)
def test_two_shapes_of_an_area_on_a_day_are_reported(first: str, second: str, meet: bool) -> None:
    grids = GRIDS.replace(",,,", f",{first},").splitlines()
    grids.append(grids[1].replace(f",{first},", f",{second},"))
    found = read(CELLS, COMMUNITIES, AREAS, "\n".join(grids))
    expected = (
        "grids.csv:3:10: GR004 area '7' of policing stands here again (first in line 2); "
        "keep one of the two, or give them days that do not overlap."
    )
    assert ([str(one) for one in found] if isinstance(found, list) else []) == ([expected] if meet else [])


def test_a_repeated_community_is_reported() -> None:
    again = f"{COMMUNITIES}{COMMUNITY},,{TWO}\n"
    assert said(CELLS, again) == [
        f"communities.csv:3:1: GR004 community {COMMUNITY} stands here again (first in line 2); keep one of the two."
    ]


def test_two_networks_may_use_the_same_area_code() -> None:
    assert len(sound(CELLS, COMMUNITIES, f"{AREAS}policing,Old Town|north,{COMMUNITY},\n").areas) == 2


def test_line_numbers_are_right_after_a_row_of_several_lines() -> None:
    wide = CELLS.replace(SQUARE, SQUARE.replace(",", ",\n")).replace(TWO, "x")
    assert said(wide) == ["cells.csv:7:1: GR003 'x' is no cell code; write 15 digits."]


def test_all_errors_are_reported() -> None:
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
    """The rows of the other tables that refer to it are not reported."""
    (one,) = said(text, default=ONE)
    assert one.startswith("cells.csv:1:1: ")
    (one,) = said(CELLS, text)
    assert one.startswith("communities.csv:1:1: ")
    (one,) = said(CELLS, COMMUNITIES, text)
    assert one.startswith("areas.csv:1:1: ")


def test_a_table_without_cells_is_one_finding() -> None:
    assert said("code,name,valid_from,valid_until,geometry\n", default=ONE) == [
        "cells.csv:1:1: GR005 there is no cell; add rows, or run `grid-router cells tessellate`."
    ]


def test_a_missing_default_cell_is_reported_with_its_position() -> None:
    assert said(default="410902009009009") == [
        "cells.csv:1:1: GR003 the city's default cell '410902009009009' is not among the cells; add it, or correct `default_cell` in city.yaml."
    ]
