"""The rule sets of one city: catalogue, code tables and cells by the instant from which they hold.

The rule set in effect is a question of when a report was received, so every partition of every topic answers it alike. A
report carries the version of its rule set, and the same rule set routes it: none is decided by a mixture. `merging.yaml` is
no part of a rule set, because the state is indexed by it. Docs: docs/explanation/rule-sets.md.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from typing import Protocol

from router.domain.matching.parameters import MergeParameters
from router.domain.rules.city import City


class RuleSetError(LookupError):
    """The rules of a rule set are not at hand; no report is at fault."""


class UnknownRuleSetError(RuleSetError):
    """A report names a rule set that has not been read yet."""


class UnreadableRuleSetError(RuleSetError):
    """The rules of a rule set cannot be read, for whatever reason."""


class RuleLookup(Protocol):
    """What the fold needs of the rule sets: each report and each case is decided by its own."""

    @property
    def merging(self) -> MergeParameters:
        """The merge parameters, which all rule sets share."""

    def of(self, version: str, /) -> City:
        """The rule set of a version. Raises RuleSetError."""


class RuleSets:
    """What a worker knows of its city's rule sets; grows while it runs. Rules that nobody asks for are never read.

    Args:
        first: the rule set that holds from the beginning; its merging is that of all others too.
    """

    def __init__(self, first: City) -> None:
        self.first = first
        self._ready = {first.rule_set: first}
        self._sources: dict[str, Callable[[], City]] = {}
        self._timeline: list[tuple[datetime, str]] = []
        """Versions by the instant from which they hold; of equal instants the later published one stands behind."""

    def add(self, version: str, effective_from: datetime, read: Callable[[], City]) -> None:
        """Take in a published rule set, in the order of publication.

        Args:
            version: of the rule set.
            effective_from: received time from which it holds, aware.
            read: makes its rules, when they are needed for the first time.
        """
        self.know(version, read)
        self._timeline.append((effective_from, version))
        self._timeline.sort(key=itemgetter(0))  # stable

    def know(self, version: str, read: Callable[[], City]) -> None:
        """A rule set that reports may carry, though it never holds from now on."""
        self._sources.setdefault(version, read)

    @property
    def versions(self) -> list[str]:
        """Of all rule sets that a report may carry."""
        return [*{**self._ready, **self._sources}]

    @property
    def merging(self) -> MergeParameters:
        """The merge parameters, which all rule sets share."""
        return self.first.merging

    @property
    def only(self) -> City | None:
        """The one rule set there is; None when the received time decides between several."""
        return None if self._timeline else self.first

    @property
    def latest(self) -> str:
        """Version of the rule set that holds last."""
        return self._timeline[-1][1] if self._timeline else self.first.rule_set

    def at(self, received: datetime) -> City:
        """The rule set in effect at an instant of received time."""
        place = bisect_right(self._timeline, received, key=itemgetter(0))
        return self.of(self._timeline[place - 1][1]) if place else self.first

    def of(self, version: str) -> City:
        """The rule set of a version; of none (a report of a router that had no rule sets) the first.

        Raises:
            UnknownEditionError: not read yet.
            UnreadableEditionError: its rules cannot be read.
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
