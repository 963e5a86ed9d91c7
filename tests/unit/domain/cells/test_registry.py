"""Cell resolution: every step of the order and every doubt, in a small test city."""

from datetime import date
from math import hypot
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.cells.csv_tables import Tables, read_tables
from router.domain.cells.registry import CellRegistry, Claim, cell_code, street
from router.domain.documents import Source
from tests.support.cells import FILES, Dated, texts
from tests.support.example_city import (
    A1,
    A2,
    AREAS,
    B1,
    C1,
    CITY,
    LAT,
    LON,
    SQUARES,
    UNIT,
    A,
    B,
    C,
    claim,
    metres,
    registry,
    resolve,
    rows,
    square,
)

# --- codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("410902003001007", "410902003001007"),
        ("41090200300107", "410902003001007"),  # CJ/T 213, first rule set: a sequence of two digits
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
def test_other_texts_are_no_code(text: str) -> None:
    assert cell_code(text) is None


@given(st.text() | st.text("0123456789", min_size=12, max_size=17) | st.from_regex(r"\A\d{14,15}\Z"))
def test_a_code_has_exactly_14_or_15_ascii_digits(text: str) -> None:
    code = cell_code(text)
    assert (code is not None) == (len(text) in {14, 15} and set(text) <= set("0123456789"))
    if code is not None:
        assert len(code) == 15
        assert cell_code(code) == code
        assert (code[:12], int(code[12:])) == (text[:12], int(text[12:]))


def test_the_street_is_the_first_nine_digits() -> None:
    assert street("410902003001007") == "410902003"


# --- the order of resolution


def test_the_cell_that_contains_the_point_comes_first() -> None:
    found = resolve(claim(1.5, 0.5, cell=A2, community=C, area="8", accuracy_m=8.0))
    assert (found.cell, found.resolved_by, found.doubt) == (A2, "point", None)
    assert (found.lon, found.lat, found.accuracy_m) == (LON + 0.0015, LAT + 0.0005, 8.0)


def test_a_point_without_accuracy_gets_that_of_a_phone() -> None:
    assert resolve(claim(1.5, 0.5)).accuracy_m == 30


def test_the_point_has_priority_over_the_cell_with_a_doubt() -> None:
    found = resolve(claim(1.5, 0.5, cell=C1))
    assert (found.cell, found.resolved_by) == (A2, "point")
    assert found.doubt == f"the source wrote cell '{C1}', its point lies in {A2}"


def test_a_14_digit_code_is_the_same_cell() -> None:
    assert resolve(claim(1.5, 0.5, cell=A2[:12] + A2[13:])).doubt is None
    found = resolve(claim(cell=A2[:12] + A2[13:]))
    assert (found.cell, found.resolved_by, found.doubt) == (A2, "code", None)
    assert found.source_grid == A2[:12] + A2[13:]  # as it wrote it


def test_the_nearest_cell_comes_second() -> None:
    found = resolve(claim(0.5, -1, cell=A1, accuracy_m=8.0))
    assert (found.cell, found.resolved_by, found.accuracy_m) == (A1, "nearest", 8.0)
    assert found.doubt == "the point lies 111 m outside every cell"
    assert (found.lon, found.lat) == (LON + 0.0005, LAT - 0.001)


def test_a_doubt_says_when_nearest_cell_and_given_cell_differ() -> None:
    found = resolve(claim(0.5, -1, cell=A2))
    assert (found.cell, found.resolved_by) == (A1, "nearest")
    assert found.doubt is not None
    assert found.doubt.endswith(f"every cell; the source wrote cell '{A2}', the nearest to its point is {A1}")


def test_beyond_150_m_of_a_cell_the_given_cell_is_used() -> None:
    found = resolve(claim(5, 0.5, cell=A1))
    assert (found.cell, found.resolved_by, found.accuracy_m) == (A1, "code", 30)
    assert found.doubt == "the point lies more than 150 m outside every cell"
    assert (found.lon, found.lat) == (LON + 0.005, LAT + 0.0005)  # merging and the department need it
    assert found.outside


def test_a_point_outside_every_cell_is_kept_whatever_decides_the_cell() -> None:
    found = resolve(claim(5, 0.5, accuracy_m=8.0))
    assert (found.resolved_by, found.lon, found.lat, found.accuracy_m) == ("fallback", LON + 0.005, LAT + 0.0005, 8.0)
    assert found.doubt == "the point lies more than 150 m outside every cell; nothing names a place inside the city"
    found = resolve(claim(5, 0.5, community=A))
    assert (found.resolved_by, found.lon, found.outside) == ("community", LON + 0.005, True)
    assert not resolve(claim(1.5, 0.5)).outside
    assert not resolve(claim(0.5, -1)).outside
    assert not resolve(claim(cell=A1)).outside


