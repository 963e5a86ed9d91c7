"""What a backup and a restore ask of the cluster beside records: topics, ends, configurations and groups. Blocking."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import RetriableError
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec
from kafka.structs import OffsetAndMetadata

from router.backup.manifest import CopiedOffset
from router.wire.durability import MIN_INSYNC, UNCLEAN
from router.wire.errors import BrokerError
from router.wire.topic_names import ROOTS

OF_THE_CLUSTER = {MIN_INSYNC, UNCLEAN}
"""What depends on the number of brokers is decided again by a restore."""
OWN = "DYNAMIC_TOPIC_CONFIG"
REQUEST_MS = 60_000
PAUSE_S = 0.2


def topics_of_deployment(admin: KafkaAdminClient, namespace: str) -> dict[str, int]:
    """Every topic of a deployment that exists, and how many partitions it has; also those of networks that no rule set has any more."""
    begins = tuple(f"{namespace}{root}" for root in ROOTS)
    names = sorted(name for name in admin.list_topics() if name.startswith(begins))
    described: list[dict[str, Any]] = admin.describe_topics(names) if names else []
    return {one.get("name") or one["topic"]: len(one["partitions"]) for one in described}


def partitions_of(topics: Mapping[str, int]) -> list[TopicPartition]:
    """All partitions of these topics."""
    return [TopicPartition(name, number) for name, count in topics.items() for number in range(count)]


def ends_of(
    admin: KafkaAdminClient, partitions: Sequence[TopicPartition], *, committed: bool = False
) -> dict[TopicPartition, int]:
    """Where each log ends: open transactions included, or, for one who reads what is committed, before the first of them."""
    latest = dict.fromkeys(partitions, OffsetSpec.LATEST)
    isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    found = admin.list_partition_offsets(latest, isolation) if partitions else {}
    return {partition: int(one.offset) for partition, one in found.items()}


def configs_of(admin: KafkaAdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The configuration that each topic has of its own, without what depends on the cluster's size."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answer: dict[str, dict[str, dict[str, Any]]] = admin.describe_configs(resources) if resources else {}
    return {
        name: {
            key: str(one["value"])
            for key, one in sorted(found.items())
            if str(one.get("config_source", OWN)).endswith(OWN) and key not in OF_THE_CLUSTER
        }
        for name, found in answer.get("topic", {}).items()
    }


def configure(admin: KafkaAdminClient, configs: Mapping[str, Mapping[str, str]], before: Collection[str] = ()) -> None:
    """Give topics their configuration.

    Args:
        admin: connected.
        configs: topic -> its own configuration.
        before: names that were set until now; those without a value get the broker's default.

    Raises:
        BrokerError: the cluster rejects one.
    """
    defaults = {name: dict.fromkeys(set(before) - set(one), "") for name, one in configs.items()}
    if resets := [ConfigResource(ConfigResourceType.TOPIC, name, one) for name, one in defaults.items() if one]:
        admin.reset_configs(resets, raise_on_unknown=False)
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, dict(one)) for name, one in configs.items()]
    answer = admin.alter_configs(resources, raise_on_unknown=False) if resources else {}
    for name, outcome in answer.get("topic", {}).items():
        if outcome != "OK":  # the client returns the error instead of raising it
            hint = "let an administrator of the cluster allow it"
            raise BrokerError(f"its configuration cannot be changed ({outcome})", where=name, hint=hint)


def members_of(admin: KafkaAdminClient, group: str) -> list[str]:
    """The clients that are in a consumer group now."""
    if group not in {one["group_id"] for one in admin.list_groups()}:
        return []
    return sorted(str(one["client_id"]) for one in admin.describe_groups([group])[group]["members"])


def groups_of(admin: KafkaAdminClient, topics: Mapping[str, int]) -> dict[str, list[CopiedOffset]]:
    """The committed offsets of every group that reads a topic of the deployment."""
    groups = sorted(one["group_id"] for one in admin.list_groups())
    found: dict[str, dict[TopicPartition, Any]] = admin.list_group_offsets(groups) if groups else {}
    copied = {
        group: [
            CopiedOffset(place.topic, place.partition, one.offset)
            for place, one in sorted(offsets.items())
            if place.topic in topics
        ]
        for group, offsets in found.items()
    }
    return {group: offsets for group, offsets in copied.items() if offsets}


def commit(admin: KafkaAdminClient, group: str, offsets: Sequence[CopiedOffset]) -> None:
    """Write the committed offsets of a group. Raises BrokerError when the group has members."""
    here = {TopicPartition(one.topic, one.partition): OffsetAndMetadata(one.offset, "", -1) for one in offsets}
    for place, outcome in _committed(admin, group, here).items():
        if getattr(outcome, "errno", 0):
            where = f"group {group}, {place.topic}/{place.partition}"
            hint = "end the members of the group until the restore has ended"
            raise BrokerError(f"its offset cannot be written ({outcome.__name__})", where=where, hint=hint)


def _committed(
    admin: KafkaAdminClient, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]
) -> dict[TopicPartition, Any]:
    """What the coordinator answers. A new cluster makes its topic of offsets when it is first asked for a coordinator."""
    deadline = time.monotonic() + REQUEST_MS / 1000
    while True:
        try:
            answer: dict[TopicPartition, Any] = admin.alter_group_offsets(group, dict(offsets))
            again = any(issubclass(outcome, RetriableError) for outcome in answer.values())
        except RetriableError:
            if time.monotonic() > deadline:
                raise
            again = True
        if not again or time.monotonic() > deadline:
            return answer
        time.sleep(PAUSE_S)
