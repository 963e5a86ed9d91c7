"""The dedup index: what a known id means now - a redelivery, the next version, or another incident."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.domain.intake.content import bytes_digest, content_digest
from router.domain.intake.dedup import GAP, MAX_FORMER, MAX_VERSIONS, STEP, Decision, DedupEntry, DedupIndex, Said
from router.domain.model.rejection import Rejection
from router.domain.model.report import REPORTS_KEPT, Report
from router.wire.codec import decode_dedup_entry, decode_event, encode_dedup_entry, encode_report
from router.wire.partitioning import partition_for_cell
from tests.support.driver import CELL, OTHER_STREET, START, hours, report

A, B, C = "a" * 16, "b" * 16, "c" * 16
MANY = 31 * 24 * 60
"""Records that move the clock of an index by 31 days."""


def again(index: DedupIndex, one: Report, digest: str, *, redriven: bool = False) -> Decision:
    """The decision about a report with this content."""
    return index.register(one, Said(digest), digest.encode(), redriven=redriven)


def registered(index: DedupIndex, one: Report, digest: str) -> tuple[Report, DedupEntry]:
    """The event and the entry of a report that is new or an update."""
    decision = again(index, one, digest)
    assert isinstance(decision, tuple)
    event, entry = decision
    assert event is not None
    return event, entry


def test_a_new_report_is_its_first_version() -> None:
    one = report("1")
    event, entry = registered(DedupIndex(), one, A)
    assert event == one
    assert entry == DedupEntry(cell=CELL, digests=(A,), at=START)


def test_the_same_content_is_a_redelivery() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    assert again(index, report("1", received=5), A) is None


def test_other_content_is_the_next_version_with_the_first_cell() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    event, entry = registered(index, report("1", received=3, cell=OTHER_STREET), B)
    assert (event.version, event.location.cell) == (2, OTHER_STREET)
    assert entry == DedupEntry(cell=CELL, digests=(A, B), at=hours(3), earlier_at=(hours(0),))
    third, _ = registered(index, report("1", received=4), C)
    assert third.version == 3


@pytest.mark.parametrize("received", [0, 1, 2.9])
def test_an_old_version_that_is_sent_again_is_a_redelivery(received: float) -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    registered(index, report("1", received=3), B)
    assert again(index, report("1", received=received), A) is None


def test_versions_of_one_batch_have_one_time_and_the_order_of_the_log_decides() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    registered(index, report("1", received=1), B)
    assert registered(index, report("1", received=5), A)[0].version == 3
    assert registered(index, report("1", received=5), B)[0].version == 4
    assert again(index, report("1", received=5), A) is None  # a copy of the record before


def test_content_that_comes_back_later_is_the_latest_word() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    registered(index, report("1", received=3), B)
    event, entry = registered(index, report("1", received=4), A)
    assert (event.version, entry.digests) == (3, (A, B, A))
    assert again(index, report("1", received=5), A) is None
    assert registered(index, report("1", received=6), B)[0].version == 4


def test_a_refreshed_entry_still_knows_when_its_version_came() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    registered(index, report("1", received=1), B)
    refreshed = again(index, report("1", received=48), B)
    assert refreshed == (
        None,
        DedupEntry(cell=CELL, digests=(A, B), at=hours(48), said_at=hours(1), earlier_at=(hours(0),)),
    )
    assert again(index, report("1", received=40), A) is None
    event, entry = registered(index, report("1", received=49), A)
    assert (event.version, entry.said_at) == (3, None)


def test_a_number_that_begins_again_is_recognised_although_the_old_report_is_sent_daily() -> None:
    index = DedupIndex()
    registered(index, report("17"), A)
    assert isinstance(again(index, report("17", 0, received=48), A), tuple)
    assert registered(index, report("17", 47, received=49), B)[0].version == 1


def said(content: str, revised: float) -> Said:
    return Said(content, hours(revised))


def test_a_version_that_its_source_calls_older_does_not_win() -> None:
    index = DedupIndex()
    index.register(report("1"), said(A, 0), b"")
    assert isinstance(index.register(report("1", received=3), said(B, 2), b""), tuple)
    late = index.register(report("1", received=4), said(C, 1), b"")
    assert isinstance(late, Rejection)
    assert late.code == "superseded"
    assert late.reason.startswith(
        f"the source itself names a newer version of the report, changed at {hours(2).isoformat()}"
    )
    assert index.register(report("1", received=5), said(A, 0), b"") is None  # known and older: a redelivery
    assert isinstance(index.register(report("1", received=6), said(C, 3), b""), tuple)


def test_without_a_time_of_change_the_order_of_the_log_decides() -> None:
    index = DedupIndex()
    index.register(report("1", received=5), said(A, 5), b"")
    event, entry = registered(index, report("1", received=6), B)
    assert (event.version, entry.revised_at) == (2, hours(5))


@pytest.mark.parametrize(("ahead", "counts"), [(0, True), (1, True), (1.01, False), (90 * 365 * 24, False)])
def test_a_time_of_change_after_the_receipt_decides_nothing(ahead: float, counts: bool) -> None:
    """2108 for 2018 would make every later correction an old version. An hour is the tolerance for clocks."""
    index = DedupIndex()
    index.register(report("1"), said(A, -1), b"")
    typed = index.register(report("1", received=2), said(B, 2 + ahead), b"")
    assert isinstance(typed, tuple)
    assert typed[1].revised_at == (hours(2 + ahead) if counts else hours(-1))
    later = index.register(report("1", received=2.5), said(C, 1.5), b"")
    assert isinstance(later, Rejection if counts else tuple)
    assert isinstance(index.register(report("1", received=6), said("d" * 16, 5), b""), tuple)


def test_a_redriven_record_wins_if_its_source_calls_it_newer() -> None:
    index = DedupIndex()
    index.register(report("1", received=5), said(A, 1), b"")
    assert isinstance(index.register(report("1", received=4), said(B, 2), b"", redriven=True), tuple)


def test_a_number_that_begins_again_names_another_incident() -> None:
    index = DedupIndex()
    registered(index, report("17"), A)
    event, entry = registered(index, report("17", 24, cell=OTHER_STREET), B)
    assert (event.id, event.version, event.partition_key) == ("hotline@20261002T010000Z:17", 1, None)
    assert (entry.cell, entry.digests, entry.since, entry.former) == (OTHER_STREET, (B,), hours(24), (A,))
    update, _ = registered(index, report("17", 24, received=25), C)
    assert (update.id, update.version) == (event.id, 2)


def test_a_record_of_the_incident_before_changes_nothing_of_the_one_after() -> None:
    index = DedupIndex()
    registered(index, report("17"), A)
    registered(index, report("17", 24), B)
    assert again(index, report("17", 0, received=30), A) is None
    late = again(index, report("17", 0, received=31), C)
    assert isinstance(late, Rejection)
    assert late.code == "id-reused"
    assert f"names another incident since (received at {hours(24).isoformat()})" in late.reason


def test_each_year_gets_an_id_of_its_own() -> None:
    index, ids = DedupIndex(), set()
    for year in range(60):
        event, entry = registered(index, report("17", 8766 * year), f"{year:016x}")
        ids.add(event.id)
        assert len(entry.former) <= MAX_FORMER
    assert len(ids) == 60


@pytest.mark.parametrize(
    ("occurred", "received", "why"),
    [
        (0, 24, "the same occurrence"),
        (-48, 24, "an earlier one"),
        (0.9, 24, "later than the receipt before it by no more than clocks are off"),
        (8766, 24, "later than its own receipt: a wrong year"),
        (1.5, 0.9, "an hour has not passed since the version before"),
    ],
)
def test_a_corrected_time_is_the_same_incident(occurred: float, received: float, why: str) -> None:
    index = DedupIndex()
    registered(index, report("17"), A)
    event, _ = registered(index, report("17", occurred, received=received), B)
    assert (event.id, event.version) == ("hotline:17", 2), why


def test_a_wrong_year_that_is_kept_is_the_same_incident() -> None:
    index = DedupIndex()
    registered(index, report("17", 48, received=0), A)  # the clock of a phone is two days fast
    event, entry = registered(index, report("17", 48, received=72), B)
    assert (event.version, entry.occurred_at) == (2, None)


def test_an_entry_of_release_0_1_knows_the_bytes_of_its_versions() -> None:
    first, second = b'{"a":1}', b'{"a":2}'
    old = DedupEntry(cell=CELL, digests=(bytes_digest(first), bytes_digest(second)), at=hours(1))
    index = DedupIndex()
    index.restore("1", decode_dedup_entry(encode_dedup_entry("1", old)[1]))
    assert index.register(report("1", received=2), Said(content_digest(second)), second) is None
    assert index.register(report("1", received=1), Said(content_digest(first)), first) is None
    event, entry = registered(index, report("1", received=3), C)
    assert (event.version, entry.digests) == (3, (*old.digests, C))


def test_the_same_content_under_another_id_are_another_report() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    event, _ = registered(index, report("2"), A)
    assert event.version == 1


def test_too_many_versions_are_rejected_and_the_entry_stays() -> None:
    index = DedupIndex()
    digests = [f"{n:016x}" for n in range(MAX_VERSIONS + 1)]
    for digest in digests[:-1]:
        registered(index, report("1"), digest)
    rejection = again(index, report("1"), digests[-1])
    assert isinstance(rejection, Rejection)
    assert rejection.code == "too-many-versions"
    assert rejection.reason == (
        f"the network sent more than {MAX_VERSIONS} versions of the report; send new content under a new id."
    )
    assert again(index, report("1"), digests[-2]) is None


def test_a_redriven_record_does_not_replace_a_newer_version() -> None:
    index = DedupIndex()
    registered(index, report("1", received=5), A)
    rejection = again(index, report("1", received=4), B, redriven=True)
    assert isinstance(rejection, Rejection)
    assert rejection.code == "superseded"
    assert f"a newer version of the report at {hours(5).isoformat()}; leave this one" in rejection.reason
    same_millisecond = again(index, report("1", received=5), C, redriven=True)
    assert isinstance(same_millisecond, Rejection)
    assert isinstance(again(index, report("1", received=6), B, redriven=True), tuple)


def test_the_index_forgets_reports_that_the_topic_drops() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    registered(index, report("2", received=1), A)
    registered(index, report("1", received=2), B)
    index.forget(hours(1) + REPORTS_KEPT, MANY)
    assert len(index) == 2
    index.forget(hours(1) + REPORTS_KEPT + timedelta(microseconds=1), MANY)
    assert len(index) == 1
    assert registered(index, report("2", received=3), A)[0].version == 1
    assert again(index, report("1", received=3), B) is None


def test_an_earlier_received_time_makes_the_index_forget_less() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    index.forget(hours(0))
    index.forget(hours(2) + REPORTS_KEPT, MANY)
    assert len(index) == 0
    registered(index, report("1"), A)
    index.forget(hours(0))
    assert len(index) == 1


@pytest.mark.parametrize("days", [45, -45])
def test_a_clock_of_the_broker_that_jumps_empties_no_index(days: int) -> None:
    index = DedupIndex()
    for name in ("1", "2"):
        registered(index, report(name), A)
    index.forget(hours(0), 2)
    index.forget(hours(24 * days), 10_000)  # all that comes before the clock is repaired
    assert len(index) == 2
    index.forget(hours(1), 1)
    assert again(index, report("1", received=1), A) is None


def test_an_index_that_began_with_a_wrong_clock_keeps_what_comes_after() -> None:
    index = DedupIndex()
    index.forget(hours(24 * 45))
    registered(index, report("1"), A)
    index.forget(hours(0))
    assert len(index) == 1


def test_a_restored_index_takes_its_clock_from_most_entries() -> None:
    index = DedupIndex()
    for number in range(3):
        index.restore(str(number), DedupEntry(cell=CELL, digests=(A,), at=hours(number)))
    index.restore("wrong clock", DedupEntry(cell=CELL, digests=(A,), at=hours(24 * 45)))
    index.forget(hours(24 * 45))
    assert len(index) == 4


def test_one_record_moves_the_clock_by_one_step_and_a_pause_by_a_day() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    index.forget(hours(0))
    far = hours(0) + 10 * REPORTS_KEPT
    index.forget(far, (REPORTS_KEPT - GAP) // STEP)
    assert len(index) == 1
    index.forget(far)
    assert len(index) == 0


def test_an_entry_without_a_version_is_as_none() -> None:
    index = DedupIndex()
    index.restore("1", DedupEntry(cell=CELL, digests=(), at=START))
    assert registered(index, report("1"), A)[0].version == 1


WORDS = st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=6)


@given(words=WORDS, data=st.data(), restart=st.booleans())
def test_any_resends_of_any_words_end_at_the_latest_word(words: list[str], data: st.DataObject, restart: bool) -> None:
    """A source says one thing after the other; copies of what it said come at any later place of the log."""
    index, events, counted, log = DedupIndex(), 0, 0, 0
    for number in range(len(words)):
        copies = data.draw(st.lists(st.integers(0, number), max_size=3))
        for which in (number, *copies):
            log += 1
            decision = again(index, report("1", received=which), words[which])
            assert not isinstance(decision, Rejection)
            events += isinstance(decision, tuple) and decision[0] is not None
            counted += decision is None or decision[0] is None
            if restart and isinstance(decision, tuple):
                index = DedupIndex()
                index.restore("1", decode_dedup_entry(encode_dedup_entry("1", decision[1])[1]))
    assert again(index, report("1", received=len(words)), words[-1]) is None
    changes = 1 + sum(one != other for one, other in pairwise(words))
    assert (events, events + counted) == (changes, log)


def test_an_entry_is_decoded_as_it_was_encoded() -> None:
    entry = DedupEntry(cell=CELL, digests=(A,) * 7, at=START)
    key, value = encode_dedup_entry("x-1", entry)
    assert (key, decode_dedup_entry(value)) == (b"x-1", entry)
    index = DedupIndex()
    index.restore("1", entry)
    assert registered(index, report("1"), B)[0].version == 8


def test_an_update_goes_to_the_partition_of_its_first_version() -> None:
    moved = replace(report("1", cell=OTHER_STREET), version=2)
    key, value, headers = encode_report(moved, CELL)
    assert key == CELL.encode()
    assert partition_for_cell(key, 64) == partition_for_cell(encode_report(report("1"))[0], 64)
    assert dict(headers)["ce_type"] == b"grid.report.updated.v1"
    assert dict(headers)["ce_id"] == b"hotline:1/2"
    assert dict(headers)["ce_subject"] == OTHER_STREET.encode()
    assert decode_event(headers, value) == moved


def test_a_report_that_is_sent_daily_stays_in_the_index() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    assert again(index, report("1", received=24), A) == (
        None,
        DedupEntry(cell=CELL, digests=(A,), at=hours(24), said_at=hours(0)),
    )
    assert again(index, report("1", received=30), A) is None
    index.forget(hours(24) + REPORTS_KEPT, MANY)
    assert len(index) == 1


@pytest.mark.parametrize("gap_h", [0.01, 1.0, 20.0])
def test_the_index_stays_as_small_as_thirty_days_are(gap_h: float) -> None:
    """Also in a partition of few records, and though the clock follows slowly. A year of it, or as much as a test has time for."""
    index, number = DedupIndex(), min(round(365 * 24 / gap_h), 90_000)
    for one in range(number):
        at = one * gap_h
        index.register(report(str(one), at), Said(f"{one}"), b"")
        index.forget(hours(at))
    assert len(index) <= 31 * 24 / gap_h


@pytest.mark.parametrize("alternating", [False, True])
def test_a_clock_that_jumps_wins_a_day_at_most(alternating: bool) -> None:
    index = DedupIndex()
    index.register(report("known", 0), Said("a"), b"")
    index.forget(hours(0))
    for one in range(2000):
        ahead = 0.0 if alternating and one % 2 else 45 * 24.0
        index.forget(hours(one / 3600 + ahead))
    assert len(index) == 1
