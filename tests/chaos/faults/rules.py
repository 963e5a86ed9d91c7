"""Other rules are published while reports stream in."""

import asyncio
from datetime import UTC, datetime, timedelta

from router.cities.archive import pack
from router.cities.folder import city_folder, load_city
from router.stream.rule_sets.store import publish
from router.wire.rule_sets import RuleSetRecord
from router.wire.topics import Names
from tests.chaos.cities import CITY, NEXT
from tests.chaos.deployment import Stage
from tests.chaos.load import AGO
from tests.chaos.schedule import Fault

AHEAD = timedelta(seconds=4)
"""Workers look every second; `catalogue publish` gives them 15."""


def reloaded(stage: Stage, fault: Fault) -> dict[str, float]:
    """As `catalogue publish` does it; from one rule set to the other and back, by chance."""
    name = NEXT if fault.share < 0.5 else CITY
    cities = stage.settings.cities
    now = datetime.now(UTC)
    record = RuleSetRecord(
        version=load_city(name, cities).rule_set,
        city=name,
        published_at=now,
        effective_from=now - AGO + AHEAD,
        texts=pack(city_folder(name, cities)),
    )
    asyncio.run(publish(str(stage.settings.kafka), Names(stage.settings.namespace).rule_sets, record))
    stage.pause(AHEAD.total_seconds() + 1)
    return {"injected": 1, "next": float(name == NEXT)}
