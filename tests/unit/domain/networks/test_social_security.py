"""Social security: needs of people who stay masked, known only by their community."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import Claim
from router.domain.networks.schema.local_time import DOUBT
from router.domain.networks.schema.network import Draft
from tests.support.records import NEED, draft, rejection, report

SHANGHAI, LOS_ANGELES = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
FULL = {
    "id": "SS-2018-55",
    "matterCode": "RS01",
    "communityCode": "410902001001",
    "reportedAt": "2018-01-01 08:00:09",
    "occurredAt": "2017-12-31 18:00:00",
    "personRef": "4109**********0012",
    "reporterRef": "w-17",
    "level": "urgent",
    "content": "独居老人需要上门探访",
    "status": "Exercise",
    "household": 3,
}


def test_a_full_need_becomes_a_full_report() -> None:
    assert draft("social-security", FULL, SHANGHAI) == Draft(
        source_id="SS-2018-55",
        codes=("RS01",),
        occurred_at=datetime(2017, 12, 31, 10, tzinfo=UTC),
        reported_at=datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC),
        claim=Claim(
            network="social-security",
            at=datetime(2017, 12, 31, 10, tzinfo=UTC),
            community="410902001001",
            area="410902001001",
        ),
        status="Exercise",
        urgency="Immediate",
        severity="Severe",
        description="独居老人需要上门探访",
        reporter="w-17",
        extensions={"household": 3, "personRef": "4109**********0012"},
    )


def test_a_point_in_the_message_is_not_used() -> None:
    made = report("social-security", NEED | {"longitude": 115.0315, "latitude": 35.7605})
    assert (made.location.lon, made.location.lat, made.location.resolved_by) == (None, None, "community")
    assert made.extensions == {"longitude": 115.0315, "latitude": 35.7605}


def test_the_community_gives_its_default_cell() -> None:
    location = report("social-security", NEED | {"communityCode": "410903001001"}).location
    assert (location.cell, location.source_grid, location.doubt) == ("410903001001001", "410903001001", None)


@pytest.mark.parametrize(
    ("level", "urgency", "severity"),
    [
        ("urgent", "Immediate", "Severe"),
        ("soon", "Expected", "Moderate"),
        ("ordinary", "Future", "Minor"),
        ("", "Unknown", "Unknown"),
        (None, "Unknown", "Unknown"),
    ],
)
def test_the_level_gives_urgency_and_severity(level: str | None, urgency: str, severity: str) -> None:
    made = draft("social-security", NEED | {"level": level}, SHANGHAI)
    assert (made.urgency, made.severity) == (urgency, severity)


@pytest.mark.parametrize(
    ("zone", "wall", "utc", "doubt"),
    [
        (SHANGHAI, "2018-07-01 12:00:00", "2018-07-01T04:00:00", None),
        (LOS_ANGELES, "2018-11-04 01:30:00", "2018-11-04T08:30:00", "occurs twice"),
        (LOS_ANGELES, "2018-03-11 02:30:00", "2018-03-11T10:30:00", "was skipped"),
    ],
)
def test_wall_times_are_converted(zone: ZoneInfo, wall: str, utc: str, doubt: str | None) -> None:
    made = draft("social-security", NEED | {"reportedAt": wall, "personRef": "p-1"}, zone)
    assert made.reported_at == made.occurred_at == datetime.fromisoformat(f"{utc}+00:00")
    assert (DOUBT in made.extensions) == (doubt is not None)
    assert (doubt or "") in made.extensions.get(DOUBT, "")
    assert made.extensions["personRef"] == "p-1"


def test_a_doubt_about_the_occurred_time_is_kept() -> None:
    made = draft("social-security", NEED | {"occurredAt": "2017-11-05 01:30:00"}, LOS_ANGELES)
    assert made.occurred_at == datetime(2017, 11, 5, 8, 30, tzinfo=UTC)
    assert made.extensions == {DOUBT: "2017-11-05T01:30:00 occurs twice, the first was taken"}


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(("occurredAt", "personRef", "reporterRef", "level", "content"), "")
    assert draft("social-security", NEED | empty, SHANGHAI) == draft("social-security", NEED, SHANGHAI)


@pytest.mark.parametrize("field", ["personRef", "reporterRef"])
@pytest.mark.parametrize("number", ["410902199001011234", "41090219900101123X", "13812345678", "0371-65900000"])
def test_identity_and_phone_numbers_are_rejected(field: str, number: str) -> None:
    rejected = rejection("social-security", NEED | {field: number})
    assert rejected.code == "personal-data"
    assert rejected.reason.startswith(f"field `{field}`: ")
    assert number not in rejected.reason


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"id": "N1\n"}, "bad-id"),
        ({"matterCode": "rs01"}, "schema"),
        ({"matterCode": ""}, "schema"),
        ({"communityCode": ""}, "schema"),  # it is all the place there is
        ({"communityCode": "410902001"}, "schema"),
        ({"reportedAt": "2018-01-01T08:00:09"}, "bad-time"),
        ({"reportedAt": ""}, "bad-time"),
        ({"occurredAt": "2018-13-01 00:00:00"}, "bad-time"),
        ({"level": "now"}, "schema"),
        ({"personRef": "张三"}, "schema"),
    ],
)
def test_an_invalid_need_is_rejected(wrong: dict[str, Any], code: str) -> None:
    rejected = rejection("social-security", NEED | wrong)
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{next(iter(wrong))}`: ")
