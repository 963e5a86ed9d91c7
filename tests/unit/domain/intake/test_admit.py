"""Admission: each record of a batch is accepted, updated, redelivered or rejected, and an exception changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from router.domain.intake.admit import Admitted, TranslationError, admit, rule_set_of
from router.domain.intake.dedup import DedupIndex
from router.domain.intake.normalise import RECEIVED_AT, REDRIVEN
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets, UnreadableRuleSetError
from tests.support.records import ALARM, Record, city, written

CITY = replace(city(), rule_set="first")
POLICING = NETWORKS["policing"]
START = datetime(2018, 1, 1, tzinfo=UTC)
"""Eight hours before Kafka's time of the test records."""


def record(offset: int, hour: float = 0, *, redriven: bool = False, **changed: Any) -> Record:
    """An alarm that the intake received some hours after START."""
    received = (START + timedelta(hours=hour)).isoformat().encode()
    headers = [(RECEIVED_AT, received), *([(REDRIVEN, b"reports.policing/3/1")] if redriven else [])]
    alarm = ALARM | changed
    key = alarm["jjdbh"].encode()
    return Record(key=key, value=written(alarm), offset=offset, headers=headers)


def admitted(index: DedupIndex, *records: Record, rule_sets: RuleSets | None = None) -> Admitted:
    return admit(POLICING, records, rule_sets or RuleSets(CITY), index)


def two_rule_sets() -> RuleSets:
    """The first rule set, and a second one that holds from one hour after START."""
    rule_sets = RuleSets(CITY)
    rule_sets.add("second", START + timedelta(hours=1), lambda: replace(CITY, rule_set="second"))
    return rule_sets


def test_each_record_of_a_batch_is_counted_once() -> None:
    batch = [record(0), record(1), record(2, bjnr="more"), Record(value=b"{", offset=3), record(4, jjdbh="J2")]
    done = admitted(DedupIndex(), *batch)
    assert (done.accepted, done.updated, done.redelivered, len(done.rejections)) == (2, 1, 1, 1)
    assert [(report.source_id, report.version) for report, _ in done.events] == [("J1", 1), ("J1", 2), ("J2", 1)]
    assert [(one.offset, rejection.code) for one, rejection in done.rejections] == [(3, "not-json")]
    assert [source_id for source_id, _ in done.entries] == ["J1", "J1", "J2"]


@pytest.mark.parametrize("pulled", ["a", 1.50, [1e2]])
def test_a_field_that_says_nothing_may_be_there_or_not(pulled: Any) -> None:
    """Fields that a city ignores do not decide how numbers are compared, either."""
    place = {"jd": 115.0305, "wd": 35.7605}
    rule_sets = RuleSets(replace(CITY, ignored_fields={"policing": ("pulledAt", "batch")}))
    batch = [record(0, **place), record(1, pulledAt=pulled, **place), record(2, pulledAt=pulled, batch=7, **place)]
    done = admitted(DedupIndex(), *batch, rule_sets=rule_sets)
    assert (done.accepted, done.updated, done.redelivered) == (1, 0, 2)
    more = admitted(DedupIndex(), record(0, **place), record(1, other=1, pulledAt=pulled, **place), rule_sets=rule_sets)
    assert (more.accepted, more.updated) == (1, 1)


def test_reports_whose_point_lies_outside_every_cell_are_counted() -> None:
    """The second lies some 10 km north of the cells, the third at 0, 0, and the first nowhere."""
    north, nowhere = {"jd": 115.0305, "wd": 35.86}, {"jd": 0.0, "wd": 0.0}
    done = admitted(DedupIndex(), record(0), record(1, jjdbh="J2", **north), record(2, jjdbh="J3", **nowhere))
    assert (done.accepted, done.outside) == (3, 1)
    assert [report.location.lat is None for report, _ in done.events] == [True, False, True]


def test_an_event_has_the_partition_key_of_its_first_version() -> None:
    first, second, *_ = CITY.cells.cells
    codes = CITY.codes["policing"]
    entry = {"event_no": "E1", "event_type": codes.codes[0].code[:4], "report_time": "20180101080009"}
    batch = [
        Record(key=b"E1", value=written(entry | {"grid_code": cell}), offset=n)
        for n, cell in enumerate((first, second))
    ]
    rules = RuleSets(replace(CITY, codes={"governance": codes}))
    done = admit(NETWORKS["governance"], batch, rules, DedupIndex())
    assert [report.location.cell for report, _ in done.events] == [first, second]
    assert [partition_key for _, partition_key in done.events] == [first, first]


def test_a_redelivery_a_day_later_rewrites_its_entry() -> None:
    index = DedupIndex()
    admitted(index, record(0, hour=-48))
    assert admitted(index, record(1, hour=-47)).entries == []
    done = admitted(index, record(2))
    assert (done.redelivered, done.events) == (1, [])
    assert [(source_id, entry.at) for source_id, entry in done.entries] == [("J1", START)]


def test_a_redriven_record_is_rejected_when_a_newer_version_exists() -> None:
    index = DedupIndex()
    admitted(index, record(0, hour=2))
    late, redriven = record(1, hour=1, bjnr="old"), record(2, hour=1, bjnr="older", redriven=True)
    done = admitted(index, redriven, late)
    assert [(one.offset, rejection.code) for one, rejection in done.rejections] == [(2, "superseded")]
    assert done.updated == 1


