"""How a report finds its cell: a small city drawn by hand, every step of the order, every doubt, every day of validity."""

from datetime import UTC, date, datetime, timedelta
from math import asin, cos, hypot, inf, nan, radians, sin, sqrt
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.cells import CellRegistry, Claim, cell_code, load_cells, street
from router.domain.reports import Location

# 115 E 35 N, squares of 0.001 degrees: 91 m by 111 m. `S` was split into `S1` and `S2`, and `R` retired, on CHANGE.
#
#   y 1..2   |   S (S1 | S2)   |  R  |
#   y 0..1   |   A1   |   A2   |  B1 |  nothing for 640 m  |  C1  |
#   x        0        1        2     3                    10     11
A, B, C = "410902001001", "410902001002", "410902002001"
A1, A2, S, S1, S2 = (f"{A}{n:03d}" for n in range(1, 6))
B1, R = f"{B}001", f"{B}002"
C1 = f"{C}001"
CHANGE = date(2025, 7, 1)
SQUARES = {
    A1: (0, 0, 1, 1, "", ""),
    A2: (1, 0, 2, 1, "", ""),
    S: (0, 1, 2, 2, "", CHANGE),
    S1: (0, 1, 1, 2, CHANGE, ""),
    S2: (1, 1, 2, 2, CHANGE, ""),
    B1: (2, 0, 3, 1, "", ""),
    R: (2, 1, 3, 2, "", CHANGE),
    C1: (10, 0, 11, 1, "", ""),
}
BEFORE, AFTER = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 9, 1, tzinfo=UTC)
LON, LAT = 115.0, 35.0
UNIT = "410999000000"
"""A police unit, which is no community."""
AREAS = [("policing", UNIT, B), ("hotline", "Old Town|north", C)]


def square(west: float, south: float, east: float, north: float) -> str:
    """WKT of a square given in thousandths of a degree."""
    west, east = (LON + x / 1000 for x in (west, east))
    south, north = (LAT + y / 1000 for y in (south, north))
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


def rows() -> list[tuple[object, ...]]:
    return [(code, "", since, until, square(*box)) for code, (*box, since, until) in SQUARES.items()]


def registry(
    cells: list[tuple[object, ...]] | None = None,
    communities: list[tuple[str, str]] | None = None,
    areas: list[tuple[str, str, str]] | None = None,
    *,
    default: str | None = C1,
    zone: str = "UTC",
) -> CellRegistry:
    cells = rows() if cells is None else cells
    communities = [(A, A2), (B, B1), (C, C1)] if communities is None else communities
    made = load_cells(
        "\n".join(
            ["code,name,valid_from,valid_until,geometry", *(",".join(map(str, r[:4])) + f',"{r[4]}"' for r in cells)]
        ),
        "\n".join(["community,name,default_cell", *(f"{code},,{cell}" for code, cell in communities)]),
        "\n".join(["network,area,code,share", *(",".join([*row, ""]) for row in (AREAS if areas is None else areas))]),
        files=("cells.csv", "communities.csv", "areas.csv"),
        default=default,
        zone=ZoneInfo(zone),
    )
    assert isinstance(made, CellRegistry), made
    return made


CITY = registry()


def claim(x: float | None = None, y: float | None = None, *, at: datetime = AFTER, **said: object) -> Claim:
    """A claim with a point in thousandths of a degree, or without."""
    lon, lat = (None if x is None else LON + x / 1000), (None if y is None else LAT + y / 1000)
    return Claim(network=str(said.pop("network", "policing")), at=at, lon=lon, lat=lat, **said)  # type: ignore[arg-type]


def resolve(one: Claim, city: CellRegistry = CITY) -> Location:
    (found,) = city.resolve([one])
    return found


