"""The published rule sets of a deployment, read for a command."""

import asyncio

from aiokafka.errors import KafkaError

from router.kafka.rejection import unreachable
from router.rule_sets.store import RuleSetStore
from router.wire.rule_sets import RuleSetRecord

READ_LIMIT_S = 30.0
"""Longest time to read the published rule sets."""


def read_published(address: str, topic: str) -> list[RuleSetRecord]:
    """All published rule sets, in the order of publication. The topic must exist.

    Raises:
        BrokerError: they cannot be read.
    """

    async def read() -> list[RuleSetRecord]:
        store = RuleSetStore(address, topic)
        try:
            async with asyncio.timeout(READ_LIMIT_S):
                return await store.read()
        finally:
            await store.close()

    try:
        return asyncio.run(read())
    except (KafkaError, OSError) as error:
        raise unreachable(address, error, "the rule sets cannot be read", where=f"{address}, {topic}") from error
