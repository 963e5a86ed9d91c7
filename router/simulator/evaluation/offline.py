"""The router of one city without Kafka: admission and fold in one process, with one state a street.

It decides like the two stages of the worker, as long as reports reach the fold in the order of their receipt. It has no
topics, no transactions and no ticks: merge windows close by received time.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from router.domain.cells.registry import STREET
from router.domain.fold import fold
from router.domain.intake.admit import admit
from router.domain.intake.dedup import DedupIndex
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.model.case import Case
from router.domain.model.outcome import CaseChanged
from router.domain.model.report import Report
from router.domain.model.source_record import PlainRecord
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.messages import SourceMessage

BATCH = 2000
"""Messages admitted together: the cells of a batch are looked up in one call."""
_MARGIN_MS = 1000
"""Kafka's time of a record is later than its received time, so the router accepts the received time."""


class Event(NamedTuple):
    """An event of the grid stream."""

    street: str
    report: Report


class Offline:
    """Runs both stages of one city.

    Args:
        city: the rules.
    """

    def __init__(self, city: City) -> None:
        self.city = city
        self._rules = RuleSets(city)
        self.cases: dict[str, Case] = {}
        """Latest state of every case, by its id."""
        self.reports: dict[str, Report] = {}
        """First version of every accepted report, by its id."""
        self._states: dict[str, PartitionState] = defaultdict(PartitionState)
        self._translator = Translator(city)

    def take(self, messages: Iterable[SourceMessage]) -> "Offline":
        """Admit and fold messages in the order of their receipt. Rejected messages are dropped."""
        for event in self._translator.events(messages):
            self.fold(event)
        return self

    def fold(self, event: Event) -> None:
        """Fold one event."""
        street, report = event
        if report.version == 1:
            self.reports.setdefault(report.id, report)
        for record in fold(self._states[street], report, self._rules).records:
            if isinstance(record, CaseChanged):
                self.cases[record.case.id] = record.case


class Translator:
    """Runs the first stage of one city. A parameter sweep folds its events many times."""

    def __init__(self, city: City) -> None:
        self._rule_sets, self._offset = RuleSets(city), 0
        self._dedup: dict[str, DedupIndex] = defaultdict(DedupIndex)

    def events(self, messages: Iterable[SourceMessage]) -> Iterator[Event]:
        """Events of the grid stream: new reports and updates, in the order of receipt."""
        source = iter(messages)
        while batch := list(islice(source, BATCH)):
            yield from self._admitted(batch)

    def _admitted(self, batch: list[SourceMessage]) -> list[Event]:
        records: dict[str, list[PlainRecord]] = defaultdict(list)
        for message in batch:
            records[message.network].append(record_of(message, self._offset))
            self._offset += 1
        events: list[Event] = []
        for network in sorted(records):
            admitted = admit(NETWORKS[network], records[network], self._rule_sets, self._dedup[network])
            events += [Event(partition_key[:STREET], report) for report, partition_key in admitted.events]
        events.sort(key=_order)
        return events


def record_of(message: SourceMessage, offset: int) -> PlainRecord:
    """The record of a message, with the received time of its intake."""
    at = message.received_at
    return PlainRecord(
        topic=f"reports.{message.network}",
        partition=0,
        offset=offset,
        timestamp=int(at.timestamp() * 1000) + _MARGIN_MS,
        key=message.source_id.encode(),
        value=message.value,
        headers=[(RECEIVED_AT, at.isoformat().encode())],
    )


def _order(event: Event) -> tuple[datetime, int]:
    return event.report.received_at, event.report.provenance.offset
