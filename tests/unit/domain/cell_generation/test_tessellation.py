"""Cells generated from recorded positions: squares of 100 m, and equal positions give equal codes."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from router.cities.folder import cities_folder
from router.cities.tessellation import renumbered, tessellated
from router.domain.cell_generation.tessellation import Lattice, Names, Spot, Tessellation, tessellate
from router.domain.cells.registry import CellRegistry, Claim, load_cells
from router.wire.errors import CityError, InputError
from router.wire.settings import Settings

SHIPPED = cities_folder(Settings().cities) / "los-angeles"
LATTICE = Lattice(lon=113.0, lat=34.0)
ACROSS, UP = 0.001_083_6, 0.000_898_3  # 100 m in degrees at 34 N, more or less
EAST, WEST = ("County", "East", "Gate"), ("County", "West", "Gate")


def at(column: float, row: float, names: Names = EAST) -> Spot:
    """A position in the middle of a square; the square counts from the origin."""
    return Spot(LATTICE.lon + (column + 0.5) * ACROSS, LATTICE.lat + (row + 0.5) * UP, names)


def made(*spots: Spot, ring: int = 0, lattice: Lattice = LATTICE) -> Tessellation:
    return tessellate(spots, lattice, county="41090", network="hotline", ring=ring)


def test_without_a_network_only_the_crosswalk_is_empty() -> None:
    """A network that writes codes names no area, so no row could ever be used."""
    spots = [at(0, 0), at(5, 1, WEST)]
    named, unnamed = made(*spots), tessellate(spots, LATTICE, county="41090", network=None, ring=0)
    assert [row[0] for row in named.areas] == ["hotline"] * 2
    assert (unnamed.cells, unnamed.communities, unnamed.areas) == (named.cells, named.communities, [])


def shapes(cells: Sequence[Sequence[str]]) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    return np.asarray(shapely.from_wkt([row[-1] for row in cells]), dtype=object)


def sides(polygons: "np.ndarray[tuple[int], np.dtype[np.object_]]") -> tuple[np.ndarray, np.ndarray]:
    """Width in the middle and height of each square in metres, on a great circle of the mean Earth radius."""
    west, south, east, north = np.radians(shapely.bounds(polygons)).T
    middle = (south + north) / 2
    across = 2 * np.arcsin(np.cos(middle) * np.sin((east - west) / 2))
    return 6_371_008.8 * across, 6_371_008.8 * (north - south)


# --- squares


@pytest.mark.parametrize("lat", [0.0, 34.0, -34.0, 54.0, 66.0])
@pytest.mark.parametrize("size", [10.0, 100.0, 1000.0])
def test_squares_have_their_size_within_one_per_cent(lat: float, size: float) -> None:
    lattice = Lattice(lon=113.0, lat=lat, size_m=size)
    wide, high = sides(np.array([shapely.from_wkt(lattice.wkt((3, -2)))]))
    assert wide[0] == pytest.approx(size, rel=0.01, abs=0.11)  # a border is rounded to 0.1 m
    assert high[0] == pytest.approx(size, rel=0.01, abs=0.11)


columns = st.integers(-2000, 2000)


hairs = st.sampled_from([0.0, 1e-12, -1e-12]) | st.floats(-6e-7, 6e-7)
"""Tolerance in degrees for the 0.05 m by which rounding moves a border."""


@given(columns, columns, hairs, hairs)
def test_a_position_is_inside_its_square(x: int, y: int, east_of: float, north_of: float) -> None:
    lon, lat = LATTICE.lon + x * 100 / 92_289 + east_of, LATTICE.lat + y * 100 / 111_320 + north_of
    for one_lon, one_lat in ((lon, lat), (corner(x, y)[0] + east_of, corner(x, y)[1] + north_of)):
        west, south, east, north = shapely.bounds(shapely.from_wkt(LATTICE.wkt(LATTICE.square(one_lon, one_lat))))
        assert west <= one_lon < east
        assert south <= one_lat < north


def corner(x: int, y: int) -> tuple[float, float]:
    west, south, _, _ = shapely.bounds(shapely.from_wkt(LATTICE.wkt((x, y))))
    return west, south


@given(columns, columns)
def test_a_written_corner_belongs_to_the_square_north_east_of_it(x: int, y: int) -> None:
    assert LATTICE.square(*corner(x, y)) == (x, y)


@given(columns, columns)
def test_neighbours_share_exactly_the_same_border(x: int, y: int) -> None:
    _, _, east, north = shapely.bounds(shapely.from_wkt(LATTICE.wkt((x, y))))
    assert shapely.bounds(shapely.from_wkt(LATTICE.wkt((x + 1, y))))[0] == east
    assert shapely.bounds(shapely.from_wkt(LATTICE.wkt((x, y + 1))))[1] == north


# --- cells


some_names = st.tuples(*(st.sampled_from(["", "a", "b", "c"]) for _ in range(3)))
offsets = st.floats(-4, 4)
spots = st.lists(st.builds(at, offsets, offsets, some_names), min_size=1, max_size=12)
nowhere = st.lists(st.builds(lambda n: Spot(None, None, n), some_names), max_size=4)


@given(spots, nowhere, st.integers(0, 2))
def test_every_tessellation_keeps_its_invariants(placed: list[Spot], other: list[Spot], ring: int) -> None:
    result = made(*placed, *other, ring=ring)
    codes = [row[0] for row in result.cells]
    assert codes == sorted(set(codes))
    assert all(re.fullmatch(r"41090[0-9]{10}", code) and code[12:] != "000" for code in codes)
    assert {row[0] for row in result.communities} == {code[:12] for code in codes}
    assert all(cell in codes and cell.startswith(community) for community, _, cell in result.communities)
    assert {community for _, _, community, _ in result.areas} <= {row[0] for row in result.communities}
    polygons = shapes(result.cells)
    assert shapely.union_all(polygons).area == pytest.approx(shapely.area(polygons).sum())  # none overlaps
    for spot in placed:
        place = shapely.Point(spot.lon, spot.lat)
        holding = [polygon for polygon in polygons if polygon.covers(place)]
        assert len(holding) == 1 or (len(holding) > 1 and all(polygon.touches(place) for polygon in holding))
    if ring == 0:
        assert len(polygons) == len({LATTICE.square(spot.lon, spot.lat) for spot in placed})  # type: ignore[arg-type]


@given(spots, nowhere, st.randoms(use_true_random=False))
def test_the_order_of_positions_has_no_effect(placed: list[Spot], other: list[Spot], random: Random) -> None:
    mixed = [*placed, *other]
    random.shuffle(mixed)
    assert made(*mixed, ring=1) == made(*placed, *other, ring=1)


@pytest.mark.parametrize(("ring", "count"), [(0, 1), (1, 9), (2, 25)])
def test_a_position_is_surrounded_by_a_ring(ring: int, count: int) -> None:
    assert len(made(at(0, 0), ring=ring).cells) == count


def test_cells_are_numbered_from_west_to_east_then_from_north_to_south() -> None:
    cells = made(at(0, 0), ring=1).cells
    assert [code[12:] for code, *_ in cells] == [f"{n:03d}" for n in range(1, 10)]
    assert [(row[-1]) for row in cells] == [LATTICE.wkt((x, y)) for y in (1, 0, -1) for x in (-1, 0, 1)]


def test_names_are_numbered_alphabetically_and_0_is_unknown() -> None:
    result = made(at(0, 0, ("B", "y", "m")), at(9, 0, ("A", "x", "")), at(18, 0, ("B", "z", "k")))
    assert {title: code for code, title, _ in result.communities} == {
        "A / x / ?": "410901001000",
        "B / y / m": "410902002002",
        "B / z / k": "410902003001",
    }


def test_a_square_belongs_to_the_area_that_most_of_its_reports_name() -> None:
    result = made(at(0, 0, EAST), at(0.1, 0, WEST), at(0.2, 0, WEST))
    assert [title for _, title, _ in result.communities] == ["County / West / Gate"]
    tie = made(at(0, 0, WEST), at(0.1, 0, EAST))
    assert [title for _, title, _ in tie.communities] == ["County / East / Gate"]  # the first in the alphabet
    vague = made(at(0, 0, EAST), *(at(0.1, 0, ("County", "East", "")) for _ in range(3)))
    assert [title for _, title, _ in vague.communities] == ["County / East / Gate"]  # a full name before a vague one


def test_a_square_of_the_ring_belongs_to_the_nearest_area() -> None:
    result = made(at(0, 0, WEST), at(2, 1, EAST), ring=1)
    owner = {row[-1]: row[0][6:9] for row in result.cells}
    west, east = owner[LATTICE.wkt((0, 0))], owner[LATTICE.wkt((2, 1))]
    assert owner[LATTICE.wkt((1, 0))] == west  # beside the one, at the corner of the other
    assert owner[LATTICE.wkt((1, 1))] == east


def test_the_default_cell_has_the_most_reports() -> None:
    result = made(at(0, 0), at(3, 0), at(3.1, 0), at(5, 0), ring=1)
    ((_, _, default),) = result.communities
    assert {row[0]: row[-1] for row in result.cells}[default] == LATTICE.wkt((3, 0))


# --- the crosswalk


def test_every_combination_of_names_gives_its_community() -> None:
    result = made(at(0, 0, EAST), at(9, 0, WEST), at(9.1, 0, ("County", "West", "")))
    codes = {title: code for code, title, _ in result.communities}
    assert result.areas == [
        ("hotline", "County|East|Gate", codes["County / East / Gate"], "1"),
        ("hotline", "County|West|", codes["County / West / Gate"], "1"),
        ("hotline", "County|West|Gate", codes["County / West / Gate"], "1"),
    ]


def test_names_without_position_give_the_most_similar_area() -> None:
    known = [at(0, 0, EAST), at(9, 0, WEST), at(9.1, 0, WEST), at(18, 0, ("Other", "North", "Bridge"))]
    for names, like in (
        (("", "West", "Gate"), WEST),  # street and community
        (("County", "South", "Bridge"), ("Other", "North", "Bridge")),  # the community alone
        (("County", "East", "Nowhere"), EAST),  # the street alone
        (("Other", "", ""), ("Other", "North", "Bridge")),  # the county alone
        (("County", "", ""), WEST),  # in which the west has more reports
    ):
        result = made(*known, Spot(None, None, names))
        titles = {code: title for code, title, _ in result.communities}
        areas = {area: titles[community] for _, area, community, _ in result.areas}
        assert areas["|".join(names)] == " / ".join(like)


def test_names_without_similar_area_are_left_out() -> None:
    result = made(at(0, 0, EAST), at(0, 0, ("", "", "")), Spot(None, None, ("Far", "Far", "Away")))
    assert [area for _, area, *_ in result.areas] == ["County|East|Gate"]


# --- available numbers


def row_of(count: int, names: Names = EAST) -> list[Spot]:
    """Positions in this number of squares, a hundred a row."""
    return [at(n % 100, n // 100, names) for n in range(count)]


def test_more_than_999_cells_continue_200_community_codes_higher() -> None:
    result = made(*row_of(1100), *(at(n, -5, ("County", "East", "Hill")) for n in range(3)))
    assert Counter(row[0][9:12] for row in result.cells) == {"001": 999, "201": 101, "002": 3}
    assert [community[9:] for community, _, _ in result.communities] == ["001", "002", "201"]
    assert len({row[0] for row in result.cells}) == 1103


@pytest.mark.parametrize(
    ("spots", "said"),
    [
        (row_of(4996), "community 'County|East|Gate' has more than 4,995 cells"),
        ([at(n, 0, (f"{n:04d}", "a", "b")) for n in range(10)], "there are 10 names of counties, and codes for 9"),
        (
            [at(n, 0, ("a", f"{n:04d}", "b")) for n in range(1000)],
            "there are 1,000 names of streets, and codes for 999",
        ),
        (
            [at(n, 0, ("a", "b", f"{n:04d}")) for n in range(200)],
            "there are 200 names of communities, and codes for 199",
        ),
    ],
    ids=["cells", "counties", "streets", "communities"],
)
def test_positions_beyond_the_available_numbers_are_rejected(spots: list[Spot], said: str) -> None:
    """The alternative would be longer or repeated codes."""
    with pytest.raises(ValueError, match=re.escape(said)):
        made(*spots)


def test_all_available_numbers_can_be_used() -> None:
    assert len(made(*row_of(4995)).cells) == 4995
    full = [at(n % 50, n // 50, (f"{n % 9}", f"{n:04d}", f"{n % 199:04d}")) for n in range(999)]
    assert {len(row[0]) for row in made(*full).cells} == {15}


# --- one more report


def test_one_more_report_moves_no_square_but_may_renumber() -> None:
    before = [at(0, 0, EAST), at(4, 0, EAST), at(9, 9, WEST)]
    old, new = made(*before), made(*before, at(2, 3, EAST))
    squares, more = ({row[-1]: row[0] for row in cells.cells} for cells in (old, new))
    assert squares.keys() < more.keys()
    assert len(more) == 4
    # the new square is the most northern of its community, so it gets the first number
    assert [more[wkt][12:] for wkt in squares] == ["002", "003", "001"]
    assert [squares[wkt][12:] for wkt in squares] == ["001", "002", "001"]


def test_a_new_name_renumbers_the_names_after_it() -> None:
    old, new = made(at(0, 0, WEST)), made(at(0, 0, WEST), at(5, 5, EAST))
    assert [row[0][6:9] for row in old.cells] == ["001"]
    assert [row[0][6:9] for row in new.cells] == ["001", "002"]


# --- the shipped city


@pytest.fixture(scope="module")
def again() -> dict[str, str]:
    return tessellated(SHIPPED)


def test_a_second_run_gives_the_same_bytes(again: dict[str, str]) -> None:
    for name, text in again.items():
        assert (SHIPPED / "cells" / name).read_bytes() == text.encode(), name
    assert tessellated(SHIPPED) == again


def cells_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))[1:]


def test_shipped_cells_are_100_m_squares_without_overlap(again: dict[str, str]) -> None:
    polygons = shapes(cells_of(again["cells.csv"]))
    wide, high = sides(polygons)
    assert (abs(wide - 100) < 1).all()
    assert (abs(high - 100) < 1).all()
    assert shapely.coverage_is_valid(polygons)


def test_shipped_requests_find_a_cell_or_else_their_council() -> None:
    files = ("cells.csv", "communities.csv", "areas.csv")
    city = load_cells(*((SHIPPED / "cells" / name).read_text() for name in files), files=files)
    assert isinstance(city, CellRegistry)
    with (SHIPPED / "history" / "la311_2018.csv").open() as file:
        claims = [claim_of(row) for row in csv.DictReader(file)]
    by = Counter(
        (claim.lon is None, claim.area == "||", found.resolved_by)
        for claim, found in zip(claims, city.resolve(claims), strict=True)
    )
    assert by.total() == 10_000
    assert {how for without, _, how in by if not without} == {"point"}
    assert {how for without, nameless, how in by if without and not nameless} <= {"community"}


def claim_of(row: dict[str, str]) -> Claim:
    lon, lat = (float(row[name]) if row[name] else None for name in ("Longitude", "Latitude"))
    area = f"{row['APC']}|{row['PolicePrecinct']}|{row['NCName']}"
    return Claim(network="hotline", at=datetime(2018, 1, 2, tzinfo=UTC), lon=lon, lat=lat, area=area)


# --- parameters and source of a city


SOURCE = "lon,lat,county,street,community\n113.0005,34.0005,County,East,Gate\n,,County,East,\n"
PARAMETERS = """\
source: history/places.csv
network: hotline
columns: {lon: lon, lat: lat, county: county, street: street, community: community}
county: "41090"
origin: {lon: 113, lat: 34}
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    (tmp_path / "history").mkdir()
    (tmp_path / "cells").mkdir()
    (tmp_path / "history" / "places.csv").write_text(SOURCE)
    (tmp_path / "cells" / "tessellation.yaml").write_text(PARAMETERS)
    return tmp_path


