"""The difference between the declared topics and a cluster: what `topics plan` shows and `topics apply` does."""

import time
from collections.abc import Sequence
from typing import Any, Literal

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from msgspec import Struct

from router.broker.replicas import LOOK_SECONDS, await_in_sync, behind, fewest, reassign, replicas_of, widened
from router.wire.declared_topics import Topic
from router.wire.durability import INTERNAL_TOPICS, MIN_INSYNC, Durability, declared_durability, too_few_brokers

HEARD_SECONDS = 5.0
"""A broker hears of a topic some time after the controller has created it. Until then it describes no configuration."""


class TopicChange(Struct, frozen=True, kw_only=True):
    """One difference between declaration and cluster."""

    topic: str
    action: Literal["create", "set", "grow", "replicate", "reject", "rename"]
    """`reject` and `rename` are not applied: the first needs another number of partitions, the second another topic."""
    what: str
    """`partitions`, `replicas`, `name`, or the name of a configuration."""
    found: str | None
    declared: str


class Plan(Struct, frozen=True):
    """Everything that would change, in the order of the declaration."""

    changes: Sequence[TopicChange]
    unchanged: int
    replication: int = 1
    """Replicas that each topic is declared to have on this cluster."""

    @property
    def rejected(self) -> Sequence[TopicChange]:
        """Topics with another number of partitions, which must not be applied."""
        return [change for change in self.changes if change.action == "reject"]

    @property
    def renamed(self) -> Sequence[TopicChange]:
        """Topics of which one of an earlier version exists under its old name."""
        return [change for change in self.changes if change.action == "rename"]


class FoundDurability(Struct, frozen=True, kw_only=True):
    """How many brokers hold each record, beside what is declared."""

    declared: Durability
    brokers: int
    """That answer."""
    topics: int
    """Declared topics that exist."""
    shortfalls: Sequence[TopicChange]
    """Topics with less than declared, and Kafka's own topics that do not exist yet."""
    behind: int
    """Partitions of which a replica is not in sync."""


