"""Published records into the rule sets of a city."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from router.cities.archive import unpack
from router.domain.rules.bootstrap import initial_rule_sets
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets, UnreadableRuleSetError
from router.wire.errors import CityError
from router.wire.rule_sets import RuleSetRecord


def build_rule_sets(city: City, records: Sequence[RuleSetRecord]) -> RuleSets:
    """The rule sets of a city, all of them loaded. `merging.yaml` is always that of the folder.

    Args:
        city: as its folder has it.
        records: all published rule sets.

    Raises:
        CityError: a rule set cannot be loaded. A report may need any of them.
    """
    initial = initial_rule_sets(records)
    if not initial or initial[0].version == city.rule_set:
        rule_sets = RuleSets(city)
    else:
        effective = unpack(city.name, initial[0].texts, initial[0].version)
        rule_sets = RuleSets(replace(effective, merging=city.merging))
    for record in initial:
        rule_sets.know(record.version, partial(unpack, record.city, record.texts, record.version))
    register(rule_sets, records)
    for version in rule_sets.versions:
        try:
            rule_sets.of(version)
        except UnreadableRuleSetError as error:
            raise error.__cause__ if isinstance(error.__cause__, CityError) else error from error
    return rule_sets


def register(rule_sets: RuleSets, records: Sequence[RuleSetRecord]) -> None:
    """Add rule sets with a time from which they hold. The initial one is decided at start."""
    for record in records:
        if record.effective_from is not None:
            read = partial(unpack, record.city, record.texts, record.version)
            rule_sets.add(record.version, record.effective_from, read)
