"""What the router has written, read while it runs: cases, tasks and dead letters, committed records only."""

import time
from collections.abc import Iterable
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from router.domain.model.case import Case
from router.domain.model.report import Provenance, Report
from router.domain.model.task import Task
from router.simulator.messages import RecordAddress, Sent
from router.simulator.replay.ledger import Dead
from router.wire.codec import decode_case, decode_event, decode_task, read_dead_letter
from router.wire.errors import BrokerError
from router.wire.topic_names import Names

END_S = 60.0
"""Reading to the end takes seconds. After this long the broker counts as unreachable."""
POLL_RECORDS = 5000


class _Version(msgspec.Struct):
    provenance: Provenance


class _Joined(msgspec.Struct):
    """The part of a case's report that shows whether it arrived. Reading it is four times quicker than reading the whole."""

    id: str
    provenance: Provenance
    earlier: list[_Version] = []
    earlier_omitted: int = 0


class _Joiners(msgspec.Struct):
    reports: list[_Joined]


_joiners = msgspec.json.Decoder(_Joiners).decode


class Outputs:
    """The outputs of one deployment. They grow with every `take`.

    Args:
        consumer: without a group, read_committed.
        names: topic names of the deployment.
        departments: whose tasks to read.
        partitions: of each of these topics.
    """

    def __init__(self, consumer: KafkaConsumer, names: Names, departments: Iterable[str], partitions: int) -> None:
        self._consumer, self._names = consumer, names
        self._case_states: dict[str, bytes] = {}
        self._archived: dict[str, bytes] = {}
        self._arrived: set[str] = set()
        self._thinned: set[str] = set()
        """Reports of which a case counts versions that it no longer has."""
        self._places: set[RecordAddress] = set()
        self.tasks: list[Task] = []
        self.dead: list[Dead] = []
        topics = [names.cases, names.archive, names.dead_letters, *(names.tasks(d) for d in departments)]
        self._partitions = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
        consumer.assign(self._partitions)
        consumer.seek_to_beginning()

    def take(self, seconds: float) -> int:
        """Read the next records, waiting at most this long for the first. Returns their number."""
        polled = self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=POLL_RECORDS)
        records = [record for batch in polled.values() for record in batch]
        for record in records:
            self._note(record)
        return len(records)

    def take_all(self) -> None:
        """Read to the end. The workers have ended, so the end is fixed.

        Raises:
            BrokerError: the end is not reached within a minute.
        """
        deadline = time.monotonic() + END_S
        while not self._at_end():
            if time.monotonic() > deadline:
                raise BrokerError(
                    "the cases and tasks cannot be read to their end", hint="check with `grid-router broker status`"
                )
            self.take(0.2)

    def _at_end(self) -> bool:
        ends = self._consumer.end_offsets(self._partitions)
        return all(tp in ends and self._consumer.position(tp) >= ends[tp] for tp in self._partitions)

    def _note(self, record: Any) -> None:
        if record.topic in (self._names.cases, self._names.archive):
            states = self._case_states if record.topic == self._names.cases else self._archived
            case = record.key.decode()
            if record.value is None:
                states.pop(case, None)
                return
            states[case] = record.value
            for report in _joiners(record.value).reports:
                self._arrived.add(report.id)
                self._places.add(_place(report.provenance))
                self._places.update([_place(version.provenance) for version in report.earlier])
                if report.earlier_omitted:
                    self._thinned.add(report.id)
        elif record.topic == self._names.dead_letters:
            dead_letter = dead(record.key, record.value, record.headers, self._names)
            self.dead.append(dead_letter)
            self._places.add(dead_letter.place)
        else:
            self.tasks.append(decode_task(record.value))

    def accounted(self, one: Sent) -> bool:
        """Whether a sent record was seen in a case or a dead letter. A redelivery need not be, an update must.

        A large case has lost some of its updates, and the ledger counts them at the end.
        """
        known = self._thinned if one.kind == "updated" else self._arrived
        return one.place in self._places or one.report in known

    @property
    def opened(self) -> int:
        """Number of cases so far."""
        return len(self._case_states | self._archived)

    @property
    def arrived(self) -> int:
        """Number of reports in cases so far."""
        return len(self._arrived)

    def cases(self) -> dict[str, Case]:
        """The last state of each case, whether it is archived or not."""
        return {case: decode_case(value) for case, value in (self._archived | self._case_states).items()}


def dead(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]], names: Names) -> Dead:
    """A dead letter with the address of the network's own record, also if the merge stage rejected the normalised report."""
    dead_letter = read_dead_letter(key, value, list(headers))
    place = (dead_letter.topic, dead_letter.partition, dead_letter.offset)
    if dead_letter.topic == names.events and value is not None:
        try:
            event = decode_event(dead_letter.headers, value)
        except (msgspec.MsgspecError, ValueError):
            return Dead(place=place, code=dead_letter.code)
        if isinstance(event, Report):
            place = _place(event.provenance)
    return Dead(place=place, code=dead_letter.code)


def _place(provenance: Provenance) -> RecordAddress:
    return provenance.topic, provenance.partition, provenance.offset
