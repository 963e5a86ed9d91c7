"""Follows the rule-set topic while the worker runs."""

import asyncio

import structlog
from aiokafka.errors import KafkaError

from router.domain.rules.rule_sets import RuleSetError, RuleSets
from router.stream.rule_sets.loading import register
from router.stream.rule_sets.store import RuleSetStore

log = structlog.get_logger(__name__)


async def poll(store: RuleSetStore, rule_sets: RuleSets) -> None:
    """Add the rule sets that were published since the last call. A thread loads their rules, so partitions go on.

    A broker that is down is ignored: the partitions notice it, and the next call reads on. A rule set that cannot be loaded
    is logged, and a partition that needs it waits.
    """
    try:
        records = await store.read()
    except (KafkaError, OSError):
        await store.close()
        return
    for record in records:
        register(rule_sets, [record])
        try:
            await asyncio.to_thread(rule_sets.of, record.version)
        except RuleSetError:
            log.exception("a rule set cannot be loaded", version=record.version)
            continue
        log.warning(
            "a rule set was published",
            version=record.version,
            effective_from=str(record.effective_from),
            actor=record.actor,
        )
    store.polls += 1
