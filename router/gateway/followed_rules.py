"""The rule sets of the gateway: those that the workers have, read from the same topic."""

import asyncio

import structlog
from aiokafka.errors import KafkaError

from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.kafka.cancellation import own_cancellation
from router.rule_sets.follower import poll
from router.rule_sets.loading import RuleSetLoader, build_rule_sets
from router.rule_sets.store import RuleSetStore
from router.wire.errors import CityError
from router.wire.rule_sets import RuleSetRecord

POLL_S = 1.0
"""How soon a published rule set is read; much shorter than the lead time with which rule sets are published."""
log = structlog.get_logger(__name__)


class FollowedRules:
    """Reads the published rule sets, and follows them. Before the first worker has published one, the folder's rules count.

    Args:
        own: the city as its folder has it.
        store: of the deployment.
    """

    def __init__(self, own: City, store: RuleSetStore) -> None:
        self._own, self._store = own, store
        self._loader = RuleSetLoader(own)
        self._published: list[RuleSetRecord] = []
        self.rule_sets: RuleSets | None = None
        """None until they have been read."""

    async def follow(self) -> None:
        """Read what is published, without end."""
        while True:
            await self.read()
            await asyncio.sleep(POLL_S)

    async def read(self) -> None:
        """Read what was published since the last call. A broker that is away changes nothing."""
        if self.rule_sets is not None and self._published:
            await poll(self._store, self.rule_sets, self._loader)
            return
        try:
            with own_cancellation():
                published = await self._store.read()
            if published or self.rule_sets is None:
                self.rule_sets = await asyncio.to_thread(build_rule_sets, self._own, published, self._loader)
                self._published = published
        except (KafkaError, OSError):
            await self._store.close()
        except CityError as error:
            log.error("the published rules cannot be read", reason=str(error))  # noqa: TRY400 - the sentence is enough

    async def close(self) -> None:
        """Close the connection."""
        await self._store.close()