def metres(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great circle on a sphere of mean radius."""
    half = sin(radians(lat2 - lat1) / 2) ** 2
    half += cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(half))


# --- codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("410902003001007", "410902003001007"),
        ("41090200300107", "410902003001007"),  # CJ/T 213, first edition: a sequence of two digits
        ("000000000000000", "000000000000000"),
    ],
)
def test_codes_of_15_and_14_digits(text: str, code: str) -> None:
    assert cell_code(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4109020030010",  # 13
        "4109020030010071",  # 16
        "410902003001007\n",
        "41090200300107\n",  # 15 characters
        " 410902003001007",
        "410902003001007 ",
        "４１０９０２００３００１００７",  # full width
        "41090200300100７",
        "٤١٠٩٠٢٠٠٣٠٠١٠٠٧",  # Arabic
        "41090200300100²",
        "41090200300100a",
        "-10902003001007",
        "+10902003001007",
        "4109020030010.7",
        "410902003_01007",
        "410902003001007\0",
    ],
)
def test_anything_else_is_no_code(text: str) -> None:
    assert cell_code(text) is None


@given(st.text() | st.text("0123456789", min_size=12, max_size=17) | st.from_regex(r"\A\d{14,15}\Z"))
def test_a_code_is_14_or_15_ascii_digits_and_nothing_else(text: str) -> None:
    code = cell_code(text)
    assert (code is not None) == (len(text) in {14, 15} and set(text) <= set("0123456789"))
    if code is not None:
        assert len(code) == 15
        assert cell_code(code) == code
        assert (code[:12], int(code[12:])) == (text[:12], int(text[12:]))


def test_the_street_is_the_first_nine_digits() -> None:
    assert street("410902003001007") == "410902003"


# --- the order of resolution


def test_the_cell_that_holds_the_point_comes_first() -> None:
    found = resolve(claim(1.5, 0.5, cell=A2, community=C, area="8", accuracy_m=8.0))
    assert (found.cell, found.resolved_by, found.doubt) == (A2, "point", None)
    assert (found.lon, found.lat, found.accuracy_m) == (LON + 0.0015, LAT + 0.0005, 8.0)


def test_a_point_whose_source_gives_no_accuracy_is_taken_for_a_phones() -> None:
    assert resolve(claim(1.5, 0.5)).accuracy_m == 30


def test_the_point_wins_over_the_sources_cell_and_says_so() -> None:
    found = resolve(claim(1.5, 0.5, cell=C1))
    assert (found.cell, found.resolved_by) == (A2, "point")
    assert found.doubt == f"the source wrote cell '{C1}', its point lies in {A2}"


def test_a_cell_of_the_old_form_is_the_same_cell() -> None:
    assert resolve(claim(1.5, 0.5, cell=A2[:12] + A2[13:])).doubt is None
    found = resolve(claim(cell=A2[:12] + A2[13:]))
    assert (found.cell, found.resolved_by, found.doubt) == (A2, "code", None)
    assert found.source_grid == A2[:12] + A2[13:]  # as it wrote it


def test_then_the_nearest_cell() -> None:
    found = resolve(claim(0.5, -1, cell=A1, accuracy_m=8.0))
    assert (found.cell, found.resolved_by, found.accuracy_m) == (A1, "nearest", 8.0)
    assert found.doubt == "the point lies 111 m outside every cell"
    assert (found.lon, found.lat) == (LON + 0.0005, LAT - 0.001)


def test_the_nearest_cell_and_the_sources_own_may_disagree() -> None:
    found = resolve(claim(0.5, -1, cell=A2))
    assert (found.cell, found.resolved_by) == (A1, "nearest")
    assert found.doubt is not None
    assert found.doubt.endswith(f"every cell; the source wrote cell '{A2}', the nearest to its point is {A1}")


def test_beyond_150_m_the_point_says_nothing_and_the_sources_cell_holds() -> None:
    found = resolve(claim(5, 0.5, cell=A1))
    assert (found.cell, found.resolved_by, found.accuracy_m) == (A1, "code", 71)
    assert found.doubt == "the point lies more than 150 m outside every cell"
    assert (found.lon, found.lat) == (None, None)  # correlation must not measure from it


def test_then_the_sources_own_cell() -> None:
    found = resolve(claim(cell=B1, community=A, area=UNIT))
    assert (found.cell, found.resolved_by, found.doubt) == (B1, "code", None)
    assert found.accuracy_m == pytest.approx(hypot(100, 100) / 2, abs=0.5)


def test_then_the_default_cell_of_the_community() -> None:
    found = resolve(claim(community=A, area=UNIT))
    assert (found.cell, found.resolved_by, found.doubt) == (A2, "community", None)
    # the cells of A span 0.002 by 0.002 degrees
    assert found.accuracy_m == pytest.approx(metres(LON, LAT, LON + 0.002, LAT + 0.002) / 2, rel=0.01)


def test_then_the_area_by_the_crosswalk() -> None:
    found = resolve(claim(area="Old Town|north", network="hotline"))
    assert (found.cell, found.resolved_by, found.doubt) == (C1, "community", None)
    assert found.source_grid == "Old Town|north"


def test_a_unit_that_the_crosswalk_knows_is_no_unknown_community() -> None:
    """Policing gives its unit as community and as area: it may be either."""
    found = resolve(claim(community=UNIT, area=UNIT))
    assert (found.cell, found.resolved_by, found.doubt) == (B1, "community", None)
    found = resolve(claim(community="410999000001", area=UNIT))
    assert (found.cell, found.doubt) == (B1, "community '410999000001' is unknown")


def test_an_area_is_the_area_of_its_network() -> None:
    found = resolve(claim(area="Old Town|north"))  # of policing
    assert (found.cell, found.resolved_by) == (C1, "fallback")
    assert found.doubt == "area 'Old Town|north' is not in the crosswalk; nothing names a place inside the city"


def test_an_unknown_cell_falls_back_to_its_community_and_says_so() -> None:
    found = resolve(claim(cell=f"{B}777"))
    assert (found.cell, found.resolved_by, found.doubt) == (B1, "community", f"cell '{B}777' is unknown")


def test_of_an_unknown_community_the_street_is_left() -> None:
    found = resolve(claim(community="410902001999"))
    assert (found.cell, found.resolved_by) == (A2, "community")  # the default of the street's first community
    assert found.doubt == "community '410902001999' is unknown; only its street 410902001 is known"
    # the true place is somewhere in the street, 0.003 by 0.002 degrees
    assert found.accuracy_m == pytest.approx(metres(LON, LAT, LON + 0.003, LAT + 0.002) / 2, rel=0.01)


def test_any_known_community_goes_before_a_street() -> None:
    found = resolve(claim(cell="410902001999001", community=f"{C}001"[:12]))
    assert found.cell == C1
    found = resolve(claim(cell="410902001999001", area=f"{C}01"))  # a police beat that begins with the community
    assert (found.cell, found.resolved_by) == (C1, "community")


@pytest.mark.parametrize("said", [{}, {"cell": "garbage"}, {"community": "999999999999"}, {"area": ""}, {"cell": ""}])
def test_with_nothing_known_the_citys_default_takes_it(said: dict[str, str]) -> None:
    found = resolve(claim(**said))
    assert (found.cell, found.resolved_by) == (C1, "fallback")
    assert found.doubt is not None
    assert found.doubt.endswith("nothing names a place inside the city")
    assert found.accuracy_m == pytest.approx(metres(LON, LAT, LON + 0.011, LAT + 0.002) / 2, rel=0.01)


def test_without_a_default_the_first_cell_is_it() -> None:
    assert resolve(claim(), registry(default=None)).cell == A1


def test_half_a_point_is_none() -> None:
    assert resolve(claim(1.5, None, cell=C1)).resolved_by == "code"
    assert resolve(claim(None, 0.5, cell=C1)).resolved_by == "code"


def test_foreign_text_in_a_doubt_is_short_and_printable() -> None:
    doubt = resolve(claim(cell="\x1b[31m" * 50, community="\u202e" * 50, area="\n" * 500)).doubt
    assert doubt is not None
    assert doubt.isprintable()
    assert len(doubt) < 600


# --- places


def test_a_border_belongs_to_the_smallest_code() -> None:
    assert resolve(claim(1, 0.5)).cell == A1  # of A1, A2
    assert resolve(claim(1.5, 1)).cell == A2  # of A2, S2
    assert resolve(claim(1, 1)).cell == A1  # of A1, A2, S1, S2
    assert resolve(claim(2, 1)).cell == A2  # of A2, S2, B1
    assert resolve(claim(0, 0)).cell == A1


def slanted(bend: float) -> CellRegistry:
    """Two cells with a slanting border, in whose middle the upper one has a vertex, rounded upwards by metres."""
    a, b = f"{LON} {LAT}", f"{LON + 0.007} {LAT + 0.003}"
    middle = f"{LON + 0.0035} {LAT + 0.0015 + bend / 111_320}"
    lower = f"POLYGON(({a},{LON + 0.007} {LAT},{b},{a}))"
    upper = f"POLYGON(({a},{middle},{b},{LON} {LAT + 0.003},{a}))"
    return registry([(A1, "", "", "", lower), (A2, "", "", "", upper)], [], [], default=None)


STRAIGHT, BENT = slanted(0), slanted(0.05)


@given(st.floats(0, 1))
def test_a_slanting_border_belongs_to_a_cell_too(along: float) -> None:
    """Whatever the last bits of the point are, nobody is told that it lies 0 m outside."""
    found = resolve(claim(7 * along, 3 * along), STRAIGHT)
    assert (found.resolved_by, found.doubt) == ("point", None)


def test_a_seam_of_rounded_borders_is_no_outside() -> None:
    found = resolve(claim(3.5, 1.5 + 0.025 / 111.32), BENT)  # 23 mm from either
    assert (found.cell, found.resolved_by, found.doubt) == (A1, "point", None)


@given(st.floats(-4, 14), st.floats(-4, 6), st.sampled_from([BEFORE, AFTER]))
def test_any_point_against_the_squares_themselves(x: float, y: float, at: datetime) -> None:
    one = claim(x, y, at=at)
    assert one.lon is not None
    assert one.lat is not None
    apart = {}
    for code, (west, south, east, north, since, until) in SQUARES.items():
        if (since == CHANGE and at == BEFORE) or (until == CHANGE and at == AFTER):
            continue
        nearest = (
            min(max(one.lon, LON + west / 1000), LON + east / 1000),
            min(max(one.lat, LAT + south / 1000), LAT + north / 1000),
        )
        apart[code] = metres(one.lon, one.lat, *nearest)
    best = min(apart.values())
    found = resolve(one)
    if best == 0:
        assert (found.cell, found.resolved_by) == (min(c for c, m in apart.items() if m == 0), "point")
    elif 0.06 < best < 148:
        assert found.resolved_by == "nearest"
        assert apart[found.cell] < best * 1.01 + 0.1
    elif best > 152:
        assert (found.cell, found.resolved_by) == (C1, "fallback")


@pytest.mark.parametrize(("outside", "by"), [(145.0, "nearest"), (155.0, "fallback")])
@pytest.mark.parametrize(("east", "north"), [(1, 0), (-1, 0), (0, 1), (0, -1)])
@pytest.mark.parametrize("lat", [0.0, 35.0, 60.0, 84.0])
def test_150_m_are_150_m_in_every_direction_at_every_latitude(
    lat: float, east: int, north: int, outside: float, by: str
) -> None:
    wide, high = 100 / 111_195 / cos(radians(lat)), 100 / 111_195
    ring = ((10, lat), (10 + wide, lat), (10 + wide, lat + high), (10, lat + high), (10, lat))
    polygon = f"POLYGON(({','.join(f'{x} {y}' for x, y in ring)}))"
    city = registry([(A1, "", "", "", polygon)], [], [], default=None)
    lon = 10 + wide / 2 + east * wide * (0.5 + outside / 100)
    found = resolve(
        Claim(network="hotline", at=AFTER, lon=lon, lat=lat + high / 2 + north * high * (0.5 + outside / 100)), city
    )
    assert found.resolved_by == by


def test_of_equally_near_cells_the_smallest_code_takes_it() -> None:
    assert resolve(claim(1, -0.5)).cell == A1  # south of the corner of A1 and A2
    assert resolve(claim(2, -0.5)).cell == A2  # of A2 and B1
    mirrored = registry(
        [(code, "", "", "", square(-x, 0, 1 - x, 1)) for x, code in enumerate((A1, A2, S, S1))], [], [], default=None
    )
    assert [resolve(claim(-x, -0.5), mirrored).cell for x in range(3)] == [A1, A2, S]


@pytest.mark.parametrize("lon", [nan, inf, -inf, 0.0, 180.0, -180.0, 1e308, -1e308, 5e-324])
@pytest.mark.parametrize("lat", [nan, inf, -inf, 0.0, 90.0, -90.0, 1e308, 35.0005])
def test_no_coordinate_is_too_odd(lon: float, lat: float) -> None:
    """Source schemas refuse most of these; should one come through, it must not take its batch along."""
    good = claim(1.5, 0.5)
    odd = Claim(network="hotline", at=AFTER, lon=lon, lat=lat)
    first, found, last = CITY.resolve([good, odd, good])
    assert (found.cell, found.resolved_by) == (C1, "fallback")
    assert first == last == resolve(good)


def test_no_claims_no_locations() -> None:
    assert CITY.resolve([]) == []


texts = st.none() | st.sampled_from(
    [
        *SQUARES,
        *(code[:12] + code[13:] for code in SQUARES),
        A,
        B,
        C,
        UNIT,
        "410902001999",
        f"{A}9",
        "x",
        "",
        "Old Town|north",
    ]
)
near = st.none() | st.floats(-4, 14) | st.sampled_from([0.0, 1.0, 2.0, nan])
claims = st.builds(
    claim,
    near,
    near,
    at=st.sampled_from([BEFORE, AFTER, datetime(2025, 7, 1, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)]),
    cell=texts,
    community=texts,
    area=texts,
    network=st.sampled_from(["policing", "hotline"]),
    accuracy_m=st.none() | st.floats(0, 100),
)


@given(st.lists(claims, max_size=12))
def test_a_batch_is_its_claims_one_by_one(batch: list[Claim]) -> None:
    together = CITY.resolve(batch)
    assert list(map(repr, together)) == [repr(resolve(one)) for one in batch]  # repr: NaN equals itself
    for one, found in zip(batch, together, strict=True):
        since, until = SQUARES[found.cell][4:]
        assert not since or one.at >= datetime(2025, 7, 1, tzinfo=UTC)
        assert not until or one.at < datetime(2025, 7, 1, tzinfo=UTC)


# --- days of validity


MIDNIGHT = datetime(2025, 7, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
BLINK = timedelta(microseconds=1)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/Los_Angeles"])
def test_a_split_cell_gives_way_to_its_successors_at_midnight_of_the_city(zone: str) -> None:
    city = registry(zone=zone)
    midnight = datetime(2025, 7, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    for x, successor in ((0.5, S1), (1.5, S2)):
        assert resolve(claim(x, 1.5, at=midnight - BLINK), city).cell == S
        assert resolve(claim(x, 1.5, at=midnight), city).cell == successor
    last, first = (resolve(claim(cell=S, at=at), city) for at in (midnight - BLINK, midnight))
    assert (last.cell, last.resolved_by, last.doubt) == (S, "code", None)
    # both have half of it: the smaller code
    assert (first.cell, first.resolved_by) == (S1, "code")
    assert first.doubt == f"cell {S} was retired on 2025-07-01, succeeded by {S1}, {S2}"
    early, late = (resolve(claim(cell=S2, at=at), city) for at in (midnight - BLINK, midnight))
    assert (early.cell, early.resolved_by) == (S, "code")
    assert early.doubt == f"cell {S2} is valid only from 2025-07-01, preceded by {S}"
    assert (late.cell, late.doubt) == (S2, None)


def test_a_cell_retired_without_successor_leaves_its_community() -> None:
    found = resolve(claim(cell=R))
    assert (found.cell, found.resolved_by, found.doubt) == (B1, "community", f"cell {R} was retired on 2025-07-01")


def test_a_batch_over_the_change_gives_each_report_the_cells_of_its_own_instant() -> None:
    at = [MIDNIGHT + timedelta(hours=h) for h in (2, -2, 1, -1)]
    city = registry(zone="Asia/Shanghai")
    found = city.resolve([claim(0.5, 1.5, at=one) for one in at])
    assert [one.cell for one in found] == [S1, S, S1, S]


def test_a_point_in_a_retired_cell_without_successor_says_so() -> None:
    assert resolve(claim(2.5, 1.5, at=BEFORE)).cell == R
    found = resolve(claim(2.5, 1.5))
    assert (found.cell, found.resolved_by) == (S2, "nearest")  # 46 m west of it; B1 is 56 m south
    assert found.doubt == (
        f"the point lies in cell {R}, which was retired on 2025-07-01; the point lies 46 m outside every cell valid then"
    )


def test_a_retired_cell_beside_the_point_is_not_mentioned() -> None:
    found = resolve(claim(3.5, 0.9))
    assert (found.cell, found.doubt) == (B1, "the point lies 46 m outside every cell")


def test_a_retired_default_cell_is_replaced_by_a_valid_one_of_its_community() -> None:
    city = registry(communities=[(A, S), (B, R), (C, C1)])
    assert resolve(claim(community=B, at=BEFORE), city).cell == R
    found = resolve(claim(community=B), city)
    assert (found.cell, found.resolved_by) == (B1, "community")
    assert found.doubt == f"the default cell {R} was retired on 2025-07-01"
    assert resolve(claim(community=A), city).cell == A1


def test_a_community_without_a_valid_cell_leaves_its_street_then_the_city() -> None:
    cells = [row if row[0] != B1 else (*row[:3], CHANGE, row[4]) for row in rows()]
    city = registry(cells)
    found = resolve(claim(community=B), city)
    assert (found.cell, found.resolved_by) == (A1, "community")
    assert found.accuracy_m == resolve(claim(community="410902001999"), city).accuracy_m  # that of the street
    only = registry([row for row in cells if row[0] in {B1, C1}], [(B, B1)], [])
    found = resolve(claim(community=B), only)
    assert (found.cell, found.resolved_by) == (C1, "fallback")
    assert found.doubt == f"the default cell {B1} was retired on 2025-07-01"


def test_when_no_cell_at_all_was_valid_the_default_takes_it_and_says_so() -> None:
    city = registry([(A1, "", CHANGE, "", square(0, 0, 1, 1))], [(A, A1)], [], default=A1)
    found = resolve(claim(0.5, 0.5, at=BEFORE), city)
    assert found.cell == A1
    assert found.doubt is not None
    assert f"the point lies in cell {A1}, which is valid only from 2025-07-01" in found.doubt
    assert f"the default cell {A1} is valid only from 2025-07-01" in found.doubt


# --- the version


def test_the_order_of_rows_is_no_content() -> None:
    mixed = rows()
    Random(4).shuffle(mixed)
    other = registry(mixed, [(C, C1), (A, A2), (B, B1)], AREAS[::-1])
    assert other.version == CITY.version
    assert list(other.cells) == list(CITY.cells) == sorted(SQUARES)


def changed(place: int, value: object) -> CellRegistry:
    first, *others = rows()
    return registry([(*first[:place], value, *first[place + 1 :]), *others])


@pytest.mark.parametrize(
    "other",
    [
        changed(0, f"{A}009"),
        changed(1, "Market"),
        changed(2, date(2000, 1, 1)),
        changed(3, date(2100, 1, 1)),
        changed(4, square(0, 0, 1, 0.999)),
        registry(rows()[1:]),
        registry(communities=[(A, A1), (B, B1), (C, C1)]),
        registry(communities=[(A, A2), (B, B1), (C, C1), ("410902001003", A1)]),
        registry(areas=[*AREAS[:1], ("hotline", "Old Town|north", A)]),
        registry(areas=AREAS[:1]),
        registry(default=A1),
    ],
    ids=["code", "name", "from", "until", "border", "gone", "default", "community", "area", "areas", "city's default"],
)
def test_any_content_is(other: CellRegistry) -> None:
    assert other.version != CITY.version
