"""Mediation: disputes of masked parties, known only by the community whose committee took them on."""

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
DISPUTE = {
    "dispute_no": "T1",
    "dispute_type": "09",
    "community_code": "410902001001",
    "accepted_at": "2018-01-01 08:00:09",
}
EIGHT = datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)
ONE, OTHER = {"role": "applicant", "ref": "p-**1"}, {"role": "respondent", "ref": "p-**2"}


def test_a_dispute_with_only_required_fields_is_accepted() -> None:
    assert draft("mediation", DISPUTE, SHANGHAI) == Draft(
        source_id="T1",
        codes=("09",),
        occurred_at=EIGHT,
        reported_at=EIGHT,
        claim=Claim(network="mediation", at=EIGHT, community="410902001001"),
    )


def test_without_a_point_the_community_gives_its_default_cell() -> None:
    made = report("mediation", DISPUTE | {"community_code": "410902002001", "lon": 115.03, "lat": 35.76}, listening())
    assert (made.location.cell, made.location.resolved_by) == ("410902002001001", "community")
    assert (made.location.lon, made.location.lat) == (None, None)


@pytest.mark.parametrize(
    ("level", "urgency", "severity"),
    [
        ("red", "Immediate", "Extreme"),
        ("orange", "Immediate", "Severe"),
        ("yellow", "Expected", "Moderate"),
        ("blue", "Future", "Minor"),
        ("", "Unknown", "Unknown"),
        (None, "Unknown", "Unknown"),
    ],
)
def test_the_risk_gives_urgency_and_severity(level: str | None, urgency: str, severity: str) -> None:
    made = draft("mediation", DISPUTE | {"risk_level": level}, SHANGHAI)
    assert (made.urgency, made.severity) == (urgency, severity)


def test_the_parties_are_kept_in_the_extensions() -> None:
    parties = {"parties": [ONE | {"name": "张三", "phone": "13812345678"}, OTHER]}
    assert draft("mediation", DISPUTE | parties, SHANGHAI).extensions == {"parties": [ONE, OTHER]}
    assert report("mediation", DISPUTE | parties, listening()).extensions == {"parties": [ONE, OTHER]}


def test_parties_doubts_and_unknown_fields_are_all_kept() -> None:
    message = DISPUTE | {"happened_at": "2018-11-04 01:30:00", "parties": [ONE], "more": 1}
    made = draft("mediation", message, LOS_ANGELES)
    assert made.occurred_at == made.claim.at == datetime(2018, 11, 4, 8, 30, tzinfo=UTC)
    assert made.extensions == {
        "more": 1,
        "parties": [ONE],
        DOUBT: "2018-11-04T01:30:00 occurs twice, the first was taken",
    }


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(("happened_at", "risk_level", "summary", "mediator_ref"), "")
    assert draft("mediation", DISPUTE | empty | {"parties": []}, SHANGHAI) == draft("mediation", DISPUTE, SHANGHAI)


@pytest.mark.parametrize("number", ["410902199001011234", "13812345678", "6222021234567890123"])
def test_an_identity_number_of_a_party_is_rejected(number: str) -> None:
    rejected = rejection("mediation", DISPUTE | {"parties": [ONE, OTHER | {"ref": number}]}, listening())
    assert rejected.code == "personal-data"
    assert rejected.reason.startswith("field `parties.1.ref`: ")
    assert number not in rejected.reason


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"dispute_no": "T１"}, "bad-id", "dispute_no"),
        ({"accepted_at": "2018-01-01T08:00:09+08:00"}, "bad-time", "accepted_at"),
        ({"happened_at": "2018-04-31 00:00:00"}, "bad-time", "happened_at"),
        ({"mediator_ref": "13812345678"}, "personal-data", "mediator_ref"),
        ({"dispute_type": "9"}, "schema", "dispute_type"),
        ({"dispute_type": "009"}, "schema", "dispute_type"),
        ({"dispute_type": 9}, "schema", "dispute_type"),
        ({"community_code": ""}, "schema", "community_code"),
        ({"risk_level": "green"}, "schema", "risk_level"),
        ({"parties": [{"role": "applicant"}]}, "schema", "parties.0.ref"),
        ({"parties": [ONE | {"role": "judge"}]}, "schema", "parties.0.role"),
        ({"parties": [ONE | {"ref": ""}]}, "schema", "parties.0.ref"),
        ({"parties": [ONE] * 51}, "schema", "parties"),
        ({"parties": ONE}, "schema", "parties"),
    ],
)
def test_an_invalid_dispute_is_rejected(wrong: dict[str, Any], code: str, field: str) -> None:
    rejected = rejection("mediation", DISPUTE | wrong, listening())
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{field}`: ")
