"""Urban management: national codes whose rule set travels with them, components, and cells of 15 or 14 digits."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import Claim
from router.domain.model.report import Media
from router.domain.networks.schema.local_time import DOUBT
from router.domain.networks.schema.network import Draft
from tests.support.records import PROBLEM, city, draft, rejection, report, table

SHANGHAI, LOS_ANGELES = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
GB, CJ = "GB/T 30428.2-2013", "CJ/T 214-2007"
HASH = "0f" * 32
PHOTO = {"url": "https://photos.example.org/a.jpg", "sha256": HASH}
FULL = {
    "taskNum": "CG-2018-000123",
    "eventCode": "4109020102",
    "codeVersion": GB,
    "cellCode": "410902001001001",
    "x": 115.0305,
    "y": 35.7605,
    "foundTime": "2018-01-01 07:58:00",
    "reportTime": "2018-01-01 08:00:09",
    "channel": "inspector",
    "address": "中原路 12 号",
    "description": "垃圾堆放",
    "reporterRef": "cg-0417",
    "photos": [PHOTO],
    "status": "Test",
    "district": {"name": "kept"},
}
COMPONENT = {name: value for name, value in PROBLEM.items() if name != "eventCode"} | {
    "componentCode": "4109020103000042"
}


def test_a_full_event_becomes_a_full_report() -> None:
    assert draft("urban-management", FULL, SHANGHAI) == Draft(
        source_id="CG-2018-000123",
        codes=("4109020102", "event-0102", "event-01"),
        code_version=GB,
        occurred_at=datetime(2017, 12, 31, 23, 58, tzinfo=UTC),
        reported_at=datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC),
        claim=Claim(
            network="urban-management",
            at=datetime(2017, 12, 31, 23, 58, tzinfo=UTC),
            lon=115.0305,
            lat=35.7605,
            accuracy_m=15.0,
            cell="410902001001001",
            county_code="4109020102",
        ),
        status="Test",
        certainty="Observed",
        description="垃圾堆放",
        address="中原路 12 号",
        reporter="cg-0417",
        media=(Media(url="https://photos.example.org/a.jpg", sha256=HASH),),
        extensions={"district": {"name": "kept"}},
    )


def test_a_report_of_a_component_has_its_id() -> None:
    made = draft("urban-management", COMPONENT, SHANGHAI)
    assert made.component_id == "4109020103000042"
    assert made.codes == ("4109020103000042", "part-0103", "part-01")
    assert report("urban-management", COMPONENT).component_id == "4109020103000042"


def test_a_report_of_an_event_has_no_component() -> None:
    assert draft("urban-management", FULL, SHANGHAI).component_id is None


@pytest.mark.parametrize(
    ("code", "version", "matter"),
    [  # CJ/T 214 calls 04 emergencies and 05 street order, GB/T 30428.2 the other way round
        ("4109020402", GB, "street-obstruction"),
        ("4109020402", CJ, "other"),
        ("4109020502", GB, "other"),
        ("4109020502", CJ, "street-obstruction"),
        ("4109020102", GB, "illegal-dumping"),
        ("4109020102", "of our own, 2026", "illegal-dumping"),  # its row holds for every rule set
        ("4109020177", GB, "other"),  # only its major class is in the table
    ],
)
def test_the_version_decides_the_meaning_of_a_code(code: str, version: str, matter: str) -> None:
    made = report("urban-management", PROBLEM | {"eventCode": code, "codeVersion": version})
    assert (made.matter, made.source_code, made.source_code_version) == (matter, code, version)


def test_a_class_of_a_version_missing_in_the_table_is_rejected() -> None:
    rejected = rejection("urban-management", PROBLEM | {"eventCode": "4109020402", "codeVersion": "GB/T 30428.2-2031"})
    assert rejected.code == "unknown-code"
    assert rejected.reason == (
        "code '4109020402' of version 'GB/T 30428.2-2031' is not in the code table, nor 'event-0402', nor 'event-04'; "
        "add it to codes/urban-management.csv of the city, or correct the source."
    )


@pytest.mark.parametrize("absent", [{"codeVersion": ""}, {"codeVersion": None}])
def test_the_version_of_the_table_is_required(absent: dict[str, Any]) -> None:
    assert "field `codeVersion`" in rejection("urban-management", PROBLEM | absent).reason


def test_a_citys_own_event_code_outranks_the_national_class() -> None:
    of = city(urban_management=table("4109020102,,tree,\nevent-0102,,grass,\npart-0102,,hole,\n"))
    own, other = PROBLEM, PROBLEM | {"eventCode": "4109030102"}
    assert [report("urban-management", one, of).matter for one in (own, other)] == ["tree", "grass"]
    same_digits = COMPONENT | {"componentCode": "4109020102000042"}  # of a component they are another thing
    assert report("urban-management", same_digits, of).matter == "hole"


@pytest.mark.parametrize(
    "codes",
    [
        {},
        {"eventCode": "", "componentCode": None},
        {"eventCode": "4109020102", "componentCode": "4109020103000042"},
    ],
)
def test_a_problem_is_an_event_or_a_component(codes: dict[str, Any]) -> None:
    neither = {name: value for name, value in PROBLEM.items() if name != "eventCode"}
    rejected = rejection("urban-management", neither | codes)
    assert rejected.code == "schema"
    assert "eventCode or componentCode must be given, and not both" in rejected.reason


@pytest.mark.parametrize("cell", ["410902001001001", "41090200100101"])
def test_a_cell_of_15_or_14_digits_is_accepted(cell: str) -> None:
    location = report("urban-management", PROBLEM | {"cellCode": cell}).location
    assert (location.cell, location.resolved_by, location.source_grid) == ("410902001001001", "code", cell)


@pytest.mark.parametrize("cell", ["4109020010010", "4109020010010011", "４１０９０２００１００１００１"])
def test_a_malformed_cell_is_rejected(cell: str) -> None:
    assert "field `cellCode`" in rejection("urban-management", PROBLEM | {"cellCode": cell}).reason


def test_a_point_outranks_a_cell_and_the_report_notes_it() -> None:
    point = {"x": 115.0305, "y": 35.7605}
    location = report("urban-management", PROBLEM | point | {"cellCode": "410902001001002"}).location
    assert (location.cell, location.resolved_by) == ("410902001001001", "point")
    assert location.doubt is not None
    assert "410902001001002" in location.doubt


@pytest.mark.parametrize("half", [{"x": 115.03}, {"y": 35.76}, {"x": None, "y": 35.76}])
def test_one_coordinate_alone_is_not_a_point(half: dict[str, Any]) -> None:
    claim = draft("urban-management", PROBLEM | half, SHANGHAI).claim
    assert (claim.lon, claim.lat, claim.accuracy_m) == (None, None, None)


@pytest.mark.parametrize(
    ("zone", "wall", "utc", "doubt"),
    [
        (SHANGHAI, "2018-07-01 12:00:00", "2018-07-01T04:00:00", None),
        (LOS_ANGELES, "2018-11-04 01:00:00", "2018-11-04T08:00:00", "occurs twice"),
        (LOS_ANGELES, "2018-11-04 01:59:59", "2018-11-04T08:59:59", "occurs twice"),
        (LOS_ANGELES, "2018-03-11 02:00:00", "2018-03-11T10:00:00", "was skipped"),
        (LOS_ANGELES, "2018-03-11 02:59:59", "2018-03-11T10:59:59", "was skipped"),
    ],
)
def test_wall_times_are_converted(zone: ZoneInfo, wall: str, utc: str, doubt: str | None) -> None:
    made = draft("urban-management", PROBLEM | {"reportTime": wall}, zone)
    assert made.reported_at == made.occurred_at == datetime.fromisoformat(f"{utc}+00:00")
    assert (doubt or "") in made.extensions.get(DOUBT, "")
    assert (DOUBT in made.extensions) == (doubt is not None)


@pytest.mark.parametrize(
    ("channel", "certainty"),
    [
        ("inspector", "Observed"),
        ("camera", "Likely"),
        ("public", "Unknown"),
        ("superior", "Unknown"),
        ("", "Unknown"),
        (None, "Unknown"),
    ],
)
def test_the_channel_gives_the_certainty(channel: str | None, certainty: str) -> None:
    assert draft("urban-management", PROBLEM | {"channel": channel}, SHANGHAI).certainty == certainty


def test_empty_texts_are_absent_values() -> None:
    empty = dict.fromkeys(
        ("componentCode", "cellCode", "foundTime", "channel", "address", "description", "reporterRef"), ""
    )
    assert draft("urban-management", PROBLEM | empty | {"photos": []}, SHANGHAI) == draft(
        "urban-management", PROBLEM, SHANGHAI
    )


@pytest.mark.parametrize(("reference", "accepted"), [("w-4109**********0012", True), ("13812345678", False)])
def test_the_reporter_stays_masked(reference: str, accepted: bool) -> None:
    message = PROBLEM | {"reporterRef": reference}
    if accepted:
        assert report("urban-management", message).reporter == reference
    else:
        rejected = rejection("urban-management", message)
        assert rejected.code == "personal-data"
        assert "field `reporterRef`" in rejected.reason


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"taskNum": ""}, "bad-id", "taskNum"),
        ({"taskNum": None}, "bad-id", "taskNum"),
        ({"reportTime": "2100-02-29 00:00:00"}, "bad-time", "reportTime"),
        ({"foundTime": "20180101000000"}, "bad-time", "foundTime"),
        ({"eventCode": "410902010"}, "schema", "eventCode"),
        ({"photos": [PHOTO, PHOTO | {"sha256": HASH.upper()}]}, "schema", "photos.1.sha256"),
        ({"photos": [PHOTO] * 21}, "schema", "photos"),
        ({"status": "Draft"}, "schema", "status"),
    ],
)
def test_an_invalid_problem_is_rejected(wrong: dict[str, Any], code: str, field: str) -> None:
    rejected = rejection("urban-management", PROBLEM | wrong)
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{field}`: ")