def test_the_received_time_of_a_record_decides_its_rule_set() -> None:
    batch = [record(0, hour=0), record(1, hour=1, jjdbh="J2"), record(2, hour=0.5, jjdbh="J3")]
    done = admitted(DedupIndex(), *batch, rule_sets=two_rule_sets())
    assert [report.rule_set for report, _ in done.events] == ["first", "second", "first"]


def test_a_redriven_record_has_the_rule_set_of_kafkas_time() -> None:
    rule_sets = two_rule_sets()
    assert rule_set_of(POLICING, record(0), rule_sets).rule_set == "first"
    assert rule_set_of(POLICING, record(0, redriven=True), rule_sets).rule_set == "second"


def test_the_index_forgets_reports_that_the_topic_drops() -> None:
    index = DedupIndex()
    month_ago = msgspec.structs.replace(record(0), timestamp=int((START - timedelta(days=31)).timestamp() * 1000))
    admitted(index, month_ago)
    admitted(index, record(1, jjdbh="J2"))
    assert len(index) == 2  # one record, whatever its time, does not make the index forget
    admitted(index, *[record(2, jjdbh="J2")] * (31 * 24 * 60))
    assert len(index) == 1


def test_a_record_must_have_its_id_as_key() -> None:
    batch = [replace_key(record(number), key) for number, key in enumerate((None, b"", b"J2", b"J1 ", b"J1"))]
    done = admitted(DedupIndex(), *batch)
    assert [(one.offset, rejection.code) for one, rejection in done.rejections] == [(n, "wrong-key") for n in range(4)]
    assert done.accepted == 1
    missing, *_, blank = [rejection.reason for _, rejection in done.rejections]
    hint = "send the report's id 'J1' as the key, or let `dead-letters redrive` set it."
    assert missing == f"the record has no key; {hint}"
    assert blank == f"the record has the key 'J1 '; {hint}"


def replace_key(one: Record, key: bytes | None) -> Record:
    return msgspec.structs.replace(one, key=key)


def test_a_received_time_far_from_kafkas_does_not_count_and_is_counted() -> None:
    hours_of = {"past": -30 * 24, "future": 9.1, "": 8.5}  # Kafka's time is 8 hours after START
    batch = [record(n, hour=hour, jjdbh=f"J{n}") for n, hour in enumerate(hours_of.values())]
    done = admitted(DedupIndex(), *batch)
    assert done.disbelieved == {"past": 1, "future": 1}
    kafka = datetime(2018, 1, 1, 8, 0, 9, tzinfo=UTC)
    assert [report.received_at for report, _ in done.events] == [kafka] * 3


def test_personal_numbers_are_masked_and_counted_and_the_digest_is_of_what_was_sent() -> None:
    """A second delivery is recognised, and a corrected digit is a correction although both texts look alike afterwards."""
    index = DedupIndex()
    sent = {"bjnr": "call 13812345678", "sfdz": "flat of 11010519491231002X", "contact": {"phone": 13812345678}}
    done = admitted(index, record(0, **sent), record(1, **sent), record(2, **sent | {"bjnr": "call 13812345679"}))
    assert (done.accepted, done.redelivered, done.updated) == (1, 1, 1)
    first, second = [report for report, _ in done.events]
    for one in (first, second):
        assert (one.description, one.address) == ("call 138********", "flat of 1101**************")
        assert one.extensions == {"contact": {"phone": "138********"}}
        assert one.masked == ("identity-number", "phone-number")
    assert done.masked == {"identity-number": 2, "phone-number": 2}
    assert not admitted(index, record(3, jjdbh="J9", bjnr="no number")).masked


def test_history_and_redriven_records_may_be_as_old_as_they_say() -> None:
    index, long_ago = DedupIndex(), START - timedelta(days=400)
    old = record(0, hour=-400 * 24)
    done = admit(POLICING, [old], RuleSets(CITY), index, history=True)
    again = admitted(index, record(1, hour=-400 * 24, jjdbh="J2", redriven=True))
    assert [one.received_at for one, _ in (*done.events, *again.events)] == [long_ago, long_ago]
    assert not again.disbelieved


def test_missing_rules_leave_the_index_as_it_was() -> None:
    def unreadable() -> Any:
        raise OSError("gone")

    rule_sets = RuleSets(CITY)
    rule_sets.add("second", START + timedelta(hours=1), unreadable)
    index = DedupIndex()
    with pytest.raises(UnreadableRuleSetError):
        admitted(index, record(0), record(1, hour=1, jjdbh="J2"), rule_sets=rule_sets)
    assert len(index) == 0


def test_a_translation_error_names_the_offset_and_changes_nothing() -> None:
    class BrokenCells:
        def resolve(self, claims: list[Any]) -> list[Any]:
            if any(claim.at.hour == 9 for claim in claims):
                raise ZeroDivisionError
            return CITY.cells.resolve(claims)

    broken = replace(CITY, cells=BrokenCells())  # type: ignore[arg-type]
    index = DedupIndex()
    bad = record(1, jjdbh="J2", bjsj="20180101170009")
    with pytest.raises(TranslationError) as raised:
        admitted(index, record(0), bad, record(2), rule_sets=RuleSets(broken))
    assert raised.value.offset == 1
    assert len(index) == 0


def test_an_empty_batch_has_no_decisions() -> None:
    done = admitted(DedupIndex())
    assert (done.events, done.entries, done.rejections, done.accepted) == ([], [], [], 0)
