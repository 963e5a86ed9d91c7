"""Which datum a network draws its points in, and that only China's phone maps are moved.

The pairs are those that the published implementations of GCJ-02 and BD-09 print for 116.404, 39.915.
"""

from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from router.domain.cells.registry import Claim
from router.domain.geometry import distance_m
from router.domain.intake.coordinate_systems import datum_of, to_wgs84
from router.domain.intake.normalise import normalise
from router.domain.model.vocabulary import Datum
from router.domain.networks.registry import NETWORKS
from tests.support.records import ALARM, Record, city, draft, written
from tests.support.samples import NAMES, listening, sample

AT = datetime(2026, 11, 24, tzinfo=UTC)
GCJ02, BD09 = (116.404, 39.915), (116.41036949371029, 39.92133699351021)
WGS84 = 116.397755, 39.913596
"""GCJ02 in WGS 84, by the published inverse (116.39775550, 39.91359572), which is good to a few metres."""


def claim(lon: float | None, lat: float | None, *, gcj02: bool = False) -> Claim:
    return Claim(network="policing", at=AT, lon=lon, lat=lat, gcj02=gcj02)


def moved(point: tuple[float, float], datum: Datum | None = None, *, gcj02: bool = False) -> tuple[float, float]:
    (one,) = to_wgs84([claim(*point, gcj02=gcj02)], datum)
    assert not one.gcj02 or datum is not None
    assert one.lon is not None
    assert one.lat is not None
    return one.lon, one.lat


@pytest.mark.parametrize(("point", "datum"), [(GCJ02, "gcj02"), (BD09, "bd09")])
def test_a_named_datum_holds_whatever_the_schema_says(point: tuple[float, float], datum: Datum) -> None:
    assert distance_m(*moved(point, datum), *WGS84) < 3
    assert moved(point, datum) == moved(point, datum, gcj02=True)


def test_baidu_is_gcj02_with_a_second_offset() -> None:
    assert distance_m(*moved(BD09, "bd09"), *moved(GCJ02, "gcj02")) < 0.001


@pytest.mark.parametrize("datum", ["wgs84", "cgcs2000"])
def test_an_official_map_is_taken_as_it_is(datum: Datum) -> None:
    assert moved(GCJ02, datum) == moved(GCJ02, datum, gcj02=True) == GCJ02
    assert moved(GCJ02) == GCJ02


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
@pytest.mark.parametrize("point", [(-118.25, 34.05), (2.35, 48.86), (151.2, -33.87), (0.0, 0.0)])
def test_no_phone_map_moves_a_point_far_from_china(point: tuple[float, float], datum: Datum) -> None:
    assert moved(point, datum) == point


def test_claims_without_a_point_stay_as_they_are() -> None:
    nowhere = claim(None, None)
    assert to_wgs84([nowhere], "bd09") == [nowhere]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Urumqi", "PRC"])
def test_in_china_each_claim_says_its_datum_unless_the_city_does(zone: str) -> None:
    assert datum_of("policing", {}, zone) is None
    assert datum_of("policing", {"policing": "bd09"}, zone) == "bd09"


@pytest.mark.parametrize(
    "zone", ["Asia/Seoul", "Asia/Ho_Chi_Minh", "Asia/Taipei", "Asia/Ulaanbaatar", "America/Los_Angeles"]
)
def test_elsewhere_a_point_is_taken_as_it_is_unless_the_city_names_a_datum(zone: str) -> None:
    """Seoul, Hanoi and Ulaanbaatar lie in the bounding box by which the published formula takes a place for China."""
    assert datum_of("policing", {}, zone) == "wgs84"
    assert datum_of("policing", {"policing": "gcj02"}, zone) == "gcj02"


def test_a_report_has_its_point_by_the_citys_datum() -> None:
    alarm = Record(value=written(ALARM | {"jd": 115.0305, "wd": 35.7605}))
    points: list[tuple[float | None, float | None, str]] = []
    for datums in ({}, {"policing": "cgcs2000"}, {"policing": "bd09"}):
        of = replace(city(), datums=datums, rule_set="")
        (made,) = normalise(NETWORKS["policing"], [alarm], of).reports
        points.append((made.location.lon, made.location.lat, of.rule_set))
    assert points[1][:2] == (115.0305, 35.7605)
    assert len({point[2] for point in points}) == 3  # another datum is another rule set
    assert 300 < distance_m(*points[0][:2], 115.0305, 35.7605) < 800  # type: ignore[arg-type]
    assert 900 < distance_m(*points[2][:2], 115.0305, 35.7605) < 1700  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_a_network_names_the_datum_of_its_claims(name: str) -> None:
    one = sample(name)
    found = draft(one.network, orjson.loads(one.text), listening().zone).claim
    if found.lon is not None:
        assert found.gcj02 == (NETWORKS[one.network].datum == "gcj02")
