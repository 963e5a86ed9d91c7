"""The partitions that topics have now: some topics grow during a run."""

from collections.abc import Sequence
from typing import Any

from kafka import TopicPartition

from router.broker.admin import connected


def partitions_of(bootstrap: str, topics: Sequence[str]) -> list[TopicPartition]:
    """Every partition of these topics, which exist. Raises BrokerError."""
    with connected(bootstrap) as admin:
        described: list[dict[str, Any]] = admin.describe_topics(list(topics))
    return [
        TopicPartition(one.get("name") or one["topic"], n) for one in described for n in range(len(one["partitions"]))
    ]
