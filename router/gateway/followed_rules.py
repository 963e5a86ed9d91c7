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
        """What was published until the rule sets were built from it; the store does not return it again."""
        self._reason = ""
        self.rule_sets: RuleSets | None = None
        """None until they have been read, and while those that count cannot be read."""

    async def follow(self) -> None:
        """Read what is published, without end."""
        while True:
            await self.read()
            await asyncio.sleep(POLL_S)

    async def read(self) -> None:
        """Read what was published since the last call. A broker that is away changes nothing."""
        try:
            with own_cancellation():
                if self.rule_sets is not None and self._published:
                    await poll(self._store, self.rule_sets, self._loader)
                else:
                    await self._begin()
        except KafkaError:
            await self._store.close()

    async def _begin(self) -> None:
        """Build the rule sets from all that was published until now."""
        try:
            published = await self._store.read()
        except OSError:
            await self._store.close()
            return
        withdrawn = set(self._store.withdrawn)
        if not published and not withdrawn and self.rule_sets is not None:
            return
        self._published = [one for one in self._published if one.key not in withdrawn] + published
        try:
            self.rule_sets = await asyncio.to_thread(build_rule_sets, self._own, self._published, self._loader)
        except (CityError, OSError) as error:
            self.rule_sets = None  # the folder's rules are not those that the workers have
            if self._reason != str(error):
                self._reason = str(error)
                log.error("the published rules cannot be read", reason=self._reason)  # noqa: TRY400 - the sentence is enough

    async def close(self) -> None:
        """Close the connection."""
        await self._store.close()
