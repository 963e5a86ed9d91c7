"""Gives existing topics the replicas that are declared, Kafka's internal topics included."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from router.wire.errors import TopicError

LOOK_SECONDS = 0.2
STALLED_SECONDS = 120.0
"""When no replica comes into sync for this long, the command says so and ends. The brokers go on copying."""
PROBE = "grid-router-probe"
"""A group and a transactional id without users. Asking for their coordinators makes a new cluster create its internal topics."""

Replicas = Mapping[TopicPartition, Sequence[int]]
"""Partition -> brokers that hold it, the preferred leader first."""


def replicas_of(
    described: Iterable[Mapping[str, Any]], which: str = "replica_nodes"
) -> dict[TopicPartition, list[int]]:
    """The replicas of described topics, or with `isr_nodes` those that are in sync."""
    return {
        TopicPartition(topic.get("name") or topic["topic"], one["partition_index"]): list(one[which])
        for topic in described
        for one in topic["partitions"]
    }


def fewest(replicas: Replicas) -> dict[str, int]:
    """Topic -> the number of replicas of its partition that has the fewest."""
    found: dict[str, int] = {}
    for partition, brokers in replicas.items():
        found[partition.topic] = min(len(brokers), found.get(partition.topic, len(brokers)))
    return found


def widened(replicas: Replicas, brokers: Sequence[int], replication: int) -> dict[TopicPartition, list[int]]:
    """The partitions with too few replicas and what they get: their own, and the brokers that have the fewest.

    Args:
        replicas: of every partition that counts.
        brokers: ids of those that answer.
        replication: wanted; at most the number of brokers.
    """
    load: Counter[int] = Counter(broker for held in replicas.values() for broker in held)
    changed: dict[TopicPartition, list[int]] = {}
    for partition, held in sorted(replicas.items()):
        others = sorted((broker for broker in brokers if broker not in held), key=lambda one: (load[one], one))
        added = others[: max(0, replication - len(held))]
        if added:
            load.update(added)
            changed[partition] = [*held, *added]
    return changed


def reassign(admin: KafkaAdminClient, wanted: Mapping[TopicPartition, list[int]]) -> None:
    """Have the brokers copy these partitions, and wait until every replica is in sync.

    Raises:
        TopicError: a broker rejects it, or copying takes long; the brokers go on, and another call waits again.
    """
    for partition, error in admin.alter_partition_reassignments(dict(wanted)).items():
        if error is not None:
            raise TopicError(
                f"its replicas cannot be changed ({error.__name__})",
                where=f"{partition.topic}/{partition.partition}",
                hint="let the cluster's administrator do it with kafka-reassign-partitions.sh",
            )
    await_in_sync(admin, sorted({partition.topic for partition in wanted}))


def await_in_sync(admin: KafkaAdminClient, topics: Sequence[str]) -> None:
    """Wait until every replica of these topics is in sync. Raises TopicError when nothing moves for two minutes."""
    moved, before = time.monotonic(), -1
    while late := behind(admin, topics):
        if len(late) != before:
            moved, before = time.monotonic(), len(late)
        if time.monotonic() - moved > STALLED_SECONDS:
            raise TopicError(
                f"the brokers are still copying {len(late)} partitions",
                where=late[0].topic,
                hint="run `grid-router topics apply CITY` again later; nothing else was changed",
            )
        time.sleep(LOOK_SECONDS)


def create_internal(admin: KafkaAdminClient, topics: Sequence[str]) -> None:
    """Have a new cluster create its internal topics, and wait until it has. Raises KafkaError."""
    with suppress(KafkaError):  # the answer is that there is no coordinator yet
        admin.describe_groups([PROBE])
    with suppress(KafkaError):
        admin.describe_transactions([PROBE])
    admin.wait_for_topics(list(topics), timeout_ms=60_000)


def behind(admin: KafkaAdminClient, topics: Sequence[str]) -> list[TopicPartition]:
    """Partitions of these topics of which a replica is not in sync."""
    described = admin.describe_topics(list(topics))
    replicas, in_sync = replicas_of(described), replicas_of(described, "isr_nodes")
    return sorted(one for one, held in replicas.items() if set(held) - set(in_sync[one]))
