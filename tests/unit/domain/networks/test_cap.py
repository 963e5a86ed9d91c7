"""Emergency alerts: what becomes of their elements, and which message is a version of which report."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from router.domain.intake.admit import Admitted, admit
from router.domain.intake.dedup import DedupIndex
from router.domain.intake.normalise import normalise
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.networks.cap import NETWORK, chain_id
from router.domain.rules.rule_sets import RuleSets
from tests.support.cities import shipped
from tests.support.records import Record

SENDER, NINE = "duty@weather.example.org", datetime(2026, 11, 24, 9, tzinfo=UTC)
AREA = {"areaDesc": "Pike Street", "circle": ["47.6097,-122.3331 0.1"]}
INFO = {
    "category": ["Met"], "event": "Flood", "urgency": "Expected", "severity": "Minor", "certainty": "Likely",
    "headline": "Water", "area": [AREA],
}  # fmt: skip


def message(
    hour: int = 9,
    kind: str = "Alert",
    references: tuple[str, ...] = (),
    *,
    info: Any = None,
    area: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """The message of an hour; its identifier is the hour."""
    sent, named = f"2026-11-24T{hour:02}:00:00-00:00", " ".join(references)
    made = {
        "id": chain_id(SENDER, f"A-{hour}", sent, named), "identifier": f"A-{hour}", "sender": SENDER, "sent": sent,
        "status": "Actual", "msgType": kind, "references": named, "scope": "Public",
        "info": [INFO | {"area": [AREA | (area or {})]} | (info or {})],
    }  # fmt: skip
    return made | more


def reference(hour: int) -> str:
    return f"{SENDER},A-{hour},2026-11-24T{hour:02}:00:00-00:00"


def record(fields: Mapping[str, Any], at: datetime) -> Record:
    return Record(key=str(fields["id"]).encode(), value=orjson.dumps(fields), timestamp=int(at.timestamp() * 1000))


def decided(fields: Mapping[str, Any]) -> Report | Rejection:
    done = normalise(NETWORK, [record(fields, NINE + timedelta(minutes=5))], shipped("seattle"))
    return done.reports[0] if done.reports else done.rejections[0][1]


def accepted(fields: Mapping[str, Any]) -> Report:
    made = decided(fields)
    assert isinstance(made, Report), made
    return made


def test_the_three_scales_and_the_status_are_taken_over() -> None:
    made = accepted(message(status="Exercise"))
    assert (made.status, made.urgency, made.severity, made.certainty) == ("Exercise", "Expected", "Minor", "Likely")
    assert (made.matter, made.description, made.address) == ("hazard", "Water", "Pike Street")
    assert accepted(message(status="Test")).status == "Test"


@pytest.mark.parametrize("status", ["System", "Draft", "actual", ""])
def test_what_is_not_meant_for_action_is_rejected(status: str) -> None:
    rejected = decided(message(status=status))
    assert isinstance(rejected, Rejection)
    assert (rejected.code, rejected.field) == ("schema", "status")


@pytest.mark.parametrize("kind", ["Ack", "Error"])
def test_messages_about_messages_are_no_reports(kind: str) -> None:
    rejected = decided(message(kind=kind, references=(reference(8),)))
    assert isinstance(rejected, Rejection)
    assert rejected.field == "msgType"


def test_the_most_specific_class_decides() -> None:
    assert accepted(message(info={"event": "Missing Person", "category": ["Safety"]})).matter == "missing-person"
    code = [{"valueName": "SAME", "value": "FLW"}]
    assert accepted(message(info={"eventCode": code})).source_code == "SAME/FLW"


@pytest.mark.parametrize(
    ("area", "lon", "lat", "accuracy"),
    [
        ({"circle": ["47.6097,-122.3331 0.25"]}, -122.3331, 47.6097, 250.0),
        ({"circle": ["47.6097,-122.3331 0"]}, -122.3331, 47.6097, 20.0),
        # 0.002 degrees of latitude are 222.4 m, 0.002 of longitude there 149.9 m: half of the diagonal is 134 m
        (
            {"polygon": ["47.609,-122.334 47.611,-122.334 47.611,-122.332 47.609,-122.332 47.609,-122.334"]},
            -122.333, 47.61, 134.1,
        ),
    ],
)  # fmt: skip
def test_places_are_in_wgs84_with_the_latitude_first(
    area: dict[str, Any], lon: float, lat: float, accuracy: float
) -> None:
    place = accepted(message(area=area)).location
    assert (place.resolved_by, place.lon, place.lat) == ("point", lon, lat)
    assert place.accuracy_m == pytest.approx(accuracy, rel=0.005)


def test_a_geocode_may_be_a_cell() -> None:
    codes = [{"valueName": "SAME", "value": "053033"}, {"valueName": "cell", "value": "530335010030015"}]
    place = accepted(message(area={"circle": [], "geocode": codes})).location
    assert (place.cell, place.resolved_by) == ("530335010030015", "code")


@pytest.mark.parametrize(
    ("area", "field"),
    [
        ({"polygon": ["47,-122 48,-122 47,-122"]}, "polygon"),  # three pairs
        ({"polygon": ["47,-122 48,-122 48,-121 47,-121"]}, "polygon"),  # not closed
        ({"polygon": ["-122,47 -122,48 -121,48 -122,47"]}, "polygon"),  # longitude first
        ({"polygon": ["47;-122"]}, "polygon"),
        ({"circle": ["147,-122 1"]}, "circle"),
        ({"circle": ["47,-122"]}, "circle"),
    ],
)
def test_a_place_that_is_none_is_rejected(area: dict[str, Any], field: str) -> None:
    rejected = decided(message(area=area))
    assert isinstance(rejected, Rejection)
    assert rejected.field == f"info.0.area.0.{field}.0"


@pytest.mark.parametrize("kind", ["Update", "Cancel"])
def test_a_message_of_a_chain_names_its_first(kind: str) -> None:
    rejected = decided(message(kind=kind))
    assert isinstance(rejected, Rejection)
    assert "references" in rejected.reason


def test_a_chain_is_one_report_in_versions_and_a_cancel_closes_it() -> None:
    """Also hours later, and by whichever order the references have."""
    update, last = message(12, "Update", (reference(9),)), message(15, "Update", (reference(12), reference(9)))
    cancel = message(18, "Cancel", (reference(15), reference(9), reference(12)))
    rules, index, made = RuleSets(shipped("seattle")), DedupIndex(), []
    for hour, one in zip((9, 12, 15, 18), (message(9), update, last, cancel), strict=True):
        admitted: Admitted = admit(NETWORK, [record(one, NINE.replace(hour=hour, minute=1))], rules, index)
        assert not admitted.rejections
        made += [event for event, _ in admitted.events]
    assert {one.id for one in made} == {f"cap:{message(9)['id']}"}
    assert [one.version for one in made] == [1, 2, 3, 4]
    assert [one.closed for one in made] == [None, None, None, "cancelled"]
    assert {one.occurred_at for one in made} == {NINE}
    late = admit(NETWORK, [record(update | {"scope": "Private"}, NINE.replace(hour=19))], rules, index)
    assert [one.code for _, one in late.rejections] == ["superseded"]


def test_an_id_follows_from_the_first_message_alone() -> None:
    first = chain_id(SENDER, "A-9", "2026-11-24T09:00:00-00:00", "")
    assert first == chain_id(SENDER, "A-9", "2026-11-24T01:00:00-08:00", "")  # the same instant
    assert first == chain_id("other@example.org", "B", "2026-11-24T10:00:00+00:00", reference(9))
    assert first != chain_id(SENDER, "A-10", "2026-11-24T09:00:00-00:00", "")
    for sent in (
        "2026-11-24T09:00:00-00:00",
        "2026-11-24T08:59:59-00:00",
    ):  # the same second, and a clock that is behind
        assert first == chain_id("a@example.org", "A-0", sent, f"a,b,yesterday {reference(12)} {reference(9)}")
    assert first != chain_id("other@example.org", "A-9", "2026-11-24T09:00:00-00:00", "")
    for broken in ("x", "a,b", "a,b,c,d", "a,b,yesterday", "a,b,0001-01-01T00:00:00+00:00"):
        assert chain_id(SENDER, "A-9", "2026-11-24T09:00:00-00:00", broken) == first


@pytest.mark.parametrize("behind_s", [0, 1, 90])
def test_a_cancel_closes_its_chain_also_if_the_clock_of_its_sender_is_behind(behind_s: int) -> None:
    """CAP 1.2, 3.2.1: `references` say to which message it belongs; `sent` says only when it was sent."""
    sent = (NINE - timedelta(seconds=behind_s)).isoformat()
    chain = chain_id(SENDER, "A-0", sent, reference(9))  # in the order of texts A-0 is before A-9
    cancel = message(9, "Cancel", (reference(9),), identifier="A-0", sent=sent, id=chain)
    update = message(9, "Update", (reference(9),), identifier="A-00", sent=sent, id=chain)
    rules, index, made = RuleSets(shipped("seattle")), DedupIndex(), []
    for minute, one in enumerate((message(9), update, cancel), 1):
        admitted = admit(NETWORK, [record(one, NINE.replace(minute=minute))], rules, index)
        assert not admitted.rejections
        made += [event for event, _ in admitted.events]
    assert [(one.id, one.version, one.closed) for one in made] == [
        (f"cap:{message(9)['id']}", 1, None), (f"cap:{message(9)['id']}", 2, None), (f"cap:{message(9)['id']}", 3, "cancelled"),
    ]  # fmt: skip


def test_an_alert_about_tomorrow_has_happened_when_it_was_sent() -> None:
    assert accepted(message(info={"onset": "2026-11-26T00:00:00+00:00"})).occurred_at == NINE
    early = accepted(message(info={"onset": "2026-11-24T07:30:00+00:00"}))
    assert early.occurred_at == NINE.replace(hour=7, minute=30)


def test_files_are_shown_by_their_sha256_and_never_inline() -> None:
    uri = "https://photos.example.org/1.jpg"
    made = accepted(
        message(info={"resource": [{"uri": uri, "digest": "A" * 64}, {"uri": f"{uri}2", "digest": "b" * 40}]})
    )
    assert [(one.url, one.sha256) for one in made.media] == [(uri, "a" * 64)]
    assert made.extensions["files"] == [f"{uri}2"]
    rejected = decided(message(info={"resource": [{"derefUri": "aGVsbG8="}]}))
    assert isinstance(rejected, Rejection)
    assert rejected.field == "info.0.resource.0.derefUri"


def test_other_languages_and_areas_are_named() -> None:
    chinese = INFO | {"headline": "积水"}
    made = accepted(message(info={"area": [AREA, AREA | {"areaDesc": "Pine Street"}]}) | {"info": [INFO, chinese]})
    assert made.extensions["infos"] == ["积水"]
    assert accepted(message(info={"area": [AREA, AREA | {"areaDesc": "Pine Street"}]})).extensions["areas"] == [
        "Pine Street"
    ]
