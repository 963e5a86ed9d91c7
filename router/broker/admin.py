"""Plan and apply topics: compare the declaration with the cluster. Only this module creates topics."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import InvalidReplicationFactorError, KafkaError, TopicAlreadyExistsError
from kafka.protocol.consumer.offsets import OffsetSpec

from router.broker.reach import listens
from router.broker.replicas import create_internal
from router.broker.topic_plan import Cluster, FoundDurability, Plan
from router.kafka.blocking import admin_client
from router.kafka.rejection import denial, rejection
from router.wire.declared_topics import Topic
from router.wire.durability import Durability
from router.wire.errors import START_KAFKA, BrokerError, TopicError
from router.wire.other_topics import renamed_topics
from router.wire.topic_names import ROOTS

TIMEOUT_MS = 60_000
"""For one request. A loaded machine needs many times the usual tenth of a second."""
CONNECT_MS = 20_000
CREATED_AT_ONCE = 16
"""Topics in one request, each with its partitions. So a city with many topics has as much more time as it has topics."""
HINTS: dict[type[KafkaError], str] = {
    InvalidReplicationFactorError: "set GRID_ROUTER_REPLICATION to no more than the cluster has brokers",
}


def plan(
    bootstrap: str, topics: Sequence[Topic], *, replication: int | None = 1, min_insync: int | None = None
) -> Plan:
    """Compare the declaration with the cluster, without a change.

    Args:
        bootstrap: `host:port` list.
        topics: as declared.
        replication: as set; None: by the size of the cluster (`router/wire/durability.py`).
        min_insync: as set; None: the majority of the replicas.

    Raises:
        BrokerError: the cluster cannot be reached.
        InputError: the settings ask for what no cluster can keep.
    """
    with connected(bootstrap) as admin:
        return Cluster(admin, topics, replication, min_insync).plan()


def durability_of(
    bootstrap: str, topics: Sequence[Topic], *, replication: int | None, min_insync: int | None
) -> FoundDurability:
    """What is declared for each record, and where the cluster has less; the arguments are those of `plan`.

    Raises:
        BrokerError: the cluster cannot be reached.
        InputError: the settings ask for what no cluster can keep.
    """
    with connected(bootstrap) as admin:
        return Cluster(admin, topics, replication, min_insync).found_durability()


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


def apply(
    bootstrap: str, topics: Sequence[Topic], *, replication: int | None = 1, min_insync: int | None = None
) -> Plan:
    """Create missing topics, give the others their replicas and configuration; a second call changes nothing.

    Args:
        bootstrap: `host:port` list.
        topics: as declared.
        replication: as set; None: by the size of the cluster.
        min_insync: as set; None: the majority of the replicas.

    Raises:
        TopicError: a topic keyed by place has another number of partitions, or a topic of an earlier version exists under its old name.
            Nothing is changed then. More partitions would move streets away from their state, and Kafka cannot remove any.
        BrokerError: the cluster cannot be reached, has too few brokers, or rejects the change.
        InputError: the settings ask for what no cluster can keep.
    """
    with connected(bootstrap) as admin:
        cluster = Cluster(admin, topics, replication, min_insync)
        found = cluster.plan()
        if old := renamed_topics([str(change.found) for change in found.renamed], topics):
            raise old
        for change in found.rejected:
            raise TopicError(
                f"the topic has {change.found} partitions, {change.declared} are declared, and the number cannot change once "
                "places are distributed over them",
                where=change.topic,
                hint=f"set GRID_ROUTER_PARTITIONS={change.found}, or use another GRID_ROUTER_NAMESPACE",
            )
        if any(change.action in {"create", "replicate"} for change in found.changes):
            cluster.check_size(bootstrap)
        _create(admin, topics, found, cluster.durability)
        _grow(admin, found)
        made = found
        if cluster.missing_internal:
            create_internal(admin, cluster.missing_internal)
            made = Cluster(admin, topics, replication, min_insync).plan()
        cluster.replicate(made)
        _configure(admin, made, bootstrap)
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
    if rejected := rejection(bootstrap):  # the client would try again until its time is over, and not say why
        raise rejected
    try:
        admin = admin_client(bootstrap, request_ms=TIMEOUT_MS, connect_ms=CONNECT_MS)
    except (KafkaError, ValueError, OSError) as error:
        raise no_answer from error
    try:
        yield admin
    except KafkaError as error:
        raise denial(bootstrap, error) or BrokerError(
            f"the cluster rejects the request or fails ({type(error).__name__})",
            where=bootstrap,
            hint=HINTS.get(type(error), "check it with `grid-router doctor`"),
        ) from error
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, topics: Sequence[Topic], found: Plan, durability: Durability) -> None:
    missing = {change.topic: int(change.declared) for change in found.changes if change.action == "create"}
    new = {
        topic.name: {
            "num_partitions": missing[topic.name],
            "replication_factor": durability.replication,
            "configs": topic.config() | durability.config(),
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
        [ConfigResource(ConfigResourceType.TOPIC, name, configs) for name, configs in wanted.items()],
        raise_on_unknown=False,  # it would ask a broker that may not know a new topic yet
    )
    for name, outcome in answer.get("topic", {}).items():
        if outcome != "OK":  # the client returns the error instead of raising it
            raise TopicError(
                f"its configuration cannot be changed ({outcome})",
                where=name,
                hint=f"change it on {bootstrap} with the tools of Kafka, or let its administrator allow it",
            )