def test_parameters_have_the_defaults_of_the_standard(city: Path) -> None:
    texts = tessellated(city)
    assert len(cells_of(texts["cells.csv"])) == 9  # 100 m and a ring of one
    assert texts["communities.csv"].splitlines()[1] == "410901001001,County / East / Gate,410901001001005"
    assert texts["areas.csv"].splitlines()[1:] == [
        "hotline,County|East|,410901001001,1",
        "hotline,County|East|Gate,410901001001,1",
    ]


@pytest.mark.parametrize("text", ["\ufeff" + SOURCE, SOURCE.replace("\n", "\r\n")], ids=["BOM", "CRLF"])
def test_a_source_written_by_a_spreadsheet_is_read(city: Path, text: str) -> None:
    expected = tessellated(city)
    (city / "history" / "places.csv").write_bytes(text.encode())
    assert tessellated(city) == expected


@pytest.mark.parametrize(
    "lon", ["nan", "inf", "-inf", "1e2", "181", "-180.5", "１１３.0", "١١٣", "1_1", " 113", "113,", "x", "+113"]
)
def test_an_invalid_coordinate_is_reported_with_its_line(city: Path, lon: str) -> None:
    (city / "history" / "places.csv").write_text(SOURCE + f'"{lon}",34,County,East,Gate\n')
    with pytest.raises(
        InputError, match=r"places\.csv:4: the row cannot be read \('.*' is not a number of degrees between"
    ):
        tessellated(city)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("113,91,County,East,Gate", "'91' is not a number of degrees between -90 and 90"),
        ("113,34,County,East", "its number of fields differs from the header"),
        ("113,34,County,East,Gate,5", "its number of fields differs from the header"),
        ('113,34,County,East,"Ga"te', "expected after"),
    ],
)
def test_an_unreadable_row_is_reported(city: Path, row: str, said: str) -> None:
    (city / "history" / "places.csv").write_text(f"{SOURCE}{row}\n")
    with pytest.raises(InputError, match=r"places\.csv:4: the row cannot be read") as caught:
        tessellated(city)
    assert said in str(caught.value)


