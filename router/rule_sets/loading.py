"""Published records into the rule sets of a city."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import NoReturn

import msgspec
import structlog

from router.cities.apart import unpack_apart
from router.cities.packing import InventedVersionError
from router.domain.rules.bootstrap import initial_rule_sets
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.wire.errors import CityError
from router.wire.rule_sets import RuleSetRecord

INVENTED = "a rule set does not have the version under which it was published, so it is left out; only the router may write this topic"
UNREADABLE = "a rule set cannot be read, so it does not come into effect; publish it again with this version of the router, or withdraw it"
log = structlog.get_logger(__name__)


class RuleSetLoader:
    """Loads published rule sets, each once, in a process of its own. Blocks; call it in a thread once the event loop runs.

    Args:
        own: the city of the worker's folder. A rule set of its version has its content.
    """

    def __init__(self, own: City) -> None:
        self.own = own
        self._loaded: dict[tuple[str, bytes], City | CityError] = {}

    def load(self, record: RuleSetRecord) -> City:
        """The city of a published rule set.

        Raises:
            InventedVersionError: its content has another version.
            CityError: it cannot be read.
        """
        if record.version == self.own.rule_set:
            return self.own
        key = record.version, blake2b(msgspec.json.encode(record.texts, order="sorted"), digest_size=16).digest()
        if key not in self._loaded:
            try:
                self._loaded[key] = unpack_apart(record.city, record.texts, record.version)
            except CityError as error:
                self._loaded[key] = error
                invented = isinstance(error, InventedVersionError)
                event = INVENTED if invented else UNREADABLE
                log.error(event, version=record.version[:40], reason=str(error))  # noqa: TRY400 - the sentence is enough
        loaded = self._loaded[key]
        if isinstance(loaded, CityError):
            raise loaded
        return loaded

    def genuine(self, records: Sequence[RuleSetRecord]) -> list[RuleSetRecord]:
        """The records without those whose version is invented."""
        return [record for record in records if not isinstance(self._failure(record), InventedVersionError)]

    def _failure(self, record: RuleSetRecord) -> CityError | None:
        try:
            self.load(record)
        except CityError as error:
            return error
        return None

    def register(self, rule_sets: RuleSets, record: RuleSetRecord) -> bool:
        """Add a rule set that has a time from which it holds. One that cannot be read only waits for reports that carry it.

        Returns:
            Whether it can be read.
        """
        try:
            city = self.load(record)
        except InventedVersionError:
            return False
        except CityError as error:
            rule_sets.know(record.version, _failing(error))
            return False
        if record.effective_from is None:  # the initial one is decided at start
            rule_sets.know(record.version, lambda: city)
        else:
            rule_sets.add(record.version, record.effective_from, lambda: city)
        return True


def build_rule_sets(city: City, records: Sequence[RuleSetRecord], loader: RuleSetLoader | None = None) -> RuleSets:
    """The rule sets of a city, all of them loaded. `merging.yaml` is always that of the folder.

    Args:
        city: as its folder has it.
        records: all published rule sets, in the order of the log.
        loader: loads them; None for a new one.

    Raises:
        CityError: no initial rule set can be read.
    """
    loader = loader or RuleSetLoader(city)
    records = loader.genuine(records)
    rule_sets = RuleSets(replace(_first(loader, initial_rule_sets(records)), merging=city.merging))
    for record in records:
        loader.register(rule_sets, record)
    return rule_sets


def _first(loader: RuleSetLoader, initial: Sequence[RuleSetRecord]) -> City:
    failure: CityError | None = None
    for record in initial:
        try:
            return loader.load(record)
        except CityError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return loader.own


def _failing(error: CityError) -> Callable[[], City]:
    def fail() -> NoReturn:
        raise error

    return fail
