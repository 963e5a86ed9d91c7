"""Both stages on small inputs of shipped cities: from what a network sends to what departments get.

Each is a kind of fault that operators of other systems reported: a report that changes its mind, a field that changes at every pull,
numbers that begin again, a wrong year.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, NamedTuple

import pytest

from router.domain.intake.dedup import MAX_VERSIONS
from router.domain.model.case import Case
from router.domain.model.report import Report
from router.domain.rules.city import City
from tests.replay.history import DeadLetter, History
from tests.replay.sources import Sourced
from tests.support.city_messages import CLUE, DUMPING, PROBLEM, WHISTLE, sourced
from tests.support.driver import los_angeles
from tests.support.synthetic import puyang

FIVE = datetime(2018, 1, 5, 17, tzinfo=UTC)
"""9 o'clock in Los Angeles."""
GRAFFITI = DUMPING | {"RequestType": "Graffiti Removal"}
ELSEWHERE = {"Latitude": "34.0480", "Longitude": "-118.2560"}
"""1.5 km away, in another community."""

MORNING = datetime(2026, 11, 24, 0, 36, tzinfo=UTC)
"""8:36 in Puyang."""
WRONG_YEAR = {"happenedAt": "2027-11-24T08:20:00+08:00", "raisedAt": "2027-11-24T08:20:00+08:00"}


class Sent(NamedTuple):
    """What became of one message."""

    events: list[Report]
    rejections: list[str]

    @property
    def redelivered(self) -> bool:
        return not self.events and not self.rejections


class Router:
    """Both stages of a city."""

    def __init__(self, city: City) -> None:
        self._history, self._offset = History(city), 0

    def send(self, network: str, message: dict[str, Any] | bytes, at: datetime, key: str | None = None) -> Sent:
        return self.admit([self.record(network, message, at, key)])

    def admit(self, batch: Sequence[Sourced]) -> Sent:
        written = [output.content for output in self._history.replay(batch)]
        return Sent(
            [one for one in written if isinstance(one, Report)],
            [one.rejection.code for one in written if isinstance(one, DeadLetter)],
        )

    def record(self, network: str, message: dict[str, Any] | bytes, at: datetime, key: str | None = None) -> Sourced:
        self._offset += 1
        return sourced(network, message, at, self._offset, key)

    @property
    def cases(self) -> list[Case]:
        return list(self._history.cases.values())

    @property
    def found(self) -> list[str]:
        """Ids of all reports in all cases."""
        return sorted(report.id for case in self.cases for report in case.reports)


def departments(case: Case) -> list[str]:
    """Who has a live task."""
    return [one.department for one in case.assignments if one.withdrawn_at is None]


@pytest.fixture
def angeles() -> Router:
    return Router(los_angeles())


@pytest.fixture
def henan() -> Router:
    return Router(puyang())


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


# The latest word holds, whatever its bytes were before.


@pytest.mark.parametrize(
    ("words", "lead"),
    [
        ([DUMPING, GRAFFITI, DUMPING], "bos"),
        ([DUMPING, GRAFFITI, DUMPING, GRAFFITI], "ocb"),
        ([DUMPING, GRAFFITI, GRAFFITI], "ocb"),
    ],
    ids=["back", "back and forth", "twice"],
)
@pytest.mark.parametrize("one_batch", [False, True])
def test_a_report_that_changes_its_mind_says_the_latest(
    angeles: Router, words: list[dict[str, Any]], lead: str, one_batch: bool
) -> None:
    records = [angeles.record("hotline", word, FIVE + timedelta(minutes=number)) for number, word in enumerate(words)]
    for batch in [records] if one_batch else [[record] for record in records]:
        angeles.admit(batch)
    (case,) = angeles.cases
    assert departments(case) == [lead]
    assert case.matter == {"bos": "illegal-dumping", "ocb": "graffiti"}[lead]


def test_a_place_that_is_corrected_and_corrected_back_is_the_first_one(angeles: Router) -> None:
    for number, word in enumerate([DUMPING, DUMPING | ELSEWHERE, DUMPING]):
        angeles.send("hotline", word, FIVE + hours(number))
    live = [case for case in angeles.cases if departments(case)]
    assert [(case.cell, case.lat) for case in live] == [("060371002014001", 34.0606)]


