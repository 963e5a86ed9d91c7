"""Checks before a worker starts: the cluster answers, each topic has the declared number of partitions, and each record its replicas.
No worker of another version is in its group.

With another number a worker would send the reports of a cell to a partition that does not have the state of that cell. A
network's topic may have more, if its dedup index has as many.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from router.kafka.connecting import connect_options
from router.kafka.internals import AdminClient
from router.kafka.rejection import unreachable
from router.wire.declared_topics import Topic
from router.wire.durability import INTERNAL_TOPICS, declared_durability, too_few_brokers
from router.wire.errors import TopicError, WorkerError
from router.wire.other_topics import elsewhere, renamed_topics
from router.wire.security import security_for, unseen
from router.wire.settings import Settings

TIMEOUT_MS = 10_000
APPLY = "run `grid-router topics apply CITY`"


async def check_topics(bootstrap: str, topics: list[Topic], namespace: str) -> None:
    """Compare the topics with the cluster.

    Args:
        bootstrap: `host:port` list.
        topics: the declared ones.
        namespace: of the deployment.

    Raises:
        BrokerError: no broker answers.
        TopicError: a topic is missing, has another number of partitions, or exists under the name of an earlier version.
    """
    if not topics:
        return
    names = [name for topic in topics for name in (topic.name, topic.formerly) if name is not None]
    partitions, others = await _partitions(bootstrap, names)
    if old := renamed_topics(partitions, topics):
        raise old
    missing = [topic.name for topic in topics if topic.name not in partitions]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        hint = f"run `grid-router topics apply CITY`{elsewhere(others, namespace)}"
        raise TopicError(
            f"the topic does not exist{more}{unseen(security_for(bootstrap).user)}", where=missing[0], hint=hint
        )
    for topic in topics:
        actual, wanted = partitions[topic.name], topic.wanted_partitions(partitions)
        if actual < wanted and topic.grows_with is not None and actual >= topic.partitions:
            raise TopicError(
                f"the topic has {actual} partitions, {topic.grows_with} has {wanted}",
                where=topic.name,
                hint="run `grid-router topics apply CITY`, which adds partitions here",
            )
        if actual != wanted:
            raise TopicError(
                f"the topic has {actual} partitions, {topic.partitions} are declared",
                where=topic.name,
                hint=f"set GRID_ROUTER_PARTITIONS={actual}, or use another GRID_ROUTER_NAMESPACE",
            )


async def check_durability(bootstrap: str, topics: Sequence[Topic], settings: Settings) -> None:
    """Compare replicas and what a write needs with the declaration, also on the topics of Kafka itself.

    With one replica there is nothing to compare.

    Args:
        bootstrap: `host:port` list.
        topics: that exist.
        settings: of the deployment.

    Raises:
        BrokerError: no broker answers, or there are fewer than each record needs.
        InputError: the settings ask for what no cluster can keep.
        TopicError: a topic has fewer replicas, or may lose acknowledged records.
    """
    names = [*(topic.name for topic in topics), *INTERNAL_TOPICS]
    async with _connected(bootstrap) as admin:
        brokers = len((await admin.describe_cluster())["brokers"])
        replicas = _fewest_replicas(await admin.describe_topics(names))
        internal = [replicas[name] for name in INTERNAL_TOPICS if name in replicas]
        wanted = declared_durability(settings.replication, settings.min_insync_replicas, max(brokers, *internal, 0))
        if wanted.replication == 1:
            return
        configs = await _configs(admin, list(replicas))
    for name in names:
        if name not in replicas:
            raise TopicError(
                "the topic does not exist yet", where=name, hint=f"{APPLY}, which has the brokers create it"
            )
        for short in wanted.shortfalls(replicas[name], configs.get(name, wanted.config())):
            if brokers < wanted.replication:
                raise too_few_brokers(wanted.replication, brokers, bootstrap)
            raise TopicError(
                f"{short.what} is {short.found}, {short.declared} is declared, so a broker that fails could lose "
                "acknowledged records",
                where=name,
                hint=f"{APPLY}, which corrects it",
            )


async def check_group(bootstrap: str, group: str, assignor: str) -> None:
    """Check that the members of the group have our assignor. Another one's members would keep this worker out without a word.

    A group that is just assigned again does not say what its members have, and one whose broker does not answer says nothing.
    Both pass, because the worker itself waits for its group.

    Args:
        bootstrap: `host:port` list.
        group: of all workers of the deployment.
        assignor: the name of this version's.

    Raises:
        BrokerError: no broker answers.
        WorkerError: workers of another version are in the group.
    """
    async with _connected(bootstrap) as admin:
        try:
            (answer,) = await admin.describe_consumer_groups([group])
        except KafkaError:
            return
    error_code, _, _, _, found, members, *_ = answer.groups[0]
    if error_code == 0 and members and found not in {"", assignor}:
        raise WorkerError(
            f"a worker of another version runs ({len(members)} in all), beside which this one gets no partition",
            where=f"group {group}",
            hint="end all workers of the earlier version before the first new one starts",
        )


async def _partitions(bootstrap: str, names: list[str]) -> tuple[dict[str, int], list[str]]:
    """Number of partitions of each topic that exists; and all topics of the cluster, if none of them does."""
    async with _connected(bootstrap) as admin:
        described = await admin.describe_topics(names)
        partitions = {
            one["topic"]: len(one["partitions"]) for one in described if for_code(one["error_code"]).errno == 0
        }
        return partitions, [] if partitions else await admin.list_topics()


def _fewest_replicas(described: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Topic that exists -> the replicas of its partition that has the fewest."""
    return {
        one["topic"]: min(len(partition["replicas"]) for partition in one["partitions"])
        for one in described
        if for_code(one["error_code"]).errno == 0
    }


async def _configs(admin: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Topic -> its configuration; left out when this user may not read it."""
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for error_code, _, _, name, entries in answer.resources
        if error_code == 0
    }


@asynccontextmanager
async def _connected(bootstrap: str) -> AsyncIterator[AdminClient]:
    log = logging.getLogger("aiokafka")
    before, admin = log.level, AdminClient(**connect_options(bootstrap), request_timeout_ms=TIMEOUT_MS)
    log.setLevel(logging.CRITICAL)  # the error below reports an unreachable broker once
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, ValueError) as error:
        raise await asyncio.to_thread(unreachable, bootstrap, error, "no Kafka broker answers") from error
    finally:
        await admin.close()
        log.setLevel(before)