def test_a_single_coordinate_is_no_point(city: Path) -> None:
    expected = tessellated(city)
    (city / "history" / "places.csv").write_text(f"{SOURCE}113.5,,County,East,Gate\n,34.5,County,East,Gate\n")
    assert tessellated(city) == expected


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("street", "Street", r"places\.csv:1: there is no column 'street'; correct it in tessellation\.yaml\."),
        ("113.0005,34.0005", ",", r"places\.csv: no row has a point; name another source in tessellation\.yaml\."),
    ],
)
def test_a_source_without_needed_columns_is_one_sentence(city: Path, old: str, new: str, said: str) -> None:
    (city / "history" / "places.csv").write_text(SOURCE.replace(old, new))
    with pytest.raises(InputError, match=said):
        tessellated(city)


def test_a_missing_source_is_one_sentence(city: Path) -> None:
    (city / "history" / "places.csv").unlink()
    with pytest.raises(InputError, match=r"places\.csv:1:1: the file is missing"):
        tessellated(city)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('county: "41090"', 'county: "4109"', "4:9: GR003 `county`"),
        ('county: "41090"', 'county: "４１０９０"', "4:9: GR003 `county`"),
        ('county: "41090"', 'county: "41090\\n"', "4:9: GR003 `county`"),
        ("lat: 34}", "lat: 89}", r"5:25: GR003 `origin\.lat`"),
        ("network:", "netwrok:", "2:1: GR002 unknown key `netwrok`"),
        ("source:", "sorce:", "GR005 `source` is missing"),
        ("county: county,", "", r"GR005 `columns\.county` is missing"),
        ("origin:", "ring: 9\norigin:", "5:7: GR003 `ring`"),
        ("origin:", "size: 50\norigin:", "5:1: GR002 unknown key `size`"),
    ],
)
def test_invalid_parameters_are_one_sentence(city: Path, old: str, new: str, said: str) -> None:
    assert PARAMETERS.count(old) == 1
    (city / "cells" / "tessellation.yaml").write_text(PARAMETERS.replace(old, new))
    with pytest.raises(CityError, match=rf"tessellation\.yaml:.*{said}"):
        tessellated(city)


def test_the_error_for_missing_parameters_names_their_page(city: Path) -> None:
    (city / "cells" / "tessellation.yaml").unlink()
    with pytest.raises(
        CityError, match=r"tessellation\.yaml:1:1: GR005 the file is missing; write it; docs/how-to/make-cells\.md"
    ):
        tessellated(city)


def test_more_areas_than_codes_is_one_sentence(city: Path) -> None:
    rows = "".join(f"113.{n:03d},34.5,County,East,{n}\n" for n in range(200))
    (city / "history" / "places.csv").write_text(SOURCE + rows)
    with pytest.raises(InputError, match=r"places\.csv: there are 201 names of communities, and codes for 199; draw"):
        tessellated(city)


def test_codes_that_moved_to_another_square_are_counted(city: Path) -> None:
    before = tessellated(city)["cells.csv"]
    assert renumbered(before, before) == renumbered("", before) == 0
    (city / "history" / "places.csv").write_text(SOURCE + "113.0005,34.0035,County,East,Gate\n")
    after = tessellated(city)["cells.csv"]
    assert renumbered(before, after) == 9  # all: nine squares further north take the first numbers
