"""Compares a city's folder with the published rule sets: an edited folder changes nothing until it is published."""

from collections.abc import Sequence
from datetime import datetime

from router.domain.rules.city import City
from router.domain.rules.in_effect import in_effect, takes_effect
from router.wire.errors import CityError
from router.wire.rule_sets import RuleSetRecord


def folder_difference(city: City, where: str, published: Sequence[RuleSetRecord], at: datetime) -> CityError | None:
    """The sentence for a folder that is not the rule set in effect, with what to do; None when it is, or soon will be.

    Args:
        city: as its folder has it.
        where: the folder, for people.
        published: all rule sets of the deployment, in the order of publication.
        at: the present; the end of time in a replay, whose received times are in the past.
    """
    active = in_effect(published, at)
    if active is None or (active.version == city.rule_set and active.city == city.name):
        return None
    if active.city != city.name:
        return CityError(
            f"the rule set in effect is that of the city {active.city}",
            where=where,
            hint=f"run {active.city} in this namespace, or set GRID_ROUTER_NAMESPACE to one of its own for {city.name}",
        )
    if takes_effect(published, city.rule_set, at):
        return None
    by = f", published by {active.actor}" if active.actor else ""
    return CityError(
        f"the folder ({city.rule_set}) is not the rule set in effect ({active.version}{by}), so its changes do nothing",
        where=where,
        hint=f"`grid-router catalogue publish {city.name} --actor YOU` puts the folder in effect",
    )
