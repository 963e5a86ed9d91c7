"""Which worker processes which partition number, and who keeps a copy of its state. Pure; the leader of the group calls it.

As in Kafka Streams (KIP-441): a partition goes to a worker that has its state, even if that leaves the numbers uneven. A worker that
should have more gets copies first, and the partitions when the copies have caught up. Docs: docs/adr/0022-standby-copies.md.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from msgspec import Struct


class Held(Struct, frozen=True):
    """What one worker has, by the numbers of partitions."""

    owned: frozenset[int] = frozenset()
    """Processed by it last, so that it has their state."""
    ready: frozenset[int] = frozenset()
    """Copies that have caught up."""
    following: frozenset[int] = frozenset()
    """Copies that have not."""

    def has_state(self, number: int) -> bool:
        """Whether it could process the partition at once."""
        return number in self.owned or number in self.ready


class Given(Struct):
    """What one worker gets, by the numbers of partitions."""

    active: set[int]
    standby: set[int]
    """Copies to keep."""
    warm_up: set[int]
    """Those of the copies whose partition it gets when they have caught up."""


def can_take_over(
    warm_ups: Collection[tuple[str, int]], ready: Mapping[tuple[str, int], bool], given_up: Collection[tuple[str, int]]
) -> bool:
    """Whether a worker should have the group assign again: it can process more at once, and nothing more will catch up.

    Args:
        warm_ups: topic and number of the partitions that it gets when their copies have caught up.
        ready: partition -> whether its copy has caught up.
        given_up: partitions of which it cannot keep a copy. Their numbers stay where they are, and hold up no other.
    """
    never = {number for topic, number in warm_ups if (topic, number) in given_up}
    waits = [ready.get(one, False) for one in warm_ups if one[1] not in never]
    return bool(waits) and all(waits)


def place(held: Mapping[str, Held], partitions: int, copies: int) -> dict[str, Given]:
    """Place partitions 0 up to `partitions` and the copies of their state.

    Args:
        held: worker -> what it has; at least one worker. Two may claim the same partition, when one is a zombie.
        partitions: how many there are.
        copies: how many copies of each; fewer when there are too few workers. With 0 nothing is warmed up.

    Returns:
        For each worker what it gets. Each partition is active once, and never a copy where it is active.
    """
    given = {worker: Given(set(), set(), set()) for worker in sorted(held)}
    _place_active(given, held, range(partitions))
    while (move := _next_move(given, held, copies)) is not None:
        number, source, target = move
        given[source].active.remove(number)
        given[target].active.add(number)
    if copies:
        _place_copies(given, held, partitions, min(copies, len(given) - 1))
        _warm_up(given)
    return given


def _place_active(given: Mapping[str, Given], held: Mapping[str, Held], numbers: Collection[int]) -> None:
    """Give each partition to its owner; else to a worker with a copy, else to any. Of several, to the one with the fewest."""
    left = list(numbers)
    asks: tuple[Callable[[str, int], bool], ...] = (
        lambda worker, number: number in held[worker].owned,
        lambda worker, number: number in held[worker].ready,
        lambda worker, number: number in held[worker].following,
        lambda *_: True,
    )
    for ask in asks:
        for number in list(left):
            able = [worker for worker in given if ask(worker, number)]
            if able:
                given[min(able, key=lambda worker: len(given[worker].active))].active.add(number)
                left.remove(number)


def _next_move(given: Mapping[str, Given], held: Mapping[str, Held], copies: int) -> tuple[int, str, str] | None:
    """A partition that evens out the numbers, from one worker to another; None when there is none that costs no restore."""
    for source, target in _uneven({worker: len(one.active) for worker, one in given.items()}):
        for number in sorted(given[source].active):
            if not copies or held[target].has_state(number) or not held[source].has_state(number):
                return number, source, target
    return None


def _uneven(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Pairs of workers of which the first has at least two partitions more, the most uneven first."""
    ascending = sorted(counts, key=lambda worker: counts[worker])
    for source in reversed(ascending):
        for target in ascending:
            if counts[source] - counts[target] > 1:
                yield source, target


def _place_copies(given: Mapping[str, Given], held: Mapping[str, Held], partitions: int, copies: int) -> None:
    """Keep copies where there is some state already, as far as that is even, and place the others evenly."""
    most = -(-partitions * copies // len(given))

    def rank(worker: str, number: int) -> tuple[bool, bool, int]:
        one = held[worker]
        return not one.has_state(number), number not in one.following, len(given[worker].standby)

    for number in range(partitions):
        others = sorted((one for one in given if number not in given[one].active), key=lambda one: rank(one, number))
        even = [one for one in others if len(given[one].standby) < most]
        for worker in (even + [one for one in others if one not in even])[:copies]:
            given[worker].standby.add(number)


def _warm_up(given: Mapping[str, Given]) -> None:
    """Have workers with too few partitions copy some of those that have too many, beside the copies that are kept anyway.

    When all have caught up, no worker has two partitions more than another.
    """
    counts = {worker: len(one.active) for worker, one in given.items()}
    left = {worker: sorted(one.active) for worker, one in given.items()}
    while pairs := [pair for pair in _uneven(counts) if counts[pair[1]] == min(counts.values())]:
        copied = ((*pair, number) for pair in pairs for number in left[pair[0]] if number in given[pair[1]].standby)
        source, target, number = next(copied, (*pairs[0], left[pairs[0][0]][-1]))
        left[source].remove(number)
        counts[source] -= 1
        counts[target] += 1
        given[target].standby.add(number)
        given[target].warm_up.add(number)
