"""Every private name of kafka-python that the router uses, in one file. It loads no aiokafka: a department's client needs it, too.

Read in kafka-python 3.0.12. A test checks that the name exists, so that an upgrade of the lock fails there and not in production.
"""

from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.structs import MemberState

IN_LINE = "_next_partition_records"
"""The partition of a fetcher whose records are given out now."""
JOIN = "_do_join_and_sync_async"
"""One attempt of a member to join its group; it returns the member's partitions as Kafka encodes them."""
JOINING = "rejoining"
"""Whether a member has given its partitions up and has not got new ones yet."""
NOT_TAKEN = "_router_partitions_not_taken"
"""What an attempt to join has brought. It is ours."""
MANAGER = "_manager"
"""The connections of an admin client."""
_theirs = Fetcher.fetched_records
_their_need = ConsumerCoordinator.need_rejoin
_their_join: Any = getattr(ConsumerCoordinator, JOIN, None)


def go_on_after_pauses() -> None:
    """Make every consumer of this process go on with a partition that was paused and resumed.

    kafka-python 3.0 parks what it has fetched of a paused partition. It takes that up again only while no other partition is in line, and
    leaves one in line that it has read to the end. Then the resumed partition stops for ever, and is not fetched either.
    """
    Fetcher.fetched_records = _fetched_records


def _fetched_records(fetcher: Any, *options: Any, **named: Any) -> Any:
    in_line = getattr(fetcher, IN_LINE, None)
    if in_line is not None and not in_line:
        setattr(fetcher, IN_LINE, None)
    return _theirs(fetcher, *options, **named)


def finish_joins() -> None:
    """Make every consumer of this process take the partitions that it got between two polls.

    A poll of kafka-python 3.0 that reaches its limit leaves a join of the group to the next one. But that one asks only whether the reason to
    join remains. If the reason was that a topic has new partitions, it does not: no poll takes what the group has assigned, the heartbeat stays
    off, and the consumer reads nothing, for ever. Another reason does remain: then the member throws the outcome away and joins again.
    Kafka's Java client asks whether a join is needed or pending, and so does this.
    """
    ConsumerCoordinator.need_rejoin = _need_rejoin
    if _their_join is not None:
        setattr(ConsumerCoordinator, JOIN, _join)


def _need_rejoin(coordinator: Any) -> bool:
    return bool(getattr(coordinator, JOINING, False) or _their_need(coordinator))


async def _join(coordinator: Any) -> Any:
    """The partitions of the last attempt, if it succeeded and no poll has taken them; else those of a new attempt."""
    not_taken = vars(coordinator).pop(NOT_TAKEN, None)
    if not_taken is None or coordinator.state is not MemberState.REBALANCING:  # it was taken, or the member is out
        not_taken = await _their_join(coordinator)
    setattr(coordinator, NOT_TAKEN, not_taken)
    return not_taken


def ask(admin: KafkaAdminClient, request: Any) -> Any:
    """The answer to a request for which the admin client has no function. Raises KafkaError."""

    async def asked() -> Any:
        return await getattr(admin, MANAGER).send(request)

    return getattr(admin, MANAGER).run(asked)
