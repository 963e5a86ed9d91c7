"""Where a partition goes on: at its offset if the log is the same, and never beyond what is lost."""

import pytest

from router.stream.engine.fetch_session import FetchSession
from router.stream.engine.log_position import BeyondEndError, LogBounds, ResumePoint, resume_point
from router.wire.stored_offsets import StoredOffset, decode_stored_offset, encode_stored_offset

OLD, NEW = "A" * 22, "B" * 22


def stored(offset: int = 40, topic_id: str = OLD, leader_epoch: int = -1) -> StoredOffset:
    return StoredOffset(offset=offset, topic_id=topic_id, leader_epoch=leader_epoch)


@pytest.mark.parametrize(
    ("offset", "log", "expected"),
    [
        (None, LogBounds(OLD, 0, 100), ResumePoint(0)),
        (stored(), LogBounds(OLD, 0, 100), ResumePoint(40)),
        (stored(100), LogBounds(OLD, 0, 100), ResumePoint(100)),
        (stored(), LogBounds(NEW, 0, 100), ResumePoint(0, "replaced")),
        (stored(), LogBounds(NEW, 0, 10), ResumePoint(0, "replaced")),
        (stored(topic_id=""), LogBounds(NEW, 0, 100), ResumePoint(40)),
        (stored(), LogBounds("", 0, 100), ResumePoint(40)),
        (stored(), LogBounds(OLD, 60, 100), ResumePoint(40, "expired")),
        (stored(leader_epoch=5), LogBounds(OLD, 0, 100, 30), ResumePoint(30, "cut")),
        (stored(leader_epoch=5), LogBounds(OLD, 0, 30, 30), ResumePoint(30, "cut")),
        (stored(leader_epoch=5), LogBounds(OLD, 0, 100, 40), ResumePoint(40)),
        (stored(leader_epoch=5), LogBounds(OLD, 60, 100, 60), ResumePoint(40, "expired")),
    ],
)
def test_where_a_partition_goes_on(offset: StoredOffset | None, log: LogBounds, expected: ResumePoint) -> None:
    assert resume_point("reports.hotline/0", offset, log) == expected


@pytest.mark.parametrize("topic_id", ["", OLD])
def test_an_offset_behind_the_end_stops_with_a_hint(topic_id: str) -> None:
    with pytest.raises(BeyondEndError, match=r"^reports\.hotline/0: position 40, end 39: .* make it again"):
        resume_point("reports.hotline/0", stored(topic_id=topic_id), LogBounds(OLD, 0, 39))


def test_an_offset_of_an_earlier_release_is_read_and_written_as_before() -> None:
    assert decode_stored_offset(b'{"offset":7176}') == StoredOffset(offset=7176)
    assert encode_stored_offset(StoredOffset(offset=7176)) == (b"input position", b'{"offset":7176}')


def test_an_offset_names_its_log() -> None:
    named = StoredOffset(offset=7, topic_id=OLD, leader_epoch=3, cases_id=NEW)
    assert decode_stored_offset(encode_stored_offset(named)[1]) == named


@pytest.mark.parametrize(
    ("other", "same"),
    [(stored(), True), (stored(topic_id=""), True), (stored(41), False), (stored(topic_id=NEW), False)],
)
def test_the_same_place_is_the_same_offset_of_the_same_log(other: StoredOffset, same: bool) -> None:
    assert stored().same_place(other) is same


def test_what_a_fetch_session_skips_is_kept_until_it_is_asked_for() -> None:
    session = FetchSession()
    session.begin(40)
    session.fetched(40, 50)
    assert session.take_gap() is None
    session.fetched(53, 60)
    session.fetched(70, 80)
    assert (session.take_gap(), session.take_gap()) == (50, None)


def test_a_session_that_begins_a_log_skips_nothing() -> None:
    """The first records of a network's topic may have expired long before the router first read it."""
    session = FetchSession()
    session.begin(0)
    session.fetched(500, 510)
    assert session.take_gap() is None
