"""What may be committed, and which records are recognised."""

from hypothesis import given
from hypothesis import strategies as st

from router.client.outstanding import OutstandingRecords, RecentMarks


def test_only_what_is_acknowledged_is_committed() -> None:
    one = OutstandingRecords()
    assert one.to_commit() is None
    for offset in (3, 4, 7):
        one.read(offset)
    assert one.to_commit() == 3
    one.acknowledge(4)
    one.acknowledge(4)
    assert (one.to_commit(), len(one)) == (3, 2)
    one.acknowledge(3)
    assert one.to_commit() == 7
    one.committed(7)
    assert one.to_commit() is None
    one.acknowledge(7)
    assert one.to_commit() == 8


@given(st.lists(st.integers(1, 3), max_size=30), st.data())
def test_the_committed_offset_is_never_past_an_outstanding_record(gaps: list[int], data: st.DataObject) -> None:
    offsets = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    acknowledged = set(data.draw(st.lists(st.sampled_from(offsets)) if offsets else st.just([])))
    one = OutstandingRecords()
    for offset in offsets:
        one.read(offset)
    for offset in acknowledged:
        one.acknowledge(offset)
    at = one.to_commit()
    missing = [offset for offset in offsets if offset not in acknowledged]
    assert at == (missing[0] if missing else offsets[-1] + 1 if offsets else None)


def test_marks_are_bounded_and_the_oldest_is_forgotten() -> None:
    marks = RecentMarks(2)
    for mark in ("a", "b", "a", "c"):
        marks.add(mark)
    assert ("a" in marks, "b" in marks, "c" in marks, len(marks)) == (True, False, True, 2)