@pytest.mark.parametrize(
    ("lon", "lat", "shown"), [(0, 0, "0 0"), (LAT, LON, f"{LAT:g} {LON:g}"), (116.4, 39.9, "116.4 39.9")]
)
def test_a_point_far_outside_the_city_is_named_but_not_used(lon: float, lat: float, shown: str) -> None:
    """Every report without coordinates of a careless source lies at 0, 0; they have nothing else in common."""
    found = resolve(claim((lon - LON) * 1000, (lat - LAT) * 1000, cell=A1))
    assert (found.cell, found.resolved_by, found.lon, found.lat) == (A1, "code", None, None)
    assert found.doubt is not None
    assert found.doubt.startswith(f"the point {shown} lies ")
    assert found.doubt.endswith(" km outside the city and was not used")


def test_a_point_in_the_next_town_is_still_a_place() -> None:
    """A hundredth of a degree of latitude is 1.1 km: 0.44 degrees are 49 km, 0.46 are 51 km."""
    assert resolve(claim(0.5, -440, cell=A1)).lat is not None
    assert resolve(claim(0.5, -460, cell=A1)).lat is None


def test_the_given_cell_comes_third() -> None:
    found = resolve(claim(cell=B1, community=A, area=UNIT))
    assert (found.cell, found.resolved_by, found.doubt) == (B1, "code", None)
    assert found.accuracy_m == pytest.approx(hypot(100, 100) / 2, abs=0.5)


def test_the_default_cell_of_the_community_comes_fourth() -> None:
    found = resolve(claim(community=A, area=UNIT))
    assert (found.cell, found.resolved_by, found.doubt) == (A2, "community", None)
    # the cells of A span 0.002 by 0.002 degrees
    assert found.accuracy_m == pytest.approx(metres(LON, LAT, LON + 0.002, LAT + 0.002) / 2, rel=0.01)


def test_the_area_through_the_crosswalk_comes_fifth() -> None:
    found = resolve(claim(area="Old Town|north", network="hotline"))
    assert (found.cell, found.resolved_by, found.doubt) == (C1, "community", None)
    assert found.source_grid == "Old Town|north"


def test_a_unit_in_the_crosswalk_is_not_an_unknown_community() -> None:
    """Policing sends its unit as community and as area, because it may be either."""
    found = resolve(claim(community=UNIT, area=UNIT))
    assert (found.cell, found.resolved_by, found.doubt) == (B1, "community", None)
    found = resolve(claim(community="410999000001", area=UNIT))
    assert (found.cell, found.doubt) == (B1, "community '410999000001' is unknown")


def test_an_area_code_is_looked_up_for_its_network() -> None:
    found = resolve(claim(area="Old Town|north"))  # of policing
    assert (found.cell, found.resolved_by) == (C1, "fallback")
    assert found.doubt == "area 'Old Town|north' is not in the crosswalk; nothing names a place inside the city"


def test_an_unknown_cell_falls_back_to_its_community_with_a_doubt() -> None:
    found = resolve(claim(cell=f"{B}777"))
    assert (found.cell, found.resolved_by, found.doubt) == (B1, "community", f"cell '{B}777' is unknown")


def test_an_unknown_community_falls_back_to_its_street() -> None:
    found = resolve(claim(community="410902001999"))
    assert (found.cell, found.resolved_by) == (A2, "community")  # the default of the street's first community
    assert found.doubt == "community '410902001999' is unknown; only its street 410902001 is known"
    # the true position is in the street, 0.003 by 0.002 degrees
    assert found.accuracy_m == pytest.approx(metres(LON, LAT, LON + 0.003, LAT + 0.002) / 2, rel=0.01)


def test_any_known_community_has_priority_over_a_street() -> None:
    found = resolve(claim(cell="410902001999001", community=f"{C}001"[:12]))
    assert found.cell == C1
    found = resolve(claim(cell="410902001999001", area=f"{C}01"))  # a police beat that begins with the community
    assert (found.cell, found.resolved_by) == (C1, "community")


@pytest.mark.parametrize("said", [{}, {"cell": "garbage"}, {"community": "999999999999"}, {"area": ""}, {"cell": ""}])
def test_without_any_known_code_the_city_default_is_used(said: dict[str, str]) -> None:
    found = resolve(claim(**said))
    assert (found.cell, found.resolved_by) == (C1, "fallback")
    assert found.doubt is not None
    assert found.doubt.endswith("nothing names a place inside the city")
    assert found.accuracy_m == pytest.approx(metres(LON, LAT, LON + 0.011, LAT + 0.002) / 2, rel=0.01)


