"""Party building: whistles with Chinese words for levels, a point inside an object, times with their zone."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import Claim
from router.domain.networks.schema.network import Draft
from tests.support.records import draft, rejection, report
from tests.support.samples import listening

ZONE = ZoneInfo("America/Los_Angeles")
"""Its times carry their own zone, so this one must not matter."""
WHISTLE = {
    "whistleId": "D1",
    "matterCode": "DJ0101",
    "communityCode": "410902001001",
    "raisedAt": "2018-01-01T08:00:09+08:00",
}
EIGHT = datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)


def test_a_whistle_with_only_required_fields_is_accepted() -> None:
    assert draft("party-building", WHISTLE, ZONE) == Draft(
        source_id="D1",
        codes=("DJ0101",),
        occurred_at=EIGHT,
        reported_at=EIGHT,
        claim=Claim(network="party-building", at=EIGHT, community="410902001001"),
        certainty="Observed",  # who raises it stands before it
    )


@pytest.mark.parametrize(
    ("level", "urgency", "severity"),
    [
        ("特急", "Immediate", "Severe"),
        ("紧急", "Expected", "Moderate"),
        ("一般", "Future", "Minor"),
        ("", "Unknown", "Unknown"),
        (None, "Unknown", "Unknown"),
    ],
)
def test_the_level_gives_urgency_and_severity(level: str | None, urgency: str, severity: str) -> None:
    made = draft("party-building", WHISTLE | {"level": level}, ZONE)
    assert (made.urgency, made.severity) == (urgency, severity)


def test_the_cell_is_valid_at_the_occurred_time() -> None:
    made = draft("party-building", WHISTLE | {"happenedAt": "2017-12-31T23:30:00.5Z"}, ZONE)
    assert made.occurred_at == made.claim.at == datetime(2017, 12, 31, 23, 30, 0, 500_000, tzinfo=UTC)
    assert made.reported_at == EIGHT


@pytest.mark.parametrize(
    "position", [None, {}, {"lon": 115.03}, {"lat": 35.76}, {"lon": None, "lat": 35.76}, {"x": 115.03, "y": 35.76}]
)
def test_one_coordinate_alone_is_not_a_point(position: dict[str, Any] | None) -> None:
    claim = draft("party-building", WHISTLE | {"position": position}, ZONE).claim
    assert (claim.lon, claim.lat, claim.accuracy_m) == (None, None, None)


def test_a_point_outranks_its_community() -> None:
    message = WHISTLE | {"communityCode": "410902002001"}
    without = report("party-building", message, listening()).location
    assert (without.cell, without.resolved_by) == ("410902002001001", "community")
    location = report("party-building", message | {"position": {"lon": 115.0305, "lat": 35.7605}}, listening()).location
    assert (location.cell, location.resolved_by, location.accuracy_m) == ("410902001001001", "point", 20.0)


@pytest.mark.parametrize("status", ["Actual", "Exercise", "Test"])
def test_drills_and_tests_stay_recognisable(status: str) -> None:
    assert report("party-building", WHISTLE | {"status": status}, listening()).status == status


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(("branchCode", "happenedAt", "level", "address", "content", "raisedBy"), "")
    assert draft("party-building", WHISTLE | empty | {"photos": []}, ZONE) == draft("party-building", WHISTLE, ZONE)


def test_the_address_replaces_a_missing_content() -> None:
    assert draft("party-building", WHISTLE | {"address": "3 号楼"}, ZONE).description == "3 号楼"


def test_the_branch_is_kept_in_the_extensions() -> None:
    made = draft("party-building", WHISTLE | {"branchCode": "4109-02", "more": [1]}, ZONE)
    assert made.extensions == {"branchCode": "4109-02", "more": [1]}


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"whistleId": "吹哨1"}, "bad-id", "whistleId"),
        ({"whistleId": "D1\n"}, "bad-id", "whistleId"),
        ({"raisedAt": "2018-01-01 08:00:09"}, "bad-time", "raisedAt"),
        ({"happenedAt": "2018-02-30T08:00:09Z"}, "bad-time", "happenedAt"),
        ({"raisedBy": "13812345678"}, "personal-data", "raisedBy"),
        ({"raisedBy": "410902199001011234"}, "personal-data", "raisedBy"),
        ({"raisedBy": "张三"}, "schema", "raisedBy"),
        ({"matterCode": "DJ１２３４"}, "schema", "matterCode"),
        ({"matterCode": "AQ0101"}, "schema", "matterCode"),
        ({"matterCode": "DJ01011"}, "schema", "matterCode"),
        ({"communityCode": ""}, "schema", "communityCode"),
        ({"level": "urgent"}, "schema", "level"),
        ({"position": {"lon": "115.03", "lat": 35.76}}, "schema", "position.lon"),
        ({"position": {"lon": True, "lat": 35.76}}, "schema", "position.lon"),
        ({"position": {"lon": 115.03, "lat": 91}}, "schema", "position.lat"),
        ({"position": [115.03, 35.76]}, "schema", "position"),
        ({"photos": [{"url": "file:///etc/passwd", "sha256": "0f" * 32}]}, "schema", "photos.0.url"),
        ({"status": ""}, "schema", "status"),
    ],
)
def test_an_invalid_whistle_is_rejected(wrong: dict[str, Any], code: str, field: str) -> None:
    rejected = rejection("party-building", WHISTLE | wrong, listening())
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{field}`: ")
