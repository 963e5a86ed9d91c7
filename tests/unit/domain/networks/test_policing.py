"""Policing: alarms with GCJ-02 points, wall times, three levels of codes, and callers who must stay masked."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.intake.coordinate_systems import to_wgs84
from router.domain.networks.schema.local_time import DOUBT
from tests.support.records import ALARM, city, draft, rejection, report, table

SHANGHAI, LOS_ANGELES = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
FULL = {
    "jjdbh": "J3101152018010100017",
    "jjdwdm": "310115500000",
    "gxdwdm": "310115001000",
    "bjlbdm": "12",
    "bjlxdm": "1204",
    "bjxldm": "120403",
    "bjsj": "20180101080009",
    "sfsj": "20180101074500",
    "jd": 121.531541859215,
    "wd": 31.17530398364597,
    "dwjd": 12.5,
    "sfdz": "世纪大道 100 号",
    "bjnr": "有人倾倒垃圾",
    "bjrbs": "138****5678",
    "jqdj": "2",
    "csbz": "1",
    "xzb": ["kept", 1],
}


def test_a_full_alarm_becomes_a_full_report() -> None:
    made = draft("policing", FULL, SHANGHAI)
    assert made.source_id == "J3101152018010100017"
    assert made.codes == ("120403", "1204", "12")
    assert made.code_version is None
    assert made.reported_at == datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)  # Shanghai is 8 hours ahead
    assert made.occurred_at == datetime(2017, 12, 31, 23, 45, tzinfo=UTC)
    assert made.claim.at == made.occurred_at
    assert (made.claim.network, made.claim.community, made.claim.area) == ("policing", "310115001000", "310115001000")
    assert (made.claim.accuracy_m, made.claim.cell) == (12.5, None)
    assert (made.status, made.urgency, made.severity, made.certainty) == ("Exercise", "Immediate", "Severe", "Unknown")
    assert (made.description, made.reporter) == ("有人倾倒垃圾", "138****5678")
    assert made.extensions == {"xzb": ["kept", 1]}


@pytest.mark.parametrize(
    ("gcj02", "wgs84"),
    [  # pairs published with googollee/eviltransform
        ((121.531541859215, 31.17530398364597), (121.5272106, 31.1774276)),
        ((113.9171764808363, 22.540796131694766), (113.912316, 22.543847)),
        ((116.38404722455657, 39.91334545536069), (116.377817, 39.911954)),
        ((-118.243683, 34.052235), (-118.243683, 34.052235)),  # there is no offset outside China
    ],
)
def test_the_point_is_converted_from_gcj02(gcj02: tuple[float, float], wgs84: tuple[float, float]) -> None:
    (claim,) = to_wgs84([draft("policing", ALARM | dict(zip(("jd", "wd"), gcj02, strict=True)), SHANGHAI).claim])
    assert (claim.lon, claim.lat) == pytest.approx(wgs84, abs=1e-6)  # 0.1 m
    assert claim.accuracy_m == 30.0


@pytest.mark.parametrize("half", [{"jd": 121.5}, {"wd": 31.2}, {"jd": 121.5, "wd": None}])
def test_one_coordinate_alone_is_not_a_point(half: dict[str, Any]) -> None:
    claim = draft("policing", ALARM | half | {"dwjd": 5}, SHANGHAI).claim
    assert (claim.lon, claim.lat, claim.accuracy_m) == (None, None, None)


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({"bjlxdm": "1204"}, ("1204", "12")),
        ({"bjlxdm": "12"}, ("12",)),
        ({"bjlbdm": "12", "bjlxdm": "1204", "bjxldm": ""}, ("1204", "12")),
        ({"bjlbdm": "12", "bjlxdm": "1204", "bjxldm": "120403"}, ("120403", "1204", "12")),
        ({"bjlbdm": "", "bjlxdm": "12", "bjxldm": "120403"}, ("120403", "1204", "12")),
        ({"bjlxdm": "1209", "bjxldm": "120403"}, ("120403", "1204", "1209", "12")),  # its own parent goes first
        ({"bjlbdm": "50", "bjlxdm": "1204"}, ("1204", "12", "50")),
    ],
)
def test_the_most_specific_class_comes_first(given: dict[str, str], codes: tuple[str, ...]) -> None:
    assert draft("policing", ALARM | given, SHANGHAI).codes == codes


@pytest.mark.parametrize(
    ("given", "matter"),
    [
        ({"bjlxdm": "1204", "bjxldm": "120403"}, "tree"),
        ({"bjlxdm": "1204", "bjxldm": "120499"}, "grass"),
        ({"bjlxdm": "1299"}, "hole"),
    ],
)
def test_the_first_class_in_the_table_decides(given: dict[str, str], matter: str) -> None:
    of = city(policing=table("120403,,tree,\n1204,,grass,\n12,,hole,\n"))
    made = report("policing", ALARM | given, of)
    assert made.matter == matter
    assert made.source_code == given.get("bjxldm", given["bjlxdm"])  # as the source wrote it


@pytest.mark.parametrize(
    ("zone", "wall", "utc", "doubt"),
    [
        (SHANGHAI, "20180701120000", "2018-07-01T04:00:00", None),
        (SHANGHAI, "19880701120000", "1988-07-01T03:00:00", None),  # China had summer time until 1991
        (LOS_ANGELES, "20180101000009", "2018-01-01T08:00:09", None),
        (LOS_ANGELES, "20181104005959", "2018-11-04T07:59:59", None),
        (LOS_ANGELES, "20181104013000", "2018-11-04T08:30:00", "2018-11-04T01:30:00 occurs twice, the first was taken"),
        (LOS_ANGELES, "20181104020000", "2018-11-04T10:00:00", None),
        (LOS_ANGELES, "20180311015959", "2018-03-11T09:59:59", None),
        (
            LOS_ANGELES,
            "20180311023000",
            "2018-03-11T10:30:00",
            "2018-03-11T02:30:00 was skipped by the clocks, read with the offset before the change",
        ),
        (LOS_ANGELES, "20180311030000", "2018-03-11T10:00:00", None),
    ],
)
def test_wall_times_are_converted(zone: ZoneInfo, wall: str, utc: str, doubt: str | None) -> None:
    made = draft("policing", ALARM | {"bjsj": wall, "sfsj": wall, "xzb": 1}, zone)
    assert made.reported_at == made.occurred_at == datetime.fromisoformat(f"{utc}+00:00")
    assert made.extensions == {"xzb": 1} | ({} if doubt is None else {DOUBT: doubt})  # said once for both


def test_both_of_two_doubts_are_kept() -> None:
    made = draft("policing", ALARM | {"bjsj": "20181104013000", "sfsj": "20181104011500"}, LOS_ANGELES)
    assert made.extensions[DOUBT].split("; ") == [
        "2018-11-04T01:30:00 occurs twice, the first was taken",
        "2018-11-04T01:15:00 occurs twice, the first was taken",
    ]


@pytest.mark.parametrize(
    ("given", "urgency", "severity"),
    [
        ({"jqdj": "1"}, "Immediate", "Extreme"),
        ({"jqdj": "2"}, "Immediate", "Severe"),
        ({"jqdj": "3"}, "Expected", "Moderate"),
        ({"jqdj": "4"}, "Expected", "Minor"),
        ({"jqdj": ""}, "Unknown", "Unknown"),
        ({"jqdj": None}, "Unknown", "Unknown"),
        ({}, "Unknown", "Unknown"),
    ],
)
def test_the_level_gives_urgency_and_severity(given: dict[str, Any], urgency: str, severity: str) -> None:
    made = draft("policing", ALARM | given, SHANGHAI)
    assert (made.urgency, made.severity) == (urgency, severity)


@pytest.mark.parametrize(("mark", "status"), [("0", "Actual"), ("1", "Exercise"), ("2", "Test")])
def test_drills_and_tests_stay_recognisable(mark: str, status: str) -> None:
    assert draft("policing", ALARM | {"csbz": mark}, SHANGHAI).status == status


@pytest.mark.parametrize(
    ("given", "unit"),
    [
        ({"gxdwdm": "310115001000", "jjdwdm": "310115500000"}, "310115001000"),
        ({"gxdwdm": "", "jjdwdm": "310115500000"}, "310115500000"),
        ({"gxdwdm": "", "jjdwdm": ""}, None),
        ({}, None),
    ],
)
def test_the_unit_of_the_area_outranks_the_receiving_unit(given: dict[str, str], unit: str | None) -> None:
    claim = draft("policing", ALARM | given, SHANGHAI).claim
    assert (claim.community, claim.area) == (unit, unit)


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(("jjdwdm", "gxdwdm", "bjlbdm", "bjxldm", "sfsj", "sfdz", "bjnr", "bjrbs", "jqdj"), "")
    assert draft("policing", ALARM | empty, SHANGHAI) == draft("policing", ALARM, SHANGHAI)


def test_the_address_replaces_a_missing_text() -> None:
    assert draft("policing", ALARM | {"bjnr": "", "sfdz": "世纪大道"}, SHANGHAI).description == "世纪大道"


@pytest.mark.parametrize(
    "reference",
    [
        "138****5678",
        "4109**********0012",
        "P-9d375178",
        "caller#17",
        "550e8400-e29b-41d4-a716-446655440000",  # a UUID that ends in twelve digits
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "MZ00000017",
        "123456789",
    ],
)
def test_masked_callers_are_accepted(reference: str) -> None:
    assert report("policing", ALARM | {"bjrbs": reference}).reporter == reference


@pytest.mark.parametrize(
    "reference",
    [
        "13812345678",
        "+8613812345678",
        "138-1234-5678",
        "138.1234.5678",
        "wx13812345678",
        "tel:138-1234-5678",
        "2135551234",
        "213-555-1234",
        "41090219900101123X",
        "id410902199001011234",
        "410902-19900101-1234",
        "410902900101123",  # 15 digits, before 1999
        "6222021234567890123",  # a bank card
    ],
)
def test_identity_and_phone_numbers_are_rejected(reference: str) -> None:
    rejected = rejection("policing", ALARM | {"bjrbs": reference})
    assert rejected.code == "personal-data"
    assert rejected.reason.startswith("field `bjrbs`: looks like an identity or phone number; send a masked reference")
    assert reference not in rejected.reason


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"jjdbh": "J 1"}, "bad-id"),
        ({"jjdbh": "Ｊ１"}, "bad-id"),
        ({"jjdbh": "J" * 65}, "bad-id"),
        ({"bjsj": "20180229000000"}, "bad-time"),
        ({"sfsj": "2018-01-01 00:00:00"}, "bad-time"),
        ({"bjlxdm": "120"}, "schema"),
        ({"bjlxdm": "１２０４"}, "schema"),
        ({"gxdwdm": "31011500100"}, "schema"),
        ({"jd": "121.5", "wd": 31.2}, "schema"),
        ({"jd": 181, "wd": 31.2}, "schema"),
        ({"dwjd": 0}, "schema"),
        ({"jqdj": "5"}, "schema"),
        ({"csbz": ""}, "schema"),  # whether it is a drill must not be guessed
    ],
)
def test_an_invalid_alarm_is_rejected(wrong: dict[str, Any], code: str) -> None:
    rejected = rejection("policing", ALARM | wrong)
    assert rejected.code == code
    assert f"field `{next(iter(wrong))}`" in rejected.reason
