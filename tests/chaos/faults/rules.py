"""A new rule set is published under load."""

import asyncio
from datetime import UTC, datetime, timedelta

from router.cities.folder import city_folder, load_city
from router.cities.packing import pack
from router.rule_sets.store import publish
from router.wire.rule_sets import RuleSetRecord
from router.wire.topic_names import Names
from tests.chaos.cities import CITY, NEXT
from tests.chaos.deployment import Deployment
from tests.chaos.load import RECEIVED_AGO
from tests.chaos.schedule import Fault

EFFECTIVE_IN = timedelta(seconds=4)
"""Workers poll every second; `catalogue publish` leaves them 15."""


def reloaded(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Publish one of the two rule sets at random, as `catalogue publish` does."""
    name = NEXT if fault.share < 0.5 else CITY
    cities = deployment.settings.cities
    now = datetime.now(UTC)
    record = RuleSetRecord(
        version=load_city(name, cities).rule_set,
        city=name,
        published_at=now,
        effective_from=now - RECEIVED_AGO + EFFECTIVE_IN,
        texts=pack(city_folder(name, cities)),
    )
    asyncio.run(publish(str(deployment.settings.kafka), Names(deployment.settings.namespace).rule_sets, record))
    deployment.pause(EFFECTIVE_IN.total_seconds() + 1)
    return {"injected": 1, "next": float(name == NEXT)}