def test_a_level_that_is_corrected_and_corrected_back_is_the_first_one(henan: Router) -> None:
    levels = []
    for number, level in enumerate(["一般", "紧急", "一般"]):
        henan.send("party-building", WHISTLE | {"level": level}, MORNING + hours(number))
        (case,) = henan.cases
        levels.append((case.urgency, case.severity))
    assert levels[0] == levels[2] != levels[1]


# What says nothing makes no version.


@pytest.mark.parametrize("fields", [["pulledAt"], ["pulledAt", "batch"]], ids=str)
def test_fields_that_say_nothing_make_no_version(fields: list[str]) -> None:
    """More pulls than a report may have versions."""
    router = Router(_ignoring(*fields))
    for minute in range(MAX_VERSIONS + 6):
        pulled = dict.fromkeys(fields, f"2018-01-05T17:{minute:02}:00Z")
        sent = router.send("hotline", DUMPING | pulled, FIVE + timedelta(minutes=minute))
        assert sent.redelivered is (minute > 0)
    assert [report.version for case in router.cases for report in case.reports] == [1]


def _ignoring(*fields: str) -> City:
    return replace(los_angeles(), ignored_fields={"hotline": fields})


def test_the_attributes_of_an_envelope_make_no_version(angeles: Router) -> None:
    """CloudEvents 1.0: each event has an id and a time of its own, and the report in it is the same."""
    for minute in range(3):
        attributes = {
            "specversion": "1.0",
            "type": "city.sr",
            "source": "/hotline",
            "id": f"e-{minute}",
            "time": f"2018-01-05T17:{minute:02}:00Z",
        }
        sent = angeles.send("hotline", attributes | {"data": DUMPING}, FIVE + timedelta(minutes=minute), "1-100")
        assert sent.redelivered is (minute > 0)
    assert angeles.send("hotline", DUMPING, FIVE + hours(1)).redelivered


SPELLINGS: list[Callable[[dict[str, Any]], bytes]] = [
    lambda message: json.dumps(message, ensure_ascii=False).encode(),
    lambda message: json.dumps(dict(reversed(message.items())), indent=1).encode(),
    lambda message: json.dumps(message, separators=(",", ":"), sort_keys=True).encode() + b"\r\n",
    lambda message: json.dumps(message).replace("/", "\\/").encode(),
]
"""A message with its keys in another order, with other blanks and other escapes: the same JSON value (RFC 8259)."""


@pytest.mark.parametrize("order", list(permutations(range(len(SPELLINGS)), 2)), ids=str)
@pytest.mark.parametrize(("network", "message"), [("hotline", DUMPING), ("enforcement", CLUE)])
def test_another_spelling_of_the_same_content_is_a_redelivery(
    network: str, message: dict[str, Any], order: Sequence[int]
) -> None:
    router = Router(los_angeles() if network == "hotline" else puyang())
    at = FIVE if network == "hotline" else MORNING
    sent = [
        router.send(network, SPELLINGS[number](message), at + timedelta(minutes=minute))
        for minute, number in enumerate(order)
    ]
    assert [one.redelivered for one in sent] == [False, True]


# Numbers that begin again name another incident, never silence.


def test_numbers_that_begin_again_each_year_are_all_found(angeles: Router) -> None:
    """Also where the other incident is near enough to the first one to look like a correction of it."""
    next_year = {"CreatedDate": "01/04/2019 09:00:00 AM", "UpdatedDate": "01/04/2019 09:00:00 AM"}
    january = datetime(2019, 1, 4, 17, tzinfo=UTC)
    sent = [
        angeles.send("hotline", DUMPING | {"SRNumber": "SR-000017"}, FIVE),
        angeles.send("hotline", GRAFFITI | next_year | {"SRNumber": "SR-000017", "Latitude": "34.0609"}, january),
        angeles.send(
            "hotline",
            GRAFFITI | next_year | {"SRNumber": "SR-000018", "Latitude": "34.0603"},
            january + timedelta(minutes=5),
        ),
    ]
    assert [len(one.events) for one in sent] == [1, 1, 1]
    assert angeles.found == ["hotline:SR-000017", "hotline:SR-000018", "hotline@20190104T170000Z:SR-000017"]
    assert sorted(department for case in angeles.cases for department in departments(case)) == ["bos", "ocb"]


