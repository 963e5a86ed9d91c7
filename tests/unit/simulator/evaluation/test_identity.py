"""Which incident a record is about, through both stages: versions, numbers that begin again, words that come again."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from router.domain.cells.registry import STREET
from router.domain.intake.admit import admit
from router.domain.intake.dedup import DedupIndex
from router.domain.model.case import Case
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.simulator.evaluation.offline import Event, Offline, record_of
from router.simulator.messages import SourceMessage
from tests.support.cities import shipped
from tests.support.driver import los_angeles

NOON = datetime(2018, 1, 5, 17, tzinfo=UTC)
"""09:00 in Los Angeles."""
DUMPING, GRAFFITI = "Illegal Dumping Pickup", "Graffiti Removal"
REQUEST = {
    "SRNumber": "1-100",
    "CreatedDate": "01/05/2018 09:00:00 AM",
    "UpdatedDate": "01/05/2018 09:00:00 AM",
    "RequestType": DUMPING,
    "Status": "Open",
    "Latitude": "34.0606",
    "Longitude": "-118.2498",
    "APC": "Central APC",
    "NCName": "DOWNTOWN LOS ANGELES",
    "PolicePrecinct": "CENTRAL",
}


def request(hours: float = 0, *, indent: int | None = None, **changed: str) -> SourceMessage:
    """A service request that is received some hours after NOON."""
    value: Any = REQUEST | changed
    return message("hotline", value["SRNumber"], value, NOON + timedelta(hours=hours), indent)


def message(network: str, source_id: str, value: Any, received: datetime, indent: int | None = None) -> SourceMessage:
    text = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    return SourceMessage(network=network, source_id=source_id, value=text, received_at=received, kind="recorded")


def routed(messages: Sequence[SourceMessage], *, forgetful: bool = False, city: City | None = None) -> list[Case]:
    """The cases of a city.

    Args:
        messages: in the order of receipt.
        forgetful: whether the dedup index forgets everything after each record.
        city: Los Angeles if not given.
    """
    router = Offline(city or los_angeles())
    indexes: dict[str, DedupIndex] = defaultdict(DedupIndex)
    for offset, one in enumerate(messages):
        index = DedupIndex() if forgetful else indexes[one.network]
        admitted = admit(NETWORKS[one.network], [record_of(one, offset)], RuleSets(router.city), index)
        assert admitted.accepted + admitted.updated + admitted.redelivered + len(admitted.rejections) == 1
        for report, partition_key in admitted.events:
            router.fold(Event(partition_key[:STREET], report))
    return list(router.cases.values())


def departments(case: Case) -> list[str]:
    return [one.department for one in case.assignments if one.withdrawn_at is None]


def test_the_latest_word_holds_whatever_it_was_before() -> None:
    (case,) = routed([request(0), request(1, RequestType=GRAFFITI), request(2)])
    assert (case.matter, case.reports[0].version) == ("illegal-dumping", 3)
    assert departments(case) == departments(routed([request(0)])[0])


@pytest.mark.parametrize("again", [0, 1, 2])
def test_a_resent_old_word_changes_nothing(again: int) -> None:
    words = [request(0), request(1, RequestType=GRAFFITI), request(2, RequestType=GRAFFITI, Status="Closed")]
    (case,) = routed([*words, words[again]])
    assert (case.matter, case.reports[0].version) == ("graffiti", 3)


def test_order_and_spacing_are_no_new_version() -> None:
    turned = message("hotline", "1-100", dict(reversed(REQUEST.items())), NOON + timedelta(hours=1))
    (case,) = routed([request(0), turned, request(2, indent=1)])
    assert case.reports[0].version == 1
    assert case.revision == 1


def test_a_field_that_says_nothing_makes_no_version() -> None:
    pulled = [request(n / 60, pulledAt=f"2018-01-05T17:{n:02}:00Z") for n in range(56)]
    (case,) = routed(pulled, city=replace(los_angeles(), ignored_fields={"hotline": ("pulledAt",)}))
    assert (case.reports[0].version, case.revision) == (1, 1)
    (case,) = routed(pulled[:3])
    assert case.reports[0].version == 3


def test_a_version_that_its_source_calls_older_does_not_win() -> None:
    words = [
        request(0),
        request(2, RequestType=GRAFFITI, UpdatedDate="01/05/2018 11:00:00 AM"),
        request(3, RequestType=DUMPING, Status="Pending", UpdatedDate="01/05/2018 10:00:00 AM"),
    ]
    (case,) = routed(words)
    assert (case.matter, case.reports[0].version) == ("graffiti", 2)


def test_the_hour_that_occurs_twice_decides_nothing() -> None:
    """01:50 of summer time comes before 01:10 of winter time."""
    created = "11/04/2018 12:00:00 AM"
    at = (datetime(2018, 11, 4, 9, tzinfo=UTC) - NOON) / timedelta(hours=1)
    first = request(at, CreatedDate=created, UpdatedDate="11/04/2018 01:50:00 AM")
    second = request(at + 0.5, CreatedDate=created, UpdatedDate="11/04/2018 01:10:00 AM", RequestType=GRAFFITI)
    (case,) = routed([first, second])
    assert case.matter == "graffiti"


@pytest.mark.parametrize("updated", ["", "02/30/2018 09:00:00 AM"])
def test_a_time_of_change_that_cannot_be_read_decides_nothing(updated: str) -> None:
    (case,) = routed([request(0), request(1, RequestType=GRAFFITI, UpdatedDate=updated)])
    assert case.matter == "graffiti"


@pytest.mark.parametrize("forgetful", [False, True])
@pytest.mark.parametrize(
    ("created", "hours", "place"),
    [
        ("01/04/2019 09:00:00 AM", 364 * 24, {"Latitude": "34.0609"}),
        ("01/06/2018 09:00:00 AM", 24, {"Latitude": "34.0480", "Longitude": "-118.2560"}),
        ("01/05/2018 05:00:00 PM", 8, {}),
    ],
)
def test_a_number_that_begins_again_is_another_incident(
    created: str, hours: float, place: dict[str, str], forgetful: bool
) -> None:
    again = request(hours, CreatedDate=created, UpdatedDate=created, RequestType=GRAFFITI, **place)
    first, second = routed([request(0), again], forgetful=forgetful)
    assert (first.matter, second.matter) == ("illegal-dumping", "graffiti")
    assert departments(first) == ["bos"]
    assert departments(second)
    assert first.id != second.id
    assert {one.task for one in first.assignments}.isdisjoint(one.task for one in second.assignments)


def test_a_later_version_belongs_to_the_incident_that_the_number_names_now() -> None:
    new_year = "01/04/2019 09:00:00 AM"
    words = [
        request(0),
        request(364 * 24, CreatedDate=new_year, RequestType=GRAFFITI),
        request(364 * 24 + 1, CreatedDate=new_year, RequestType=DUMPING),
        request(0),  # the record of the year before, sent again
    ]
    first, second = routed(words)
    assert [(case.matter, case.reports[0].version) for case in (first, second)] == [
        ("illegal-dumping", 1),
        ("illegal-dumping", 2),
    ]
    assert second.reports[0].id == "hotline@20190104T170000Z:1-100"


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_wrong_year_is_corrected_and_no_second_incident(forgetful: bool) -> None:
    puyang = shipped("puyang")
    whistle = {
        "whistleId": "W-1",
        "matterCode": "DJ0101",
        "branchCode": "4109-02-001-001",
        "communityCode": "410902001001",
        "position": {"lon": 115.1386, "lat": 35.8194},
        "happenedAt": "2027-11-24T08:20:00+08:00",
        "raisedAt": "2027-11-24T08:20:00+08:00",
        "level": "一般",
        "content": "垃圾成堆",
        "raisedBy": "dj-w-0021",
        "status": "Actual",
    }
    right = whistle | dict.fromkeys(("happenedAt", "raisedAt"), "2026-11-24T08:20:00+08:00") | {"content": "时间更正"}
    at = datetime(2026, 11, 24, 0, 36, tzinfo=UTC)
    words = [
        message("party-building", "W-1", whistle, at),
        message("party-building", "W-1", right, at + timedelta(minutes=4)),
        message("party-building", "W-1", right | {"content": "再次更正"}, at + timedelta(days=2)),
    ]
    (case,) = routed(words, forgetful=forgetful, city=puyang)
    assert (case.reports[0].version, case.occurred_at) == (3, datetime(2026, 11, 24, 0, 20, tzinfo=UTC))
