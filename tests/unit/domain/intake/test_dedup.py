"""What the normalise stage knows of reports it has passed on: redeliveries end, other content is the next version."""

from datetime import timedelta

from msgspec.structs import replace

from router.domain.intake.dedup import MAX_VERSIONS, DedupEntry, DedupIndex, digest_of
from router.domain.model.rejection import Rejection
from router.domain.model.report import REPORTS_KEPT, Report
from router.wire.codec import decode_dedup_entry, decode_event, encode_dedup_entry, encode_report
from router.wire.partitioning import partition_for_cell
from tests.support.driver import CELL, OTHER_STREET, START, hours, report

A, B = digest_of(b"a"), digest_of(b"b")


def taken(places: DedupIndex, one: Report, digest: str) -> tuple[Report, DedupEntry]:
    outcome = places.admit(one, digest)
    assert isinstance(outcome, tuple)
    went, place = outcome
    assert went is not None
    return went, place


def test_digests_differ_by_any_byte() -> None:
    assert A != B
    assert len(A) == 16
    assert digest_of(b"a") == A


def test_a_new_report_goes_on_as_its_first_version() -> None:
    one = report("1")
    went, place = taken(DedupIndex(), one, A)
    assert went == one
    assert place == DedupEntry(cell=CELL, digests=(A,), at=START)


def test_the_same_bytes_again_go_nowhere() -> None:
    places = DedupIndex()
    taken(places, report("1"), A)
    assert places.admit(report("1", 5), A) is None


def test_other_bytes_are_the_next_version_at_home() -> None:
    places = DedupIndex()
    taken(places, report("1"), A)
    went, place = taken(places, report("1", 3, cell=OTHER_STREET), B)
    assert (went.version, went.location.cell) == (2, OTHER_STREET)
    assert place == DedupEntry(cell=CELL, digests=(A, B), at=hours(3))
    third, _ = taken(places, report("1", 4), digest_of(b"c"))
    assert third.version == 3


def test_an_old_version_again_is_no_correction() -> None:
    places = DedupIndex()
    taken(places, report("1"), A)
    taken(places, report("1", 3), B)
    assert places.admit(report("1", 4), A) is None


def test_another_id_is_another_report() -> None:
    places = DedupIndex()
    taken(places, report("1"), A)
    went, _ = taken(places, report("2"), A)
    assert went.version == 1


def test_too_many_versions_are_refused_and_the_latest_stays_known() -> None:
    places = DedupIndex()
    digests = [digest_of(str(n).encode()) for n in range(MAX_VERSIONS + 1)]
    for digest in digests[:-1]:
        taken(places, report("1"), digest)
    rejection = places.admit(report("1"), digests[-1])
    assert isinstance(rejection, Rejection)
    assert rejection.code == "too-many-versions"
    assert places.admit(report("1"), digests[-2]) is None


def test_what_lay_in_the_dead_letters_does_not_undo_a_newer_version() -> None:
    places = DedupIndex()
    taken(places, report("1", 5), A)
    rejection = places.admit(report("1", 4), B, redriven=True)
    assert isinstance(rejection, Rejection)
    assert rejection.code == "superseded"
    assert isinstance(
        places.admit(report("1", 5), digest_of(b"c"), redriven=True), Rejection
    )  # in the same millisecond
    assert isinstance(places.admit(report("1", 6), B, redriven=True), tuple)


def test_what_the_topic_no_longer_keeps_is_forgotten() -> None:
    places = DedupIndex()
    taken(places, report("1"), A)
    taken(places, report("2", 1), A)
    taken(places, report("1", 2), B)
    places.forget(hours(1) + REPORTS_KEPT)
    assert len(places) == 2
    places.forget(hours(1) + REPORTS_KEPT + timedelta(microseconds=1))
    assert len(places) == 1
    assert taken(places, report("2", 3), A)[0].version == 1
    assert places.admit(report("1", 3), B) is None


def test_a_place_is_read_as_it_was_written() -> None:
    place = DedupEntry(cell=CELL, digests=(A,) * 7, at=START)
    key, value = encode_dedup_entry("x-1", place)
    assert (key, decode_dedup_entry(value)) == (b"x-1", place)
    places = DedupIndex()
    places.restore("1", place)
    assert taken(places, report("1"), B)[0].version == 8


def test_an_update_travels_to_the_partition_of_its_first_version() -> None:
    moved = replace(report("1", cell=OTHER_STREET), version=2)
    key, value, headers = encode_report(moved, CELL)
    assert key == CELL.encode()
    assert partition_for_cell(key, 64) == partition_for_cell(encode_report(report("1"))[0], 64)
    assert dict(headers)["ce_type"] == b"grid.report.updated.v1"
    assert dict(headers)["ce_id"] == b"hotline:1/2"
    assert dict(headers)["ce_subject"] == OTHER_STREET.encode()
    assert decode_event(headers, value) == moved


def test_a_report_that_is_sent_every_day_stays_known() -> None:
    places = DedupIndex()
    taken(places, report("1"), A)
    day = report("1", 24)
    outcome = places.admit(day, A)
    assert isinstance(outcome, tuple)
    assert outcome == (None, DedupEntry(cell=CELL, digests=(A,), at=hours(24)))
    assert places.admit(report("1", 30), A) is None
    places.forget(hours(24) + REPORTS_KEPT)
    assert len(places) == 1
