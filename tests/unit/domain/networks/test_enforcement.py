"""Enforcement: clues of offences with a point as GeoJSON writes it and a professional grid of 20 digits."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import Claim
from router.domain.networks.schema.local_time import DOUBT
from router.domain.networks.schema.network import Draft
from tests.support.records import draft, rejection, report
from tests.support.samples import listening

SHANGHAI, LOS_ANGELES = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
OFFENCE = {
    "clueNo": "E1",
    "causeCode": "ZF0101",
    "gridCode": "03010241090200100100",
    "registerTime": "2018-01-01 08:00:09",
}
EIGHT = datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)


def at(*coordinates: Any, kind: str = "Point") -> dict[str, Any]:
    return {"location": {"type": kind, "coordinates": coordinates}}


def test_an_offence_with_only_required_fields_is_accepted() -> None:
    assert draft("enforcement", OFFENCE, SHANGHAI) == Draft(
        source_id="E1",
        codes=("ZF0101",),
        occurred_at=EIGHT,
        reported_at=EIGHT,
        claim=Claim(network="enforcement", at=EIGHT, community="410902001001", area="03010241090200100100"),
    )


def test_the_longitude_comes_first_in_a_point() -> None:
    claim = draft("enforcement", OFFENCE | at(115.0305, 35.7605), SHANGHAI).claim
    assert (claim.lon, claim.lat, claim.accuracy_m) == (115.0305, 35.7605, 15.0)
    swapped = "`location.coordinates.1`: more than 90 (perhaps longitude and latitude are swapped)"
    assert swapped in rejection("enforcement", OFFENCE | at(35.7605, 115.0305), listening()).reason


@pytest.mark.parametrize(
    "behind", [(52.3,), (8848.86,), (-422,), (None,), (0, 1514764809), ("52 m",), (float("inf"),), ()], ids=str
)
def test_an_altitude_is_ignored(behind: tuple[Any, ...]) -> None:
    """RFC 7946, 3.1.1: a third element may be the altitude, and parsers may ignore further ones."""
    claim = draft("enforcement", OFFENCE | at(115.0305, 35.7605, *behind), SHANGHAI).claim
    assert (claim.lon, claim.lat) == (115.0305, 35.7605)


@pytest.mark.parametrize(
    ("location", "point"),
    [
        ({"type": "Point", "coordinates": [115.0305, 35.7605], "bbox": [115, 35, 116, 36]}, (115.0305, 35.7605)),
        ({"type": "Point", "coordinates": [0, 0]}, (0, 0)),
        ({"type": "Point", "coordinates": [115, 35]}, (115, 35)),
        (None, (None, None)),
    ],
)
def test_a_point_is_geojson(location: dict[str, Any] | None, point: tuple[float | None, float | None]) -> None:
    claim = draft("enforcement", OFFENCE | {"location": location}, SHANGHAI).claim
    assert (claim.lon, claim.lat) == point


def test_a_point_outranks_the_grid() -> None:
    message = OFFENCE | {"gridCode": "03010241090200200100"}
    without = report("enforcement", message | {"location": None}, listening()).location
    assert (without.cell, without.resolved_by, without.doubt) == ("410902002001001", "community", None)
    location = report("enforcement", message | at(115.0305, 35.7605), listening()).location
    assert (location.cell, location.resolved_by) == ("410902001001001", "point")
    assert location.source_grid == "03010241090200200100"


@pytest.mark.parametrize(
    ("grid", "community"),
    [
        ("03010241090200160000", "410902001600"),
        ("03010241090200160100", None),  # several joined
        ("03010241090200100102", None),  # a part of one
    ],
)
def test_a_grid_equal_to_a_community_gives_the_community(grid: str, community: str | None) -> None:
    claim = draft("enforcement", OFFENCE | {"gridCode": grid}, SHANGHAI).claim
    assert (claim.community, claim.area) == (community, grid)


@pytest.mark.parametrize(
    ("degree", "urgency", "severity"),
    [
        ("minor", "Future", "Minor"),
        ("ordinary", "Expected", "Moderate"),
        ("serious", "Expected", "Severe"),
        ("grave", "Immediate", "Extreme"),
        ("", "Unknown", "Unknown"),
        (None, "Unknown", "Unknown"),
    ],
)
def test_the_degree_gives_the_severity(degree: str | None, urgency: str, severity: str) -> None:
    made = draft("enforcement", OFFENCE | {"degree": degree}, SHANGHAI)
    assert (made.urgency, made.severity) == (urgency, severity)


@pytest.mark.parametrize(
    ("source", "certainty"),
    [
        ("patrol", "Observed"),
        ("camera", "Likely"),
        ("complaint", "Possible"),
        ("transfer", "Unknown"),
        ("", "Unknown"),
        (None, "Unknown"),
    ],
)
def test_the_source_gives_the_certainty(source: str | None, certainty: str) -> None:
    assert draft("enforcement", OFFENCE | {"clueSource": source}, SHANGHAI).certainty == certainty


def test_wall_times_are_converted_with_their_doubts() -> None:
    times = {"occurTime": "2018-03-11 02:30:00", "registerTime": "2018-03-11 03:30:00"}
    made = draft("enforcement", OFFENCE | times | {"partyRef": "p-**1", "more": {}}, LOS_ANGELES)
    assert made.occurred_at == made.claim.at == datetime(2018, 3, 11, 10, 30, tzinfo=UTC)
    assert made.reported_at == datetime(2018, 3, 11, 10, 30, tzinfo=UTC)
    assert made.extensions == {
        "more": {},
        "partyRef": "p-**1",
        DOUBT: "2018-03-11T02:30:00 was skipped by the clocks, read with the offset before the change",
    }


@pytest.mark.parametrize("status", ["Actual", "Exercise", "Test"])
def test_drills_and_tests_stay_recognisable(status: str) -> None:
    assert draft("enforcement", OFFENCE | {"status": status}, SHANGHAI).status == status


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(("occurTime", "clueSource", "degree", "address", "facts", "partyRef", "officerRef"), "")
    assert draft("enforcement", OFFENCE | empty | {"evidence": []}, SHANGHAI) == draft("enforcement", OFFENCE, SHANGHAI)


def test_the_address_replaces_missing_facts() -> None:
    assert draft("enforcement", OFFENCE | {"address": "中原路"}, SHANGHAI).description == "中原路"


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"clueNo": "线索1"}, "bad-id", "clueNo"),
        ({"registerTime": "2018-01-01T08:00:09Z"}, "bad-time", "registerTime"),
        ({"occurTime": "1969-12-31 23:59:59"}, "bad-time", "occurTime"),
        ({"partyRef": "410902199001011234"}, "personal-data", "partyRef"),
        ({"officerRef": "13812345678"}, "personal-data", "officerRef"),
        ({"causeCode": "ZF101"}, "schema", "causeCode"),
        ({"gridCode": "410902001001001"}, "schema", "gridCode"),
        (at(115.03), "schema", "location.coordinates.1"),
        (at(115.03, -90.5), "schema", "location.coordinates.1"),
        (at(180.5, 35.76), "schema", "location.coordinates.0"),
        (at(115.03, None), "schema", "location.coordinates.1"),
        (at(), "schema", "location.coordinates.0"),
        (at([115.03, 35.76]), "schema", "location.coordinates.0"),
        (at("115.03", 35.76), "schema", "location.coordinates.0"),
        (at(True, 35.76), "schema", "location.coordinates.0"),
        (at(115.03, 35.76, kind="Polygon"), "schema", "location.type"),
        ({"location": {"type": "Point"}}, "schema", "location.coordinates"),
        ({"location": [115.03, 35.76]}, "schema", "location"),
        ({"degree": "严重"}, "schema", "degree"),
        ({"evidence": "a.jpg"}, "schema", "evidence"),
    ],
)
def test_an_invalid_offence_is_rejected(wrong: dict[str, Any], code: str, field: str) -> None:
    rejected = rejection("enforcement", OFFENCE | wrong, listening())
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{field}`: ")
