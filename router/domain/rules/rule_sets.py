"""The rule sets of one city: catalogue, code tables and cells, each with the instant from which it is in effect.

The received time of a report selects the rule set, so every partition of every topic selects the same one. A report carries the
version of the rule set that translated it, and the same rule set routes it. `merging.yaml` is not part of a rule set, because the
state is indexed by it. Docs: docs/explanation/rule-sets.md.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from typing import Protocol

from router.domain.matching.parameters import MergeParameters
from router.domain.rules.city import City


class RuleSetError(LookupError):
    """The rules of a rule set are not available; no report is at fault."""


class UnknownRuleSetError(RuleSetError):
    """A report or a case names a rule set that has not been read yet. The message is its version."""


class UnreadableRuleSetError(RuleSetError):
    """The rules of a rule set cannot be read."""


class RuleLookup(Protocol):
    """What the fold needs of the rule sets: each report and each case is decided by its own."""

    @property
    def merging(self) -> MergeParameters:
        """The merge parameters, which all rule sets share."""

    def of(self, version: str, /) -> City:
        """The rule set of a version. Raises RuleSetError."""


class RuleSets:
    """The rule sets of a city that a worker has read. More are added while it runs; rules are read when they are first needed.

    Args:
        first: the rule set in effect from the beginning. All others share its merge parameters.
    """

    def __init__(self, first: City) -> None:
        self.first = first
        self._ready = {first.rule_set: first}
        self._sources: dict[str, Callable[[], City]] = {}
        self._timeline: list[tuple[datetime, str]] = []
        """Versions by the instant from which they are in effect; at the same instant the later published one comes last."""

    def add(self, version: str, effective_from: datetime, read: Callable[[], City]) -> None:
        """Add a published rule set, in the order of publication.

        Args:
            version: of the rule set.
            effective_from: received time from which it is in effect, aware.
            read: reads its rules when they are first needed.
        """
        self.know(version, read)
        self._timeline.append((effective_from, version))
        self._timeline.sort(key=itemgetter(0))  # stable

    def withdraw(self, key: str) -> None:
        """Take a rule set out of effect whose publication was deleted. Reports may still carry it.

        Args:
            key: of the publication: the instant from which it is in effect in ISO 8601, `/`, and the version.
        """
        self._timeline = [(at, version) for at, version in self._timeline if f"{at.isoformat()}/{version}" != key]

    def know(self, version: str, read: Callable[[], City]) -> None:
        """Add a rule set that reports may carry, though it does not come into effect again."""
        self._sources.setdefault(version, read)

    @property
    def versions(self) -> list[str]:
        """The versions of all rule sets that a report may carry."""
        return [*{**self._ready, **self._sources}]

    @property
    def merging(self) -> MergeParameters:
        """The merge parameters, which all rule sets share."""
        return self.first.merging

    @property
    def only(self) -> City | None:
        """The only rule set; None when the received time selects one of several."""
        return None if self._timeline else self.first

    @property
    def latest(self) -> str:
        """Version of the rule set that comes into effect last."""
        return self._timeline[-1][1] if self._timeline else self.first.rule_set

    def at(self, received: datetime) -> City:
        """The rule set in effect at an instant of received time."""
        return self.of(self.version_at(received))

    def version_at(self, received: datetime) -> str:
        """Version of the rule set in effect at an instant of received time."""
        place = bisect_right(self._timeline, received, key=itemgetter(0))
        return self._timeline[place - 1][1] if place else self.first.rule_set

    def for_network(self, received: datetime, network: str) -> City:
        """The rule set in effect at an instant, or the nearest one that has the network: the next one, else the last before.

        A network may send before the rule set that adds it is in effect, and after one that leaves it out.

        Raises:
            RuleSetError: the rules are not available, or no rule set has the network.
        """
        city = self.at(received)
        if network in city.codes:
            return city
        place = bisect_right(self._timeline, received, key=itemgetter(0))
        versions = [self.first.rule_set, *(version for _, version in self._timeline)]
        for version in [*versions[place + 1 :], *reversed(versions[:place])]:
            city = self.of(version)
            if network in city.codes:
                return city
        raise UnknownRuleSetError(f"with the network {network}")

    @property
    def networks(self) -> list[str]:
        """The networks of all rule sets that are in effect at some time and can be read, in alphabetical order."""
        effective = [self.first.rule_set, *(version for _, version in self._timeline)]
        return sorted({network for city in self._readable(effective) for network in city.codes})

    @property
    def departments(self) -> list[str]:
        """The departments of all rule sets whose rules can be read, in alphabetical order."""
        return sorted(
            {department for city in self._readable(self.versions) for department in city.catalogue.departments}
        )

    def has_department(self, department: str) -> bool:
        """Whether a rule set has the department. Rules that were not needed yet are read only if no other has it."""
        ready = list(self._ready.values())
        return any(department in city.catalogue.departments for city in ready) or any(
            department in city.catalogue.departments for city in self._readable(self.versions)
        )

    def _readable(self, versions: Iterable[str]) -> Iterator[City]:
        for version in versions:
            with suppress(UnreadableRuleSetError):
                yield self.of(version)

    def of(self, version: str) -> City:
        """The rule set of a version. An empty version, from a router that had no rule sets, stands for the first.

        Raises:
            UnknownRuleSetError: it has not been read yet.
            UnreadableRuleSetError: its rules cannot be read.
        """
        city = self._ready.get(version)
        if city is not None:
            return city
        if not version:
            return self.first
        read = self._sources.get(version)
        if read is None:
            raise UnknownRuleSetError(version)
        try:
            city = replace(read(), merging=self.first.merging)
        except Exception as error:
            raise UnreadableRuleSetError(f"{version}: {error}") from error
        self._ready[version] = city
        return city
