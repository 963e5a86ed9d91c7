"""Plan and apply topics: compare the declaration with the cluster. Only this module creates topics."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Literal

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)
from kafka.protocol.consumer.offsets import OffsetSpec
from msgspec import Struct

from router.broker.reach import listens
from router.wire.errors import START_KAFKA, BrokerError, TopicError
from router.wire.topics import ROOTS, Topic, renamed_topics

TIMEOUT_MS = 60_000
"""For one request. A loaded machine needs many times the usual tenth of a second."""
CONNECT_MS = 20_000
CREATED_AT_ONCE = 16
"""Topics in one request, each with its partitions. So a city with many topics has as much more time as it has topics."""
HINTS: dict[type[KafkaError], str] = {
    InvalidReplicationFactorError: "set GRID_ROUTER_REPLICATION to no more than the cluster has brokers",
    TopicAuthorizationFailedError: "let the cluster's administrator allow this user to manage topics",
    ClusterAuthorizationFailedError: "let the cluster's administrator allow this user to manage topics",
}


class TopicChange(Struct, frozen=True, kw_only=True):
    """One difference between declaration and cluster."""

    topic: str
    action: Literal["create", "set", "grow", "reject", "rename"]
    """`reject` and `rename` are not applied: the first needs another number of partitions, the second another topic."""
    what: str
    """`partitions`, `name`, or the name of a configuration."""
    found: str | None
    declared: str


class Plan(Struct, frozen=True):
    """Everything that would change, in the order of the declaration."""

    changes: Sequence[TopicChange]
    unchanged: int

    @property
    def rejected(self) -> Sequence[TopicChange]:
        """Topics with another number of partitions, which must not be applied."""
        return [change for change in self.changes if change.action == "reject"]

    @property
    def renamed(self) -> Sequence[TopicChange]:
        """Topics of which one of an earlier version exists under its old name."""
        return [change for change in self.changes if change.action == "rename"]


def plan(bootstrap: str, topics: Sequence[Topic]) -> Plan:
    """Compare the declaration with the cluster, without a change.

    Raises:
        BrokerError: the cluster cannot be reached.
    """
    with connected(bootstrap) as admin:
        return _plan(admin, topics)


def existing(bootstrap: str) -> list[str]:
    """The names of all topics of the cluster. Raises BrokerError."""
    with connected(bootstrap) as admin:
        return list(admin.list_topics())


def records_of(bootstrap: str, topics: Sequence[str]) -> dict[str, int]:
    """How many offsets each of these topics holds; topics without any are left out. Raises BrokerError."""
    if not topics:
        return {}
    with connected(bootstrap) as admin:
        described: list[dict[str, Any]] = admin.describe_topics(list(topics))
        partitions = [
            TopicPartition(one.get("name") or one["topic"], number)
            for one in described
            for number in range(len(one["partitions"]))
        ]
        first = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
        last = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    records: dict[str, int] = {}
    for partition in partitions:
        if held := last[partition].offset - first[partition].offset:
            records[partition.topic] = records.get(partition.topic, 0) + held
    return records


def apply(bootstrap: str, topics: Sequence[Topic], *, replication: int = 1) -> Plan:
    """Create missing topics and correct their configuration; a second call changes nothing.

    Raises:
        TopicError: a topic keyed by place has another number of partitions, or a topic of an earlier version exists under its old name.
            Nothing is changed then. More partitions would move streets away from their state, and Kafka cannot remove any.
        BrokerError: the cluster cannot be reached, or rejects the change.
    """
    with connected(bootstrap) as admin:
        found = _plan(admin, topics)
        if old := renamed_topics([str(change.found) for change in found.renamed], topics):
            raise old
        for change in found.rejected:
            raise TopicError(
                f"the topic has {change.found} partitions, {change.declared} are declared, and the number cannot change once "
                "places are distributed over them",
                where=change.topic,
                hint=f"set GRID_ROUTER_PARTITIONS={change.found}, or use another GRID_ROUTER_NAMESPACE",
            )
        _create(admin, topics, found, replication)
        _grow(admin, found)
        _configure(admin, found, bootstrap)
        return found


def delete(bootstrap: str, names: Sequence[str]) -> None:
    """Delete temporary topics; skips those that do not exist.

    Raises:
        ValueError: a name has no namespace, as in production; those topics are never deleted here.
        BrokerError: the cluster cannot be reached.
    """
    for name in names:
        if name.startswith(ROOTS):
            raise ValueError(f"{name} has no namespace")
    with connected(bootstrap) as admin:
        present = set(admin.list_topics())
        admin.delete_topics([name for name in names if name in present], timeout_ms=TIMEOUT_MS)


@contextmanager
def connected(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """An admin client that raises BrokerError for every failure.

    Raises:
        BrokerError: the cluster cannot be reached, or rejects the request.
    """
    no_answer = BrokerError(
        "no Kafka broker answers",
        where=bootstrap,
        hint=START_KAFKA,
    )
    if not listens(bootstrap):
        raise no_answer
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","), request_timeout_ms=TIMEOUT_MS, bootstrap_timeout_ms=CONNECT_MS
        )
    except (KafkaError, ValueError, OSError) as error:
        raise no_answer from error
    try:
        yield admin
    except KafkaError as error:
        raise BrokerError(
            f"the cluster rejects the request or fails ({type(error).__name__})",
            where=bootstrap,
            hint=HINTS.get(type(error), "check it with `grid-router doctor`"),
        ) from error
    finally:
        admin.close()


def _plan(admin: KafkaAdminClient, topics: Sequence[Topic]) -> Plan:
    names = set(admin.list_topics())
    present = [topic for topic in topics if topic.name in names]
    partitions = _partitions(admin, present)
    configs = _configs(admin, present)
    changes = [
        TopicChange(topic=topic.name, action="rename", what="name", found=topic.formerly, declared=topic.name)
        for topic in topics
        if topic.formerly in names
    ]
    for topic in topics:
        if topic.name in names:
            changes += _differences(topic, partitions, configs[topic.name])
        else:
            changes.append(_partition_change(topic, "create", None, topic.wanted_partitions(partitions)))
    touched = {change.topic for change in changes}
    return Plan(changes, sum(topic.name not in touched for topic in topics))


def _differences(topic: Topic, partitions: dict[str, int], config: dict[str, str]) -> list[TopicChange]:
    """What differs between a topic that exists and its declaration.

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


