"""Checks before a worker starts: the cluster answers, and each topic has the declared number of partitions.

With another number a worker would send the reports of a cell to a partition that does not have the state of that cell. A
network's topic may have more, if its dedup index has as many.
"""

import logging

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code

from router.wire.errors import START_KAFKA, BrokerError, TopicError
from router.wire.topics import Topic, elsewhere, renamed_topics

TIMEOUT_MS = 10_000


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
        raise TopicError(f"the topic does not exist{more}", where=missing[0], hint=hint)
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


async def _partitions(bootstrap: str, names: list[str]) -> tuple[dict[str, int], list[str]]:
    """Number of partitions of each topic that exists; and all topics of the cluster, if none of them does."""
    log = logging.getLogger("aiokafka")
    before, admin = log.level, AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    log.setLevel(logging.CRITICAL)  # the error below reports an unreachable broker once
    try:
        await admin.start()
        described = await admin.describe_topics(names)
        partitions = {
            one["topic"]: len(one["partitions"]) for one in described if for_code(one["error_code"]).errno == 0
        }
        return partitions, [] if partitions else await admin.list_topics()
    except (KafkaError, OSError, ValueError) as error:
        raise BrokerError(
            f"no Kafka broker answers ({type(error).__name__})",
            where=bootstrap,
            hint=START_KAFKA,
        ) from error
    finally:
        await admin.close()
        log.setLevel(before)
