"""Follows the rule-set topic while the worker runs."""

import asyncio

import structlog
from aiokafka.errors import KafkaError

from router.domain.rules.rule_sets import RuleSets
from router.rule_sets.loading import RuleSetLoader
from router.rule_sets.store import RuleSetStore

log = structlog.get_logger(__name__)


async def poll(store: RuleSetStore, rule_sets: RuleSets, loader: RuleSetLoader) -> None:
    """Add the rule sets that were published since the last call. Another process loads their rules, so partitions go on.

    A broker that is down is ignored: the partitions notice it, and the next call reads on. A rule set that cannot be loaded
    is logged, and a partition that needs it waits.
    """
    try:
        records = await store.read()
    except (KafkaError, OSError):
        await store.close()
        return
    for key in store.withdrawn:
        rule_sets.withdraw(key)
        log.warning("a rule set was withdrawn", key=key[:80])
    for record in records:
        await asyncio.to_thread(loader.genuine, [record])  # loads it; the timeline changes in the event loop alone
        if loader.register(rule_sets, record):
            log.warning(
                "a rule set was published",
                version=record.version,
                effective_from=str(record.effective_from),
                actor=record.actor,
            )
    store.polls += 1
