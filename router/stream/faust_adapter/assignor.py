"""The group's assignor: what each worker says it has, and what the leader gives to each, as user data of the consumer protocol.

The decision is `router/stream/engine/placement.py`. Partition n of all topics with the same number of partitions goes to one worker,
because together they are stream tasks. A rolling restart may add a topic: until the worker of partition n subscribes to it, its
partition n goes to no worker, because a second worker with a part of the stream task would fence the first one.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import msgspec
from aiokafka import TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from msgspec import Struct

from router.stream.engine.placement import Given, Held, place

ASSIGNOR = "grid-router"
"""Its name in the group protocol. Members with another one cannot join the group."""
Said = TypeVar("Said")
Numbers = dict[str, list[int]]
"""Topic -> numbers of partitions."""


class Holdings(Struct, kw_only=True):
    """What a worker says that it has."""

    owned: Numbers = {}
    ready: Numbers = {}
    following: Numbers = {}

    def of(self, topics: Collection[str]) -> Held:
        """For topics that are assigned together: the copy of a partition is ready when that of each topic is."""
        following = _union(self.following, topics)
        return Held(_union(self.owned, topics), _union(self.ready, topics) - following, following)


class Copies(Struct, kw_only=True):
    """What a worker gets beside its partitions."""

    standby: Numbers = {}
    warm_up: Numbers = {}


def _union(numbers: Numbers, topics: Collection[str]) -> frozenset[int]:
    return frozenset(number for topic in topics for number in numbers.get(topic, ()))


class GroupAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """The assignor of one worker. The consumer calls it from a thread of its own.

    Args:
        copies: of each partition's state.
        holdings: what this worker has now.
    """

    def __init__(self, copies: int, holdings: Callable[[], Holdings]) -> None:
        self._copies, self._holdings = copies, holdings
        self.given = Copies()
        """What the leader gave to this worker last."""

    @property
    def name(self) -> str:
        """Of the protocol."""
        return ASSIGNOR

    @property
    def version(self) -> int:
        """Of the consumer protocol."""
        return 0

    def metadata(self, topics: Collection[str]) -> ConsumerProtocolMemberMetadata:
        """What this worker sends to the leader."""
        return ConsumerProtocolMemberMetadata(self.version, sorted(topics), msgspec.json.encode(self._holdings()))

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """As the leader: place all partitions of all subscribed topics."""
        held = {member: _read(metadata.user_data, Holdings) for member, metadata in members.items()}
        active: dict[str, Numbers] = {member: {} for member in members}
        copies = {member: Copies(standby={}, warm_up={}) for member in members}
        for count, topics in _together(cluster, members).items():
            hearing = {member for subscribed in topics.values() for member in subscribed}
            given = place({member: held[member].of(topics) for member in hearing}, count, self._copies)
            for member, one in given.items():
                heard = [topic for topic, subscribed in topics.items() if member in subscribed]
                _enter(one, heard, active[member], copies[member])
        return {
            member: ConsumerProtocolMemberAssignment(
                self.version, sorted(active[member].items()), msgspec.json.encode(copies[member])
            )
            for member in members
        }

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """What the leader has given to this worker."""
        self.given = _read(assignment.user_data, Copies)

    def standbys(self) -> set[TopicPartition]:
        """The input partitions of which this worker keeps a copy."""
        return {TopicPartition(topic, number) for topic, numbers in self.given.standby.items() for number in numbers}

    def warm_ups(self) -> set[TopicPartition]:
        """Those of them that it gets when the copies have caught up."""
        return {TopicPartition(topic, number) for topic, numbers in self.given.warm_up.items() for number in numbers}


def _read(content: bytes | None, of: type[Said]) -> Said:
    """Read user data; that of another program counts as empty. In the protocol it may be null."""
    try:
        return msgspec.json.decode(content or b"", type=of)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return of()


def _together(
    cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
) -> dict[int, dict[str, list[str]]]:
    """Number of partitions -> topics that are assigned together, each with the members that subscribe to it; without missing topics."""
    subscribers: dict[str, list[str]] = defaultdict(list)
    for member in sorted(members):
        for topic in members[member].subscription:
            subscribers[topic].append(member)
    together: dict[int, dict[str, list[str]]] = defaultdict(dict)
    for topic in sorted(subscribers):
        count = len(cluster.partitions_for_topic(topic) or ())
        if count:
            together[count][topic] = subscribers[topic]
    return together


def _enter(given: Given, topics: Collection[str], active: Numbers, copies: Copies) -> None:
    for numbers, entered in (
        (given.active, active),
        (given.standby, copies.standby),
        (given.warm_up, copies.warm_up),
    ):
        if numbers:
            entered.update(dict.fromkeys(topics, sorted(numbers)))
