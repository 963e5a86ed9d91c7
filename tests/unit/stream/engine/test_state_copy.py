"""A state that follows its changelog: what is read, what is read again, and when the copy does not count."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from router.domain.model.source_record import UnreadableBatch
from router.stream.engine.changelog_reader import Portion, latest_values
from router.stream.engine.state_copy import APPLIED, StateCopy, Values
from tests.support.changelog import Changelog

SOURCE = TopicPartition("grid.cases", 1)
RECORDS = ((b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"c", b"1"), (b"b", None))
"""Leave a: 2 and c: 1."""


class State:
    """The latest value of each key."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.fails_at: bytes | None = None
        self.progress: list[tuple[int, int]] = []
        self.now = 1_800_000_000.0
        self.copy = StateCopy(self.values.clear, self.apply, clock=lambda: self.now)

    def apply(self, values: Values, _: TopicPartition) -> None:
        for key, value in values.items():
            if key == self.fails_at:
                raise ValueError("unreadable")
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value

    def follow(self, log: Changelog) -> list[int]:
        """Catch up; the offsets that were read for that."""
        del log.read[:]
        with self.copy.opening(lambda: self.progress.append(self.copy.progress)):
            asyncio.run(self.copy.catch_up(cast(Any, log), SOURCE))
        return log.read


def test_a_changelog_is_read_in_portions_and_then_only_its_tail() -> None:
    log, state = Changelog(*RECORDS), State()
    assert state.follow(log) == [0, 1, 2, 3, 4]
    assert state.values == {b"a": b"2", b"c": b"1"}
    assert state.progress == [(2, 5), (4, 5), (5, 5)]
    log.records += [(b"c", b"2"), (b"d", b"1")]
    assert state.follow(log) == [5, 6]
    assert state.values == {b"a": b"2", b"c": b"2", b"d": b"1"}
    assert state.copy.progress == (2, 2)
    assert state.follow(log) == []


def test_a_standby_copy_reports_no_progress_to_the_opening_before_it() -> None:
    log, state = Changelog(*RECORDS), State()

    async def scenario() -> None:
        async with asyncio.timeout(60) as stall:

            def further() -> None:
                stall.reschedule(asyncio.get_running_loop().time() + 60)  # an error once the timeout has ended

            with state.copy.opening(further):
                await state.copy.catch_up(cast(Any, log), SOURCE)
        await state.copy.take(Portion({b"d": b"1"}, 6), SOURCE)

    asyncio.run(scenario())
    assert state.values == {b"a": b"2", b"c": b"1", b"d": b"1"}
    assert state.copy.next == 6


def made_again(log: Changelog) -> None:
    log.topic_id = "B" * 22


def unknown(log: Changelog) -> None:
    log.topic_id = ""


def cut(log: Changelog) -> None:
    del log.records[-1]


def cut_and_grown(log: Changelog) -> None:
    """An unclean election: the new leader's epoch begins before what was read."""
    log.epoch, log.epoch_ends = 6, {5: 4}
    log.records[4:] = [(b"x", b"1")] * 3


def without_epochs(log: Changelog) -> None:
    log.epoch, log.epoch_ends = 6, {5: None}


@pytest.mark.parametrize("change", [made_again, unknown, cut, cut_and_grown, without_epochs])
def test_a_copy_of_another_log_does_not_count(change: Callable[[Changelog], None]) -> None:
    log, state, fresh = Changelog(*RECORDS), State(), State()
    state.follow(log)
    state.values[b"only in the copy"] = b"1"
    change(log)
    assert state.follow(log) == list(range(len(log.records)))
    fresh.follow(log)
    assert state.values == fresh.values


def test_a_new_leader_that_has_everything_keeps_the_copy() -> None:
    log, state = Changelog(*RECORDS), State()
    state.follow(log)
    log.epoch, log.epoch_ends = 6, {5: 5}
    assert state.follow(log) == []


def markers_of_a_new_leader(log: Changelog) -> None:
    """The marker of the last transaction was written after an election."""
    log.epoch, log.epoch_ends = 6, {5: 4}


def test_a_marker_of_a_new_leader_is_no_record_that_was_lost() -> None:
    """At each election copies were read once more, although nothing was cut."""
    log, state = Changelog(*RECORDS[:4]), State()
    state.follow(log)
    state.copy.next = 5  # behind the marker
    log.records += [(b"d", b"1"), (b"e", b"1")]
    markers_of_a_new_leader(log)
    assert state.follow(log) == [4, 5], "another record may be where the marker was"
    assert state.values == {b"a": b"2", b"b": b"1", b"c": b"1", b"d": b"1", b"e": b"1"}


