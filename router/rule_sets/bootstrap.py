"""The start of a worker: read all published rule sets, and publish the folder's rule set if there is no initial one.

From then on the topic decides. Another folder changes nothing until it is published.
"""

import asyncio
from datetime import UTC, datetime

from aiokafka.errors import KafkaError

from router.domain.rules.bootstrap import must_publish_own
from router.domain.rules.city import City
from router.kafka.rejection import unreachable
from router.rule_sets.loading import RuleSetLoader
from router.rule_sets.store import RuleSetStore, publish
from router.wire.rule_sets import RuleSetRecord

TIMEOUT_S = 60.0


async def load_or_bootstrap(store: RuleSetStore, own: RuleSetRecord, loader: RuleSetLoader) -> list[RuleSetRecord]:
    """All published rule sets in the order of the log. Publishes `own` first when there is no initial one.

    Raises:
        BrokerError: the broker is down.
    """
    records = loader.genuine(await _read(store))
    if must_publish_own(records):
        records += loader.genuine(await _read(store, own))
    return records


async def _read(store: RuleSetStore, own: RuleSetRecord | None = None) -> list[RuleSetRecord]:
    """What was published since the last call; publishes `own` before that."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            if own is not None:
                await publish(store.bootstrap, store.topic, own)
            return await store.read()
    except (KafkaError, OSError, TimeoutError) as error:
        where = f"{store.bootstrap}, {store.topic}"
        raise unreachable(store.bootstrap, error, "the rule sets cannot be read", where=where) from error
    finally:
        await store.close()


def rule_set_from_folder(city: City, texts: dict[str, str]) -> RuleSetRecord:
    """The initial rule set that a city's folder contains."""
    return RuleSetRecord(version=city.rule_set, city=city.name, published_at=datetime.now(UTC), texts=texts)
