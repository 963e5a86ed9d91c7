"""Litigation services: a case number in ASCII as the id, the community of the defendant, times with their zone."""

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
SERVICE = {
    "caseNo": "2018-Y0902-SQT-1",
    "serviceCode": "0214",
    "defendantCommunity": "410902001001",
    "filedAt": "2018-01-01T08:00:09+08:00",
}
EIGHT = datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)


def test_a_service_with_only_required_fields_is_accepted() -> None:
    assert draft("litigation-services", SERVICE, ZONE) == Draft(
        source_id="2018-Y0902-SQT-1",
        codes=("0214",),
        occurred_at=EIGHT,
        reported_at=EIGHT,
        claim=Claim(network="litigation-services", at=EIGHT, community="410902001001"),
    )


@pytest.mark.parametrize(
    "number",
    ["2018-Y0902-MC-1234", "2018-Y09-XZ-7", "2026-ZGF-MS-123456789", "2018-Y0902-ZB-12-3", "1999-0902-A-1"],
)
def test_case_numbers_are_ids(number: str) -> None:
    assert report("litigation-services", SERVICE | {"caseNo": number}, listening()).id == (
        f"litigation-services:{number}"
    )


@pytest.mark.parametrize(
    "number",
    [
        "(2018)豫0902民初1234号",
        "2018-豫0902-MC-1234",
        "2018-y0902-mc-1234",
        "2018-Y0902-MC-１２３４",
        "2018-Y0902-MC-1234\n",
        "2018-Y0902-MC",
        "18-Y0902-MC-1234",
        "2018-Y0902-MC-1234-",
        "2018Y0902MC1234",
        "",
        None,
        20180902,
    ],
)
def test_other_numbers_are_not_personal_data(number: Any) -> None:
    rejected = rejection("litigation-services", SERVICE | {"caseNo": number}, listening())
    assert rejected.code == "bad-id"
    assert rejected.reason.startswith("field `caseNo`: ")


def test_the_defendants_community_gives_its_default_cell() -> None:
    location = report("litigation-services", SERVICE | {"defendantCommunity": "410902002001"}, listening()).location
    assert (location.cell, location.resolved_by, location.lon) == ("410902002001001", "community", None)


def test_a_dispute_occurs_before_it_is_filed() -> None:
    made = draft("litigation-services", SERVICE | {"arisenAt": "2017-10-01T00:00:00+08:00"}, ZONE)
    assert made.occurred_at == made.claim.at == datetime(2017, 9, 30, 16, tzinfo=UTC)
    assert made.reported_at == EIGHT


@pytest.mark.parametrize(
    ("priority", "urgency"),
    [("urgent", "Immediate"), ("ordinary", "Expected"), ("", "Unknown"), (None, "Unknown")],
)
def test_the_priority_gives_the_urgency(priority: str | None, urgency: str) -> None:
    assert draft("litigation-services", SERVICE | {"priority": priority}, ZONE).urgency == urgency


def test_the_plaintiff_reports_and_the_defendant_is_kept() -> None:
    message = SERVICE | {"plaintiffRef": "yg-**1", "defendantRef": "bg-**2", "amount": 1.5}
    made = draft("litigation-services", message, ZONE)
    assert (made.reporter, made.extensions) == ("yg-**1", {"defendantRef": "bg-**2", "amount": 1.5})


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(("arisenAt", "priority", "plaintiffRef", "defendantRef", "summary"), "")
    assert draft("litigation-services", SERVICE | empty, ZONE) == draft("litigation-services", SERVICE, ZONE)


@pytest.mark.parametrize("field", ["plaintiffRef", "defendantRef"])
@pytest.mark.parametrize("number", ["410902199001011234", "41090219900101123X", "13812345678"])
def test_identity_and_phone_numbers_are_rejected(field: str, number: str) -> None:
    rejected = rejection("litigation-services", SERVICE | {field: number}, listening())
    assert rejected.code == "personal-data"
    assert rejected.reason.startswith(f"field `{field}`: ")
    assert number not in rejected.reason


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"filedAt": "2018-01-01 08:00:09"}, "bad-time"),
        ({"filedAt": "2018-01-01T08:00:09"}, "bad-time"),
        ({"arisenAt": "2018-01-01T25:00:00Z"}, "bad-time"),
        ({"serviceCode": "214"}, "schema"),
        ({"serviceCode": "０２１４"}, "schema"),
        ({"defendantCommunity": "41090200100"}, "schema"),
        ({"defendantCommunity": None}, "schema"),
        ({"priority": "high"}, "schema"),
        ({"summary": ["a"]}, "schema"),
    ],
)
def test_an_invalid_service_is_rejected(wrong: dict[str, Any], code: str) -> None:
    rejected = rejection("litigation-services", SERVICE | wrong, listening())
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{next(iter(wrong))}`: ")
