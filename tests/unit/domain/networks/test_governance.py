"""Comprehensive governance: entries of grid workers with cells of 15 or 14 digits and GCJ-02 points."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.domain.cells.registry import Claim
from router.domain.intake.coordinate_systems import to_wgs84
from router.domain.networks.schema.local_time import DOUBT
from router.domain.networks.schema.network import Draft
from tests.support.records import city, draft, rejection, report, table
from tests.support.samples import listening

SHANGHAI, LOS_ANGELES = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
ENTRY = {"event_no": "G1", "event_type": "0203", "grid_code": "410902001001001", "report_time": "20180101080009"}
EIGHT = datetime(2018, 1, 1, 0, 0, 9, tzinfo=UTC)


def test_an_entry_with_only_required_fields_is_accepted() -> None:
    assert draft("governance", ENTRY, SHANGHAI) == Draft(
        source_id="G1",
        codes=("0203", "02"),
        occurred_at=EIGHT,
        reported_at=EIGHT,
        claim=Claim(network="governance", at=EIGHT, cell="410902001001001"),
    )


@pytest.mark.parametrize(("given", "solved"), [("1", True), ("0", False), ("", False), (None, False)])
def test_a_grid_worker_may_have_put_it_right(given: str | None, solved: bool) -> None:
    assert draft("governance", ENTRY | {"self_handled": given}, SHANGHAI).solved is solved
    assert report("governance", ENTRY | {"self_handled": given}, listening()).solved is solved


@pytest.mark.parametrize(
    ("gcj02", "wgs84"),
    [  # pairs published with googollee/eviltransform
        ((121.531541859215, 31.17530398364597), (121.5272106, 31.1774276)),
        ((116.38404722455657, 39.91334545536069), (116.377817, 39.911954)),
        ((-118.243683, 34.052235), (-118.243683, 34.052235)),  # there is no offset outside China
    ],
)
def test_the_point_is_converted_from_gcj02(gcj02: tuple[float, float], wgs84: tuple[float, float]) -> None:
    (claim,) = to_wgs84([draft("governance", ENTRY | dict(zip(("lng", "lat"), gcj02, strict=True)), SHANGHAI).claim])
    assert (claim.lon, claim.lat) == pytest.approx(wgs84, abs=1e-6)  # 0.1 m
    assert (claim.accuracy_m, claim.cell) == (20.0, "410902001001001")


@pytest.mark.parametrize("half", [{"lng": 115.03}, {"lat": 35.76}, {"lng": None, "lat": 35.76}])
def test_one_coordinate_alone_is_not_a_point(half: dict[str, Any]) -> None:
    claim = draft("governance", ENTRY | half, SHANGHAI).claim
    assert (claim.lon, claim.lat, claim.accuracy_m) == (None, None, None)


@pytest.mark.parametrize("cell", ["410902001001002", "41090200100102"])
def test_a_cell_of_15_or_14_digits_is_accepted(cell: str) -> None:
    location = report("governance", ENTRY | {"grid_code": cell}, listening()).location
    assert (location.cell, location.resolved_by, location.source_grid) == ("410902001001002", "code", cell)


@pytest.mark.parametrize(
    ("given", "matter"), [("0203", "tree"), ("0204", "grass"), ("0299", "grass"), ("0300", "hole")]
)
def test_the_parent_of_a_class_is_its_first_two_digits(given: str, matter: str) -> None:
    of = city(governance=table("0203,,tree,\n02,,grass,\n03,,hole,\n"))
    made = report("governance", ENTRY | {"event_type": given}, of)
    assert (made.matter, made.source_code) == (matter, given)


@pytest.mark.parametrize(
    ("scale", "severity"),
    [
        ("01", "Minor"),
        ("02", "Moderate"),
        ("03", "Severe"),
        ("04", "Extreme"),
        ("05", "Extreme"),
        ("", "Unknown"),
        (None, "Unknown"),
    ],
)
def test_the_scale_gives_the_severity(scale: str | None, severity: str) -> None:
    assert draft("governance", ENTRY | {"event_scale": scale}, SHANGHAI).severity == severity


@pytest.mark.parametrize(
    ("degree", "urgency"),
    [("1", "Immediate"), ("2", "Expected"), ("3", "Future"), ("", "Unknown"), (None, "Unknown")],
)
def test_the_urgency_field_gives_the_urgency(degree: str | None, urgency: str) -> None:
    assert draft("governance", ENTRY | {"urgent_degree": degree}, SHANGHAI).urgency == urgency


@pytest.mark.parametrize(
    ("found_by", "certainty"),
    [
        ("patrol", "Observed"),
        ("camera", "Likely"),
        ("resident", "Possible"),
        ("superior", "Unknown"),
        ("", "Unknown"),
        (None, "Unknown"),
    ],
)
def test_the_finder_gives_the_certainty(found_by: str | None, certainty: str) -> None:
    assert draft("governance", ENTRY | {"found_by": found_by}, SHANGHAI).certainty == certainty


@pytest.mark.parametrize(("kind", "status"), [("formal", "Actual"), ("drill", "Exercise"), ("test", "Test")])
def test_drills_and_tests_stay_recognisable(kind: str, status: str) -> None:
    assert draft("governance", ENTRY | {"data_kind": kind}, SHANGHAI).status == status


@pytest.mark.parametrize(
    ("zone", "wall", "utc", "doubt"),
    [
        (SHANGHAI, "20180701120000", "2018-07-01T04:00:00", None),
        (LOS_ANGELES, "20181104013000", "2018-11-04T08:30:00", "occurs twice"),
        (LOS_ANGELES, "20180311023000", "2018-03-11T10:30:00", "was skipped"),
    ],
)
def test_wall_times_are_converted(zone: ZoneInfo, wall: str, utc: str, doubt: str | None) -> None:
    made = draft("governance", ENTRY | {"occur_time": wall}, zone)
    assert made.occurred_at == made.claim.at == datetime.fromisoformat(f"{utc}+00:00")
    assert (DOUBT in made.extensions) == (doubt is not None)
    assert (doubt or "") in made.extensions.get(DOUBT, "")


def test_empty_texts_are_absent_values() -> None:
    names = ("occur_time", "event_scale", "urgent_degree", "found_by", "address", "content", "gridman_ref")
    empty = dict.fromkeys(names, "")
    assert draft("governance", ENTRY | empty | {"photos": []}, SHANGHAI) == draft("governance", ENTRY, SHANGHAI)


def test_the_address_replaces_a_missing_content() -> None:
    assert draft("governance", ENTRY | {"address": "广场"}, SHANGHAI).description == "广场"


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"event_no": "G 1"}, "bad-id", "event_no"),
        ({"event_no": None}, "bad-id", "event_no"),
        ({"report_time": "20180229000000"}, "bad-time", "report_time"),
        ({"occur_time": "2018-01-01 00:00:00"}, "bad-time", "occur_time"),
        ({"gridman_ref": "138-1234-5678"}, "personal-data", "gridman_ref"),
        ({"event_type": "203"}, "schema", "event_type"),
        ({"event_type": "0203\n"}, "schema", "event_type"),
        ({"event_type": 203}, "schema", "event_type"),
        ({"grid_code": "4109020010010"}, "schema", "grid_code"),
        ({"grid_code": "４１０９０２００１００１００１"}, "schema", "grid_code"),
        ({"grid_code": ""}, "schema", "grid_code"),
        ({"lng": 180.1}, "schema", "lng"),
        ({"event_scale": "1"}, "schema", "event_scale"),
        ({"data_kind": ""}, "schema", "data_kind"),  # whether it is a drill must not be guessed
        ({"content": "长" * 4001}, "schema", "content"),
    ],
)
def test_an_invalid_entry_is_rejected(wrong: dict[str, Any], code: str, field: str) -> None:
    rejected = rejection("governance", ENTRY | wrong, listening())
    assert rejected.code == code
    assert rejected.reason.startswith(f"field `{field}`: ")