def test_records_of_a_new_leader_are_compared_before_they_are_taken() -> None:
    """Its epoch ends where the one before it ended: a later look does not take them for records of the earlier one."""
    log, state = Changelog(*RECORDS[:4]), State()
    state.follow(log)
    log.epoch, log.epoch_ends = 6, {5: 4}
    asyncio.run(state.copy.check(cast(Any, log), SOURCE, leader_epoch=7))
    log.records += [(b"d", b"1")]
    log.epoch, log.epoch_ends = 7, {}
    assert state.follow(log) == [4]
    assert state.follow(log) == []


def test_a_part_that_was_taken_only_half_is_not_kept_when_the_log_is_cut_within_it() -> None:
    log, state = Changelog(*RECORDS, (b"d", b"1"), (b"e", b"1")), State()
    log.portion, state.fails_at = 7, b"e"
    with pytest.raises(ValueError, match="unreadable"):
        state.follow(log)
    state.fails_at, log.portion = None, 2
    log.epoch, log.epoch_ends = 6, {5: 5}
    log.records[5:] = [(b"x", b"1"), (b"x", b"2")]
    state.copy.next = 4
    state.follow(log)
    assert state.values == {b"a": b"2", b"c": b"1", b"x": b"2"}


@pytest.mark.parametrize(("hours", "read"), [(11.9, [5]), (12.0, [0, 1, 2, 3, 4, 5]), (-13.0, [0, 1, 2, 3, 4, 5])])
def test_a_state_that_may_have_missed_a_tombstone_is_read_again(hours: float, read: list[int]) -> None:
    """After a day compaction removes tombstones. A machine that was suspended so long would have kept their keys for ever."""
    log, state = Changelog(*RECORDS), State()
    state.follow(log)
    log.records.append((b"d", b"1"))
    state.now += hours * 3600
    assert state.follow(log) == read


def test_a_state_that_reaches_the_end_now_and_then_stays() -> None:
    """Also when records come as fast as they are read, so that it never has all of them when it is looked at."""
    log, state = Changelog(*RECORDS), State()
    state.follow(log)
    for _ in range(10):
        state.now += 6 * 3600
        log.records.append((b"d", b"1"))
        asyncio.run(state.copy.check(cast(Any, log), SOURCE))
        asyncio.run(state.copy.take(Portion({b"d": b"1"}, len(log.records)), SOURCE))
    assert state.follow(log) == []


def test_a_state_with_uncommitted_records_is_read_again() -> None:
    log, state = Changelog(*RECORDS), State()
    state.follow(log)
    state.values[b"uncommitted"], state.copy.intact = b"1", False
    assert state.follow(log) == [0, 1, 2, 3, 4]
    assert state.values == {b"a": b"2", b"c": b"1"}
    assert state.copy.intact


def test_a_reading_that_failed_goes_on_where_it_ended() -> None:
    log, state = Changelog(*RECORDS), State()
    state.fails_at = b"c"
    with pytest.raises(ValueError, match="unreadable"):
        state.follow(log)
    state.fails_at = None
    assert state.follow(log) == [2, 3, 4]
    assert state.values == {b"a": b"2", b"c": b"1"}


def test_what_the_owner_committed_is_not_read_again() -> None:
    log, state = Changelog(*RECORDS), State()
    state.follow(log)
    log.records += [(b"d", b"1"), (b"e", b"1")]
    state.values[b"d"] = b"1"  # folded
    state.copy.committed({SOURCE: 6, TopicPartition("grid.cases", 2): 7}, SOURCE)
    assert state.follow(log) == [6]


def test_a_batch_that_cannot_be_unpacked_changes_no_value() -> None:
    batch = UnreadableBatch(topic="grid.cases", partition=1, offset=2, first_offset=1, timestamp=0, why="broken")
    record = SimpleNamespace(key=b"a", value=b"1")
    assert latest_values([record, batch], lambda _: True) == {b"a": b"1"}


def test_other_partitions_take_turns() -> None:
    log, state = Changelog(*((b"%d" % n, b"1") for n in range(3 * APPLIED))), State()
    log.portion, turns = len(log.records), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def scenario() -> None:
        other = asyncio.create_task(others())
        await state.copy.catch_up(cast(Any, log), SOURCE)
        other.cancel()

    asyncio.run(scenario())
    assert turns >= 3
