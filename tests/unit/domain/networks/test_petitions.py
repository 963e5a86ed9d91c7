"""Petitions: six digits with two levels of parents, a free address and no point, petitioners who must stay masked."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import Claim
from router.domain.networks.schema.local_time import DOUBT
from router.domain.networks.schema.network import Draft
from tests.support.records import city, draft, rejection, report, table
from tests.support.samples import listening

SHANGHAI, LOS_ANGELES = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
PETITION = {"xfjbh": "X1", "nrfldm": "010301", "wtsddm": "410902001001", "djsj": "20180101080009"}
EIGHT = datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)


def test_a_petition_with_only_required_fields_is_accepted() -> None:
    assert draft("petitions", PETITION, SHANGHAI) == Draft(
        source_id="X1",
        codes=("010301", "0103", "01"),
        occurred_at=EIGHT,
        reported_at=EIGHT,
        claim=Claim(network="petitions", at=EIGHT, community="410902001001"),
    )


@pytest.mark.parametrize(
    ("given", "matter"), [("010301", "tree"), ("010399", "grass"), ("019901", "hole"), ("010300", "grass")]
)
def test_the_first_class_in_the_table_decides(given: str, matter: str) -> None:
    of = city(petitions=table("010301,,tree,\n0103,,grass,\n01,,hole,\n"))
    made = report("petitions", PETITION | {"nrfldm": given}, of)
    assert (made.matter, made.source_code) == (matter, given)


def test_a_point_in_the_message_is_not_used() -> None:
    made = report("petitions", PETITION | {"jd": 115.0315, "wd": 35.7605, "wtsddm": "410902002001"}, listening())
    assert (made.location.lon, made.location.lat) == (None, None)
    assert (made.location.cell, made.location.resolved_by) == ("410902002001001", "community")
    assert made.extensions == {"jd": 115.0315, "wd": 35.7605}


@pytest.mark.parametrize(
    ("content", "address", "description"),
    [
        ("屋面渗漏", "5 号楼", "屋面渗漏; 5 号楼"),  # without a point the address is all there is to go to
        ("屋面渗漏", "", "屋面渗漏"),
        ("", "5 号楼", "5 号楼"),
        ("", "", ""),
    ],
)
def test_the_description_contains_the_address(content: str, address: str, description: str) -> None:
    made = draft("petitions", PETITION | {"gynr": content, "wtdz": address}, SHANGHAI)
    assert made.description == description


@pytest.mark.parametrize(
    ("people", "severity"),
    [
        ("1", "Minor"),
        ("4", "Minor"),
        ("5", "Moderate"),
        ("29", "Moderate"),
        ("30", "Severe"),
        ("000030", "Severe"),
        ("999999", "Severe"),
        (" 30\t", "Severe"),
        ("0", "Unknown"),
        ("  ", "Unknown"),
        ("", "Unknown"),
        (None, "Unknown"),
    ],
)
def test_the_number_of_petitioners_gives_the_severity(people: str | None, severity: str) -> None:
    assert draft("petitions", PETITION | {"xfrs": people}, SHANGHAI).severity == severity


@pytest.mark.parametrize(
    ("degree", "urgency"),
    [("1", "Immediate"), ("2", "Expected"), ("3", "Future"), ("", "Unknown"), (None, "Unknown")],
)
def test_the_urgency_field_gives_the_urgency(degree: str | None, urgency: str) -> None:
    assert draft("petitions", PETITION | {"jjcd": degree}, SHANGHAI).urgency == urgency


def test_wall_times_are_converted_with_their_doubts() -> None:
    times = {"wtfssj": "20181104013000", "djsj": "20181104020000"}
    made = draft("petitions", PETITION | times, LOS_ANGELES)
    assert made.occurred_at == made.claim.at == datetime(2018, 11, 4, 8, 30, tzinfo=UTC)
    assert made.reported_at == datetime(2018, 11, 4, 10, tzinfo=UTC)
    assert made.extensions == {DOUBT: "2018-11-04T01:30:00 occurs twice, the first was taken"}


def test_a_problem_from_months_ago_is_accepted() -> None:
    made = report("petitions", PETITION | {"wtfssj": "20180102000000", "djsj": "20181001080000"}, listening())
    assert (made.reported_at - made.occurred_at).days == 272


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(("wtfssj", "xfxs", "xfrs", "jjcd", "wtdz", "gynr", "xfrbs"), "")
    assert draft("petitions", PETITION | empty, SHANGHAI) == draft("petitions", PETITION, SHANGHAI)


@pytest.mark.parametrize("number", ["410902199001011234", "41090219900101123X", "13812345678", "0393-66600000"])
def test_identity_and_phone_numbers_are_rejected(number: str) -> None:
    rejected = rejection("petitions", PETITION | {"xfrbs": number}, listening())
    assert rejected.code == "personal-data"
    assert rejected.reason.startswith("field `xfrbs`: ")
    assert number not in rejected.reason


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"xfjbh": "信访1"}, "bad-id"),
        ({"djsj": ""}, "bad-time"),
        ({"wtfssj": "20181301000000"}, "bad-time"),
        ({"nrfldm": "0103"}, "schema"),
        ({"nrfldm": "０１０３０１"}, "schema"),
        ({"wtsddm": "410902001"}, "schema"),
        ({"wtsddm": ""}, "schema"),  # it is all the place there is
        ({"xfrs": 6}, "schema"),
        ({"xfrs": "-1"}, "schema"),
        ({"xfrs": "六"}, "schema"),
        ({"xfrs": "1234567"}, "schema"),
        ({"jjcd": "特急"}, "schema"),
        ({"wtdz": "楼" * 201}, "schema"),
        ({"xfrbs": "张三"}, "schema"),
    ],
)
def test_an_invalid_petition_is_rejected(wrong: dict[str, Any], code: str) -> None:
    rejected = rejection("petitions", PETITION | wrong, listening())
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{next(iter(wrong))}`: ")