def _partitions(admin: KafkaAdminClient, topics: Sequence[Topic]) -> dict[str, int]:
    if not topics:
        return {}
    described: list[dict[str, Any]] = admin.describe_topics([topic.name for topic in topics])
    return {one.get("name") or one["topic"]: len(one["partitions"]) for one in described}


def _configs(admin: KafkaAdminClient, topics: Sequence[Topic]) -> dict[str, dict[str, str]]:
    if not topics:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    answer: dict[str, dict[str, dict[str, Any]]] = admin.describe_configs(resources, config_filter="all")
    described = next(iter(answer.values()))
    return {name: {key: _value(entry) for key, entry in entries.items()} for name, entries in described.items()}


def _value(entry: Any) -> str:
    return str(entry["value"] if isinstance(entry, dict) else entry)


def _create(admin: KafkaAdminClient, topics: Sequence[Topic], found: Plan, replication: int) -> None:
    missing = {change.topic: int(change.declared) for change in found.changes if change.action == "create"}
    new = {
        topic.name: {
            "num_partitions": missing[topic.name],
            "replication_factor": replication,
            "configs": topic.config(),
        }
        for topic in topics
        if topic.name in missing
    }
    names = list(new)
    for first in range(0, len(names), CREATED_AT_ONCE):
        some = names[first : first + CREATED_AT_ONCE]
        with suppress(TopicAlreadyExistsError):  # two may apply at once; Kafka creates the others of the list
            admin.create_topics({name: new[name] for name in some}, timeout_ms=TIMEOUT_MS)
        admin.wait_for_topics(some, timeout_ms=TIMEOUT_MS)


def _grow(admin: KafkaAdminClient, found: Plan) -> None:
    """Add partitions to the state of networks' topics that have more than declared."""
    grown = {change.topic: int(change.declared) for change in found.changes if change.action == "grow"}
    if grown:
        admin.create_partitions(grown, timeout_ms=TIMEOUT_MS)


def _configure(admin: KafkaAdminClient, found: Plan, bootstrap: str) -> None:
    wanted: dict[str, dict[str, str]] = {}
    for change in found.changes:
        if change.action == "set":
            wanted.setdefault(change.topic, {})[change.what] = change.declared
    if not wanted:
        return
    answer: dict[str, dict[str, Any]] = admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name, configs) for name, configs in wanted.items()]
    )
    for name, outcome in answer.get("topic", {}).items():
        if outcome != "OK":  # the client returns the error instead of raising it
            raise TopicError(
                f"its configuration cannot be changed ({outcome})",
                where=name,
                hint=f"change it on {bootstrap} with the tools of Kafka, or let its administrator allow it",
            )
