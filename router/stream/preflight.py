"""Before a worker starts: the cluster answers, and its topics are there with the declared number of partitions.

A worker that believed in another number would send a street's reports away from the street's state.
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
        topics: as declared.
        namespace: in which.

    Raises:
        BrokerError: no broker answers.
        TopicError: a topic is missing, has another number of partitions, or exists under the name of an earlier version.
    """
    names = [name for topic in topics for name in (topic.name, topic.formerly) if name is not None]
    partitions, there = await _partitions(bootstrap, names)
    if old := renamed_topics(partitions, topics):
        raise old
    missing = [topic.name for topic in topics if topic.name not in partitions]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        hint = f"run `grid-router topics apply CITY`{elsewhere(there, namespace)}"
        raise TopicError(f"the topic does not exist{more}", where=missing[0], hint=hint)
    for topic in topics:
        found = partitions[topic.name]
        if found != topic.partitions:
            raise TopicError(
                f"the topic has {found} partitions, {topic.partitions} are declared",
                where=topic.name,
                hint=f"set GRID_ROUTER_PARTITIONS={found}, or use another GRID_ROUTER_NAMESPACE",
            )


async def _partitions(bootstrap: str, names: list[str]) -> tuple[dict[str, int], list[str]]:
    """Topic -> number of partitions, of those that exist; and if none does, all topics that the cluster has."""
    log = logging.getLogger("aiokafka")
    before, admin = log.level, AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=TIMEOUT_MS)
    log.setLevel(logging.CRITICAL)  # an unreachable broker is told once, by the sentence below
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
