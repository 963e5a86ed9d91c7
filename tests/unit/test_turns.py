"""Transactions of a worker's partitions begin in turn, and nobody waits for one that is slow."""

import asyncio

from router.stream.turns import Turn, Turns

LONG, SHORT = 3600.0, 0.02
"""Seconds of a turn: one that no test sees end, and one that does."""


class Partition:
    """Counts how often it was told that its turn has come."""

    def __init__(self, turns: Turns) -> None:
        self.told = asyncio.Event()
        self.turn: Turn = turns.of(self.told.set)


def test_as_many_as_are_allowed_begin_at_once_and_the_others_wait() -> None:
    async def test() -> None:
        partitions = [Partition(turns) for turns in [Turns(2, LONG)] for _ in range(4)]
        assert [one.turn.take() for one in partitions] == [True, True, False, False]
        assert [one.told.is_set() for one in partitions] == [True, True, False, False]

    asyncio.run(test())


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    async def test() -> None:
        turns = Turns(1, LONG)
        has, first, second, late = (Partition(turns) for _ in range(4))
        assert has.turn.take()
        assert not first.turn.take()
        assert not second.turn.take()
        assert not first.turn.take(), "asking twice changes nothing"
        has.turn.end()
        assert first.told.is_set()
        assert not late.turn.take(), "who comes later does not overtake"
        assert first.turn.take()
        first.turn.end()
        assert second.told.is_set()
        assert not late.told.is_set()

    asyncio.run(test())


def test_who_wants_no_turn_any_more_leaves_the_queue_or_passes_it_on() -> None:
    async def test() -> None:
        turns = Turns(1, LONG)
        has, gone, told, last = (Partition(turns) for _ in range(4))
        assert has.turn.take()
        for one in (gone, told, last):
            assert not one.turn.take()
        gone.turn.end()
        has.turn.end()
        assert told.told.is_set()
        assert not gone.told.is_set()
        told.turn.end()  # it was told and never began: its partition was closed
        assert last.turn.take()
        last.turn.end()
        last.turn.end()
        assert has.turn.take()
        assert not told.turn.take(), "ending twice makes no turn more"

    asyncio.run(test())


def test_a_transaction_that_takes_long_keeps_nobody_waiting_and_a_turn_that_nobody_takes_is_passed_on() -> None:
    async def test() -> None:
        turns = Turns(1, SHORT)
        slow, idle, last = (Partition(turns) for _ in range(3))
        assert slow.turn.take()
        assert not idle.turn.take()
        assert not last.turn.take()
        async with asyncio.timeout(5):
            await idle.told.wait()
            await last.told.wait()
        assert last.turn.take()
        slow.turn.end()  # at last; its turn ended long ago
        assert not slow.turn.take(), "the turn is not given back twice"

    asyncio.run(test())