class Cluster:
    """The topics of a cluster beside their declaration.

    Args:
        admin: connected.
        topics: as declared.
        replication: as set, or None.
        min_insync: as set, or None.
    """

    def __init__(
        self, admin: KafkaAdminClient, topics: Sequence[Topic], replication: int | None, min_insync: int | None
    ) -> None:
        self._admin, self._topics, self._names = admin, topics, set(admin.list_topics())
        self._brokers = [broker["broker_id"] for broker in admin.describe_cluster()["brokers"]]
        named = [name for name in (*(topic.name for topic in topics), *INTERNAL_TOPICS) if name in self._names]
        described = _described(admin, named)
        self._partitions = {one.get("name") or one["topic"]: len(one["partitions"]) for one in described}
        self._replicas = fewest(replicas_of(described))
        """Of every topic that exists; one that is just being deleted is still in the list, and has no partition."""
        self._internal = [name for name in INTERNAL_TOPICS if name in self._replicas]
        # a broker that is away is not in the list of brokers, but in the replicas of Kafka's own topics
        size = max(len(self._brokers), *(self._replicas[name] for name in self._internal), 0)
        self.durability = declared_durability(replication, min_insync, size)

    @property
    def missing_internal(self) -> list[str]:
        """Topics of Kafka's own that a new cluster does not have yet, and whose durability was declared."""
        return [name for name in INTERNAL_TOPICS if self.durability.replication > 1 and name not in self._replicas]

    @property
    def _present(self) -> list[str]:
        """Declared topics that exist."""
        return [topic.name for topic in self._topics if topic.name in self._replicas]

    def plan(self) -> Plan:
        """Every difference."""
        internal = self._internal if self.durability.replication > 1 else []
        configs = _configs(self._admin, [*self._present, *internal])
        changes = [
            TopicChange(topic=topic.name, action="rename", what="name", found=topic.formerly, declared=topic.name)
            for topic in self._topics
            if topic.formerly in self._names
        ]
        for topic in self._topics:
            if topic.name in self._replicas:
                changes += _differences(topic, self._partitions, configs[topic.name])
                changes += self._shortfalls(topic.name, configs[topic.name])
            else:
                changes.append(_partition_change(topic, "create", None, topic.wanted_partitions(self._partitions)))
        touched = {change.topic for change in changes}
        unchanged = sum(topic.name not in touched for topic in self._topics)
        for name in internal:
            changes += self._shortfalls(name, configs[name])
        changes += map(self._missing, self.missing_internal)
        return Plan(changes, unchanged, self.durability.replication)

    def found_durability(self) -> FoundDurability:
        """What is declared for each record, and where the cluster has less."""
        names = [*self._present, *self._internal]
        configs = _configs(self._admin, names)
        shortfalls = [short for name in names for short in self._shortfalls(name, configs[name])]
        return FoundDurability(
            declared=self.durability,
            brokers=len(self._brokers),
            topics=len(self._present),
            shortfalls=[*shortfalls, *map(self._missing, self.missing_internal)],
            behind=len(behind(self._admin, names)) if names else 0,
        )

    def check_size(self, bootstrap: str) -> None:
        """Raises BrokerError when fewer brokers answer than each record needs."""
        if len(self._brokers) < self.durability.replication:
            raise too_few_brokers(self.durability.replication, len(self._brokers), bootstrap)

    def replicate(self, found: Plan) -> None:
        """Give topics their replicas, and wait until all are in sync: only then may a write need two of them.

        Raises:
            TopicError: a broker rejects it, or copying takes long.
        """
        names = [change.topic for change in found.changes if change.action == "replicate"]
        if names:
            replicas = replicas_of(_described(self._admin, names))
            reassign(self._admin, widened(replicas, self._brokers, self.durability.replication))
        if raised := [change.topic for change in found.changes if change.what == MIN_INSYNC]:
            await_in_sync(self._admin, raised)

    def _shortfalls(self, name: str, config: dict[str, str]) -> list[TopicChange]:
        return [
            TopicChange(
                topic=name,
                action="replicate" if short.what == "replicas" else "set",
                what=short.what,
                found=short.found,
                declared=short.declared,
            )
            for short in self.durability.shortfalls(self._replicas[name], config)
        ]

    def _missing(self, name: str) -> TopicChange:
        declared = str(self.durability.replication)
        return TopicChange(topic=name, action="create", what="replicas", found=None, declared=declared)


def _differences(topic: Topic, partitions: dict[str, int], config: dict[str, str]) -> list[TopicChange]:
    """What differs between a topic that exists and its declaration, apart from its durability.

    Args:
        topic: as declared.
        partitions: number of partitions of every declared topic that exists.
        config: of the topic.
    """
    found, wanted = partitions[topic.name], topic.wanted_partitions(partitions)
    grows = topic.may_grow and topic.partitions <= found < wanted
    change = _partition_change(topic, "grow" if grows else "reject", str(found), wanted)
    return [
        *([] if found == wanted else [change]),
        *(
            TopicChange(topic=topic.name, action="set", what=name, found=config.get(name), declared=value)
            for name, value in topic.config().items()
            if config.get(name) != value
        ),
    ]


def _partition_change(
    topic: Topic, action: Literal["create", "grow", "reject"], found: str | None, wanted: int
) -> TopicChange:
    return TopicChange(topic=topic.name, action=action, what="partitions", found=found, declared=str(wanted))


def _described(admin: KafkaAdminClient, names: Sequence[str]) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = admin.describe_topics(list(names)) if names else []
    return described


def _configs(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    deadline = time.monotonic() + HEARD_SECONDS
    while True:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answer: dict[str, dict[str, dict[str, Any]]] = admin.describe_configs(resources, config_filter="all")
        described = next(iter(answer.values()))
        if all(described.get(name) for name in names) or time.monotonic() > deadline:
            return {name: {key: _value(one) for key, one in described.get(name, {}).items()} for name in names}
        time.sleep(LOOK_SECONDS)


def _value(entry: Any) -> str:
    return str(entry["value"] if isinstance(entry, dict) else entry)
