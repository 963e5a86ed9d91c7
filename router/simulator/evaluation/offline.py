"""A city's router without Kafka: translator, places and fold in one process, one state a street, in the order of receipt.

What the two stages decide, this decides alike, as long as the networks' reports reach the fold in the order in which they
were received. No topics, no transactions, no ticks: windows close by received time.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from router.domain.cells.registry import STREET
from router.domain.fold import fold
from router.domain.intake.dedup import DedupIndex, digest_of
from router.domain.intake.normalise import RECEIVED_AT, normalise
from router.domain.model.case import Case
from router.domain.model.outcome import CaseChanged
from router.domain.model.report import Rejection, Report
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.messages import SourceMessage

BATCH = 2000
"""Messages translated together: cells are found by the batch."""
_MARGIN_MS = 1000
"""Kafka's time of a record lies behind its received time, which is then believed."""


class Arrived(NamedTuple):
    """A record as Kafka would deliver it."""

    topic: str
    offset: int
    timestamp: int
    value: bytes
    headers: Sequence[tuple[str, bytes | None]]
    partition: int = 0
    key: bytes | None = None


class Event(NamedTuple):
    """A report as it stands on the grid stream."""

    street: str
    report: Report


class Offline:
    """Both stages of one city.

    Args:
        city: the rules.
    """

    def __init__(self, city: City) -> None:
        self.city = city
        self._rules = RuleSets(city)
        self.cases: dict[str, Case] = {}
        """Every case by its id: as it is now."""
        self.reports: dict[str, Report] = {}
        """The first version of every report that was accepted, by its id."""
        self._states: dict[str, PartitionState] = defaultdict(PartitionState)
        self._translator = Translator(city)

    def take(self, messages: Iterable[SourceMessage]) -> "Offline":
        """Messages in the order of their receipt; what is rejected leaves no trace."""
        for event in self._translator.events(messages):
            self.fold(event)
        return self

    def fold(self, event: Event) -> None:
        """One report of the grid stream."""
        street, report = event
        if report.version == 1:
            self.reports.setdefault(report.id, report)
        for record in fold(self._states[street], report, self._rules).records:
            if isinstance(record, CaseChanged):
                self.cases[record.case.id] = record.case


class Translator:
    """The first stage of one city: what comes out can be folded again and again by other numbers of merging."""

    def __init__(self, city: City) -> None:
        self._city, self._offset = city, 0
        self._dedup: dict[str, DedupIndex] = defaultdict(DedupIndex)

    def events(self, messages: Iterable[SourceMessage]) -> Iterator[Event]:
        """What reaches the grid stream: new reports and new versions of known ones, in the order of receipt."""
        source = iter(messages)
        while batch := list(islice(source, BATCH)):
            yield from self._translated(batch)

    def _translated(self, batch: list[SourceMessage]) -> list[Event]:
        records: dict[str, list[Arrived]] = defaultdict(list)
        for message in batch:
            records[message.network].append(_arrived(message, self._offset))
            self._offset += 1
        events: list[Event] = []
        for network in sorted(records):
            done = normalise(NETWORKS[network], records[network], self._city)
            for record, report in zip(done.sources, done.reports, strict=True):
                taken = self._dedup[network].admit(report, digest_of(record.value or b""))
                if taken is not None and not isinstance(taken, Rejection) and taken[0] is not None:
                    events.append(Event(taken[1].cell[:STREET], taken[0]))
        events.sort(key=_order)
        return events


def _arrived(message: SourceMessage, offset: int) -> Arrived:
    """A record whose intake said when it took it."""
    at = message.received_at
    return Arrived(
        topic=f"reports.{message.network}",
        offset=offset,
        timestamp=int(at.timestamp() * 1000) + _MARGIN_MS,
        value=message.value,
        headers=[(RECEIVED_AT, at.isoformat().encode())],
    )


def _order(event: Event) -> tuple[datetime, int]:
    return event.report.received_at, event.report.provenance.offset