@pytest.mark.parametrize("place", [{}, {"Latitude": "34.0609"}, ELSEWHERE], ids=["there", "near", "elsewhere"])
@pytest.mark.parametrize("kind", ["Graffiti Removal", "Illegal Dumping Pickup"])
def test_numbers_that_begin_again_each_day_are_all_found(angeles: Router, place: dict[str, str], kind: str) -> None:
    next_day = {"CreatedDate": "01/06/2018 09:00:00 AM", "UpdatedDate": "01/06/2018 09:00:00 AM"}
    for message, at in ((DUMPING, FIVE), (DUMPING | next_day | place | {"RequestType": kind}, FIVE + hours(24))):
        assert len(angeles.send("hotline", message | {"SRNumber": "0017"}, at).events) == 1
    assert angeles.found == ["hotline:0017", "hotline@20180106T170000Z:0017"]
    first = next(case for case in angeles.cases if "hotline:0017" in [report.id for report in case.reports])
    assert departments(first) == ["bos"], "the first dumping keeps its task"


def test_numbers_of_a_spreadsheet_that_begin_again_each_day_are_all_found(henan: Router) -> None:
    """A network without a time of change."""
    for day in range(3):
        message = CLUE | {"registerTime": f"2026-11-{24 + day} 08:30:00", "facts": f"第{day}天", "clueNo": "1"}
        assert len(henan.send("enforcement", message, MORNING + timedelta(days=day)).events) == 1
    assert len(henan.found) == 3


# A wrong year.


def test_a_year_that_is_corrected_in_time_leaves_one_case(henan: Router) -> None:
    henan.send("party-building", WHISTLE | WRONG_YEAR, MORNING)
    henan.send("party-building", WHISTLE, MORNING + timedelta(minutes=4))
    henan.send("enforcement", CLUE, MORNING + timedelta(minutes=14))
    (case,) = henan.cases
    assert henan.found == ["enforcement:C-1", "party-building:W-1"]
    assert departments(case) == ["urban-management"]


def test_a_year_that_was_wrong_when_the_second_report_came_leaves_two_cases(henan: Router) -> None:
    henan.send("party-building", WHISTLE | WRONG_YEAR, MORNING)
    henan.send("enforcement", CLUE, MORNING + timedelta(minutes=14))
    henan.send("party-building", WHISTLE, MORNING + timedelta(minutes=19))
    henan.send("urban-management", PROBLEM, MORNING + timedelta(minutes=24))
    assert henan.found == ["enforcement:C-1", "party-building:W-1", "urban-management:CG-1"]
    assert sorted(len(case.reports) for case in henan.cases) == [1, 2]


# Times and points as the standards allow them, through both stages.


@pytest.mark.parametrize(
    ("location", "cell", "doubted"),
    [
        ({"type": "Point", "coordinates": [115.1386, 35.8194, 52.3]}, "point", False),
        ({"type": "Point", "coordinates": [115.1386, 35.8194], "bbox": [115.1, 35.8, 115.2, 35.9]}, "point", False),
        (None, "community", False),
        ({"type": "Point", "coordinates": [0, 0]}, "community", True),
        ({"type": "Point", "coordinates": [115, 35]}, "community", True),
    ],
    ids=["altitude", "bbox", "null", "null island", "outside"],
)
def test_a_geojson_point_reaches_a_department(henan: Router, location: Any, cell: str, doubted: bool) -> None:
    (report,) = henan.send("enforcement", CLUE | {"location": location}, MORNING).events
    assert (report.location.cell[:12], report.location.resolved_by) == ("410902001001", cell)
    assert bool(report.location.doubt) is doubted
    (case,) = henan.cases
    assert departments(case) == ["urban-management"]


@pytest.mark.parametrize(
    "written", ["2026-11-24T08:20:00.1234567+08:00", "2026-11-24T00:20:00.123456789Z", "2026-11-24t00:20:00.123456z"]
)
def test_an_rfc_3339_time_is_cut_to_microseconds(henan: Router, written: str) -> None:
    (report,) = henan.send("party-building", WHISTLE | {"happenedAt": written, "raisedAt": written}, MORNING).events
    assert report.occurred_at == datetime(2026, 11, 24, 0, 20, 0, 123456, tzinfo=UTC)
