"""Environment: readings over their limit and complaints on one topic, WGS 84 points, times with their zone."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import Claim
from router.domain.model.report import Media
from router.domain.networks.schema.network import Draft
from tests.support.records import COMPLAINT, READING, city, draft, rejection, report, table

ZONE = ZoneInfo("America/Los_Angeles")
"""Its times carry their own zone, so this one must not matter."""
HASH = "0f" * 32
EIGHT = datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)
"""08:00:09 at +08:00."""
FULL = {
    "kind": "complaint",
    "id": "C-2018-9",
    "category": "odour",
    "reportedAt": "2018-01-01T08:00:09+08:00",
    "occurredAt": "2017-12-31T23:30:00.250Z",
    "longitude": 115.0305,
    "latitude": 35.7605,
    "communityCode": "410902001001",
    "address": "胜利路",
    "content": "刺激性气味",
    "complainantRef": "c-**17",
    "photos": [{"url": "https://photos.example.org/a.jpg", "sha256": HASH}],
    "status": "Exercise",
    "wind": 3.5,
}


def test_a_full_complaint_becomes_a_full_report() -> None:
    assert draft("environment", FULL, ZONE) == Draft(
        source_id="C-2018-9",
        codes=("odour",),
        occurred_at=datetime(2017, 12, 31, 23, 30, 0, 250_000, tzinfo=UTC),
        reported_at=EIGHT,
        claim=Claim(
            network="environment",
            at=datetime(2017, 12, 31, 23, 30, 0, 250_000, tzinfo=UTC),
            lon=115.0305,
            lat=35.7605,
            accuracy_m=50.0,
            community="410902001001",
        ),
        status="Exercise",
        description="刺激性气味",
        address="胜利路",
        reporter="c-**17",
        media=(Media(url="https://photos.example.org/a.jpg", sha256=HASH),),
        extensions={"wind": 3.5},
    )


def test_a_full_reading_becomes_a_full_report() -> None:
    assert draft("environment", READING | {"status": "Test", "method": "UV"}, ZONE) == Draft(
        source_id="R1",
        codes=("reading/H2S", "reading"),
        occurred_at=EIGHT,
        reported_at=EIGHT,
        claim=Claim(network="environment", at=EIGHT, lon=115.0305, lat=35.7605, accuracy_m=10.0, area="s-7"),
        status="Test",
        urgency="Expected",
        severity="Moderate",  # 0.09 over 0.06 is one and a half
        certainty="Observed",
        description="H2S 0.09 mg/m3, limit 0.06",
        extensions={"method": "UV"},
    )


@pytest.mark.parametrize(
    ("value", "severity"),
    [(101, "Minor"), (149.9, "Minor"), (150, "Moderate"), (199.9, "Moderate"), (200, "Severe"), (500, "Extreme")],
)
def test_the_excess_over_the_limit_gives_the_severity(value: float, severity: str) -> None:
    assert draft("environment", READING | {"value": value, "limit": 100}, ZONE).severity == severity


def test_an_infinite_excess_is_extreme() -> None:
    assert draft("environment", READING | {"value": 1e308, "limit": 1e-300}, ZONE).severity == "Extreme"


@pytest.mark.parametrize("value", [0.06, 0.05, -1, 0])
def test_a_reading_must_be_above_its_limit(value: float) -> None:
    rejected = rejection("environment", READING | {"value": value})
    assert rejected.code == "schema"
    assert "the value of the reading is not above its limit" in rejected.reason


@pytest.mark.parametrize(
    ("message", "matter"),
    [
        (READING, "tree"),
        (READING | {"pollutant": "PM2.5"}, "grass"),
        (COMPLAINT, "hole"),
    ],
)
def test_the_class_of_a_pollutant_outranks_the_class_of_readings(message: dict[str, Any], matter: str) -> None:
    of = city(environment=table("reading/H2S,,tree,\nreading,,grass,\nodour,,hole,\n"))
    assert report("environment", message, of).matter == matter


def test_a_complaint_with_the_code_of_a_reading_is_rejected() -> None:
    assert "field `category`" in rejection("environment", COMPLAINT | {"category": "reading/H2S"}).reason


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2018-01-01T08:00:09+08:00", "2018-01-01T00:00:09"),
        ("2018-01-01T08:00:09Z", "2018-01-01T08:00:09"),
        ("2018-01-01T08:00:09-00:00", "2018-01-01T08:00:09"),
        ("2018-11-04T01:30:00-07:00", "2018-11-04T08:30:00"),  # the hour that occurs twice is no riddle here
        ("2018-11-04T01:30:00-08:00", "2018-11-04T09:30:00"),
        ("2018-03-11T02:30:00-08:00", "2018-03-11T10:30:00"),
        ("2018-01-01T00:00:00.5+05:45", "2017-12-31T18:15:00.500000"),
        ("2016-02-29T23:59:59.999999Z", "2016-02-29T23:59:59.999999"),
    ],
)
def test_times_are_converted_from_their_zone(written: str, utc: str) -> None:
    made = draft("environment", COMPLAINT | {"reportedAt": written}, ZONE)
    assert made.reported_at == made.occurred_at == datetime.fromisoformat(f"{utc}+00:00")
    assert made.reported_at.tzinfo is UTC
    assert made.extensions == {}


@pytest.mark.parametrize(
    "half", [{"longitude": 115.03}, {"latitude": 35.76}, {"longitude": 115.03, "latitude": None}, {}]
)
def test_one_coordinate_alone_is_not_a_point(half: dict[str, Any]) -> None:
    claim = draft("environment", COMPLAINT | half, ZONE).claim
    assert (claim.lon, claim.lat, claim.accuracy_m) == (None, None, None)


def test_a_complaint_without_a_point_gets_its_community_cell() -> None:
    location = report("environment", COMPLAINT | {"communityCode": "410902002001"}).location
    assert (location.cell, location.resolved_by) == ("410902002001001", "community")


def test_a_station_must_have_a_point() -> None:
    without = {name: value for name, value in READING.items() if name != "latitude"}
    assert rejection("environment", without).reason.startswith("field `latitude`: missing")


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(("occurredAt", "communityCode", "address", "content", "complainantRef"), "")
    assert draft("environment", COMPLAINT | empty | {"photos": []}, ZONE) == draft("environment", COMPLAINT, ZONE)


def test_the_address_replaces_a_missing_content() -> None:
    assert draft("environment", COMPLAINT | {"address": "胜利路"}, ZONE).description == "胜利路"


@pytest.mark.parametrize(
    ("reference", "accepted"), [("c-**17", True), ("138 1234 5678", False), ("13812345678", False)]
)
def test_the_complainant_stays_masked(reference: str, accepted: bool) -> None:
    message = COMPLAINT | {"complainantRef": reference}
    if accepted:
        assert report("environment", message).reporter == reference
    else:
        assert "field `complainantRef`" in rejection("environment", message).reason


def test_a_phone_number_is_rejected_as_personal_data() -> None:
    assert rejection("environment", COMPLAINT | {"complainantRef": "13812345678"}).code == "personal-data"


@pytest.mark.parametrize(
    ("message", "code", "says"),
    [
        (COMPLAINT | {"kind": "rumour"}, "schema", "field `kind`: not one of 'reading', 'complaint'; "),
        ({"id": "C1"}, "schema", "field `kind`: missing; "),
        (COMPLAINT | {"id": "a b"}, "bad-id", "field `id`: "),
        (READING | {"id": 7}, "bad-id", "field `id`: "),
        (COMPLAINT | {"reportedAt": "2018-01-01T08:00:09"}, "bad-time", "field `reportedAt`: "),
        (READING | {"observedAt": "2018-01-01 08:00:09+08:00"}, "bad-time", "field `observedAt`: "),
        (READING | {"stationId": "s 7"}, "schema", "field `stationId`: "),
        (READING | {"limit": 0}, "schema", "field `limit`: "),
        (READING | {"value": "0.09"}, "schema", "field `value`: "),
        (READING | {"value": float("nan")}, "schema", "field `value`: "),
        (READING | {"longitude": None}, "schema", "field `longitude`: "),
    ],
)
def test_an_invalid_message_is_rejected(message: dict[str, Any], code: str, says: str) -> None:
    rejected = rejection("environment", message)
    assert rejected.code == code
    assert rejected.reason.startswith(says)
