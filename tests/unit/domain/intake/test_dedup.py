"""The dedup index: bytes that arrived before are a redelivery, other bytes under a known id are the next version."""

from datetime import timedelta

from msgspec.structs import replace

from router.domain.intake.dedup import MAX_VERSIONS, DedupEntry, DedupIndex, digest_of
from router.domain.model.rejection import Rejection
from router.domain.model.report import REPORTS_KEPT, Report
from router.wire.codec import decode_dedup_entry, decode_event, encode_dedup_entry, encode_report
from router.wire.partitioning import partition_for_cell
from tests.support.driver import CELL, OTHER_STREET, START, hours, report

A, B, C = digest_of(b"a"), digest_of(b"b"), digest_of(b"c")


def registered(index: DedupIndex, one: Report, digest: str) -> tuple[Report, DedupEntry]:
    """The event and the entry of a report that is new or an update."""
    decision = index.register(one, digest)
    assert isinstance(decision, tuple)
    event, entry = decision
    assert event is not None
    return event, entry


def test_digests_differ_by_any_byte() -> None:
    assert A != B
    assert len(A) == 16
    assert digest_of(b"a") == A


def test_a_new_report_is_its_first_version() -> None:
    one = report("1")
    event, entry = registered(DedupIndex(), one, A)
    assert event == one
    assert entry == DedupEntry(cell=CELL, digests=(A,), at=START)


def test_the_same_bytes_are_a_redelivery() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    assert index.register(report("1", 5), A) is None


def test_other_bytes_are_the_next_version_with_the_first_cell() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    event, entry = registered(index, report("1", 3, cell=OTHER_STREET), B)
    assert (event.version, event.location.cell) == (2, OTHER_STREET)
    assert entry == DedupEntry(cell=CELL, digests=(A, B), at=hours(3))
    third, _ = registered(index, report("1", 4), C)
    assert third.version == 3


def test_the_bytes_of_an_old_version_are_a_redelivery() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    registered(index, report("1", 3), B)
    assert index.register(report("1", 4), A) is None


def test_the_same_bytes_under_another_id_are_another_report() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    event, _ = registered(index, report("2"), A)
    assert event.version == 1


def test_too_many_versions_are_rejected_and_the_entry_stays() -> None:
    index = DedupIndex()
    digests = [digest_of(str(n).encode()) for n in range(MAX_VERSIONS + 1)]
    for digest in digests[:-1]:
        registered(index, report("1"), digest)
    rejection = index.register(report("1"), digests[-1])
    assert isinstance(rejection, Rejection)
    assert rejection.code == "too-many-versions"
    assert rejection.reason == (
        f"the network sent more than {MAX_VERSIONS} versions of the report; send new content under a new id."
    )
    assert index.register(report("1"), digests[-2]) is None


def test_a_redriven_record_does_not_replace_a_newer_version() -> None:
    index = DedupIndex()
    registered(index, report("1", 5), A)
    rejection = index.register(report("1", 4), B, redriven=True)
    assert isinstance(rejection, Rejection)
    assert rejection.code == "superseded"
    assert f"a newer version of the report at {hours(5).isoformat()}; leave this one" in rejection.reason
    same_millisecond = index.register(report("1", 5), C, redriven=True)
    assert isinstance(same_millisecond, Rejection)
    assert isinstance(index.register(report("1", 6), B, redriven=True), tuple)


def test_the_index_forgets_reports_that_the_topic_drops() -> None:
    index = DedupIndex()
    registered(index, report("1"), A)
    registered(index, report("2", 1), A)
    registered(index, report("1", 2), B)
    index.forget(hours(1) + REPORTS_KEPT)
    assert len(index) == 2
    index.forget(hours(1) + REPORTS_KEPT + timedelta(microseconds=1))
    assert len(index) == 1
    assert registered(index, report("2", 3), A)[0].version == 1
    assert index.register(report("1", 3), B) is None


def test_an_earlier_received_time_does_not_turn_the_clock_back() -> None:
    index = DedupIndex()
    index.forget(hours(1) + REPORTS_KEPT)
    registered(index, report("1"), A)
    index.forget(hours(0))
    assert len(index) == 0


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
    assert index.register(report("1", 24), A) == (None, DedupEntry(cell=CELL, digests=(A,), at=hours(24)))
    assert index.register(report("1", 30), A) is None
    index.forget(hours(24) + REPORTS_KEPT)
    assert len(index) == 1