def test_without_a_default_the_first_cell_is_used() -> None:
    assert resolve(claim(), registry(default=None)).cell == A1


def test_a_single_coordinate_is_no_point() -> None:
    assert resolve(claim(1.5, None, cell=C1)).resolved_by == "code"
    assert resolve(claim(None, 0.5, cell=C1)).resolved_by == "code"


def test_external_text_in_a_doubt_is_short_and_printable() -> None:
    doubt = resolve(claim(cell="\x1b[31m" * 50, community="\u202e" * 50, area="\n" * 500)).doubt
    assert doubt is not None
    assert doubt.isprintable()
    assert len(doubt) < 600


# --- the version


def test_the_order_of_rows_does_not_change_the_version() -> None:
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
def test_any_content_changes_the_version(other: CellRegistry) -> None:
    assert other.version != CITY.version


BEIJING = "110101001001"
"""A community of another prefecture."""


def test_a_code_of_another_city_is_named_as_such() -> None:
    found = resolve(claim(community=BEIJING))
    assert (found.resolved_by, found.source_grid) == ("fallback", BEIJING)
    assert found.doubt == f"community '{BEIJING}' is of another city (1101); nothing names a place inside the city"
    found = resolve(claim(cell=f"{BEIJING}001", community=A))
    assert (found.resolved_by, found.doubt) == ("community", f"cell '{BEIJING}001' is of another city (1101)")
    assert resolve(claim(community=f"{A[:9]}777")).doubt == (
        f"community '{A[:9]}777' is unknown; only its street {A[:9]} is known"
    )


def test_a_point_of_this_city_beside_a_community_of_another_has_a_doubt() -> None:
    found = resolve(claim(1.5, 0.5, community=BEIJING))
    assert (found.cell, found.resolved_by) == (A2, "point")
    assert found.doubt == f"community '{BEIJING}' is of another city (1101), its point is not"
    assert resolve(claim(1.5, 0.5, community=A)).doubt is None


@pytest.mark.parametrize("place", [claim(1.5, 0.5), claim(community=A)])
def test_a_code_of_another_city_that_is_no_place_is_a_doubt(place: Claim) -> None:
    """The class or component of another city says that the report may be of that city, whatever its point is."""
    sound = resolve(replace(place, county_code=f"{A[:6]}0102"))
    assert sound.doubt is None
    found = resolve(replace(place, county_code="1101010102"))
    assert found.doubt == "code '1101010102' is of another city (1101)"
    assert (found.cell, found.resolved_by) == (sound.cell, sound.resolved_by)
    assert resolve(claim(9.5, 0.5, community=A, county_code="1101010102")).doubt is not None


def test_a_professional_grid_of_another_city_beside_a_point_is_a_doubt() -> None:
    grid = f"020100{BEIJING}01"
    assert resolve(claim(1.5, 0.5, area=grid)).doubt == f"area '{grid}' is of another city (1101)"
    assert resolve(claim(1.5, 0.5, area=f"020100{A}01")).doubt is None


def test_the_point_of_every_address_not_found_is_no_place() -> None:
    """One point for many addresses: two reports there have nothing in common."""
    tables = read_tables(*(Source(*one) for one in zip(FILES[:3], texts(CELLS_OF_ONE, {A: A1}), strict=False)), None)
    assert isinstance(tables, Tables)
    plain, listed = CellRegistry(tables), CellRegistry(tables, stand_ins=[(LON + 0.0005, LAT + 0.0005)])
    there, beside = claim(0.5, 0.5, community=A), claim(0.502, 0.5, community=A)
    assert plain.resolve([there])[0].resolved_by == "point"
    found, other, nowhere = listed.resolve([there, beside, claim(community=A)])
    assert (found.cell, found.resolved_by, found.lon, found.lat) == (A1, "community", None, None)
    assert (
        found.doubt
        == "the point 115.0005 35.0005 stands for addresses that the geocoder did not find, and was not used"
    )
    assert (other.resolved_by, other.doubt) == ("point", None)
    assert (nowhere.resolved_by, nowhere.doubt) == ("community", None)
    assert listed.version != plain.version == CellRegistry(tables, stand_ins=[]).version


CELLS_OF_ONE: dict[str, Dated] = {A1: ((0, 0, 1, 1), None, None)}
