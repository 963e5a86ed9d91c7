"""Distances compared with Vincenty's WGS 84 geodesic, and GCJ-02 compared with published pairs."""

from math import asin, atan, atan2, cos, hypot, radians, sin, sqrt, tan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.geometry import METRES_PER_DEGREE, distance_m, gcj02_to_wgs84, wgs84_to_gcj02

MILLIMETRE = 0.001 / 111_000  # in degrees of latitude
EQUATORIAL, FLATTENING = 6_378_137.0, 1 / 298.257_223_563


def haversine(lon1: float, lat1: float, lon2: float, lat2: float, radius: float = 6_371_008.8) -> float:
    """Metres on a sphere."""
    half = sin(radians(lat2 - lat1) / 2) ** 2
    half += cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * radius * asin(sqrt(half))


def vincenty(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Metres on the ellipsoid of WGS 84: T. Vincenty, Survey Review 23 (1975), the inverse solution."""
    a, f = EQUATORIAL, FLATTENING
    b = (1 - f) * a
    apart = radians(lon2 - lon1)
    one, two = (atan((1 - f) * tan(radians(lat))) for lat in (lat1, lat2))
    turn = apart
    for _ in range(10):  # near points settle after three
        sin_s = hypot(cos(two) * sin(turn), cos(one) * sin(two) - sin(one) * cos(two) * cos(turn))
        if sin_s == 0:
            return 0.0
        cos_s = sin(one) * sin(two) + cos(one) * cos(two) * cos(turn)
        sigma = atan2(sin_s, cos_s)
        sin_a = cos(one) * cos(two) * sin(turn) / sin_s
        cos2_a = 1 - sin_a**2
        middle = cos_s - 2 * sin(one) * sin(two) / cos2_a if cos2_a > 1e-15 else 0.0
        c = f / 16 * cos2_a * (4 + f * (4 - 3 * cos2_a))
        turn = apart + (1 - c) * f * sin_a * (sigma + c * sin_s * (middle + c * cos_s * (2 * middle**2 - 1)))
    u2 = cos2_a * (a**2 - b**2) / b**2
    big_a = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    big_b = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
    last = big_b / 6 * middle * (4 * sin_s**2 - 3) * (4 * middle**2 - 3)
    return b * big_a * (sigma - big_b * sin_s * (middle + big_b / 4 * (cos_s * (2 * middle**2 - 1) - last)))


def test_the_reference_formula_measures_the_australian_datum_line() -> None:
    """Flinders Peak to Buninyong, 54,972.271 m (on GRS 80, which differs from WGS 84 by 0.1 mm)."""
    flinders = 144 + 25 / 60 + 29.52440 / 3600, -(37 + 57 / 60 + 3.72030 / 3600)
    buninyong = 143 + 55 / 60 + 35.38390 / 3600, -(37 + 39 / 60 + 10.15610 / 3600)
    assert vincenty(*flinders, *buninyong) == pytest.approx(54_972.271, abs=0.001)


@pytest.mark.parametrize(
    ("one", "two", "metres"),
    [
        ((0, 0), (0, 0.001), 110.574),  # a degree of latitude at the equator is 110,574 m
        ((0, 0), (0.001, 0), 111.319),  # a degree of longitude there 111,319 m
        ((-118.294, 34.0676), (-118.293, 34.0676), 92.313),  # 111,412.84 cos - 93.5 cos 3 at that latitude
        ((25, 60), (25.001, 60), 55.800),
        ((25, 60), (25, 60.001), 111.412),
        ((15, 78.2), (15.001, 78.2), 22.846),  # Svalbard
    ],
)
def test_distances_match_the_length_of_a_degree(
    one: tuple[float, float], two: tuple[float, float], metres: float
) -> None:
    assert distance_m(*one, *two) == pytest.approx(metres, rel=0.007)


def test_distances_at_high_latitude_match_the_sphere() -> None:
    for lat in (60, 66, 75, 80, 85):
        there = 0.02, lat + 0.02
        assert distance_m(0, lat, *there) == pytest.approx(haversine(0, lat, *there, radius=EQUATORIAL), rel=1e-4)


lons, lats = st.floats(-179, 179), st.floats(-60, 60)
metres_each = st.floats(-7000, 7000)  # up to 9.9 km in all


@given(lons, lats, metres_each, metres_each)
def test_the_error_stays_below_the_documented_limit(lon: float, lat: float, east: float, north: float) -> None:
    lat2 = max(-60.0, min(60.0, lat + north / METRES_PER_DEGREE))
    lon2 = lon + east / METRES_PER_DEGREE / cos(radians(lat2))
    true = vincenty(lon, lat, lon2, lat2)
    assert distance_m(lon, lat, lon2, lat2) == pytest.approx(true, rel=0.007, abs=1e-6)


@given(lons, lats, lons, lats)
def test_distance_is_symmetric_and_zero_to_itself(a: float, b: float, c: float, d: float) -> None:
    assert distance_m(a, b, c, d) == pytest.approx(distance_m(c, d, a, b), rel=1e-12)
    assert distance_m(a, b, a, b) == 0


PUBLISHED = [
    # eviltransform's own test: Shanghai, Shenzhen, Beijing
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    # the README of coordtransform
    ((128.543, 37.065), (128.54820547949757, 37.065651049489816)),
]


@pytest.mark.parametrize(("wgs", "gcj"), PUBLISHED)
def test_gcj_02_matches_published_pairs(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert wgs84_to_gcj02(*wgs) == pytest.approx(gcj, abs=1e-11)
    assert gcj02_to_wgs84(*gcj) == pytest.approx(wgs, abs=MILLIMETRE)


@given(st.floats(73, 136), st.floats(3, 54))
def test_gcj_02_round_trip_is_exact_to_a_millimetre(lon: float, lat: float) -> None:
    there = wgs84_to_gcj02(lon, lat)
    assert vincenty(lon, lat, *there) < 750
    assert vincenty(lon, lat, *gcj02_to_wgs84(*there)) < 0.001


outside = st.one_of(
    st.tuples(st.floats(-180, 72), st.floats(-90, 90)),
    st.tuples(st.floats(137.9, 180), st.floats(-90, 90)),
    st.tuples(st.floats(-180, 180), st.floats(55.9, 90)),
    st.tuples(st.floats(-180, 180), st.floats(-90, 0.8)),
)


@given(outside)
def test_outside_china_both_conversions_are_the_identity(point: tuple[float, float]) -> None:
    assert wgs84_to_gcj02(*point) == point
    assert gcj02_to_wgs84(*point) == point


def test_points_of_los_angeles_stay_where_they_are() -> None:
    point = (-118.294017712, 34.0676390557)
    assert wgs84_to_gcj02(*point) == gcj02_to_wgs84(*point) == point
