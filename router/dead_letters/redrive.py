"""Redrive: send rejected records to their own topic again. The record and its repair commit in one transaction."""

from collections.abc import Iterable
from hashlib import sha256

from msgspec import Struct

from router.dead_letters.actions import ActionFailure, ActionOutcome, Attribution, ReportOutcome
from router.dead_letters.chunks import chunks
from router.dead_letters.redrive_producer import OutgoingRecord, RedriveProducer
from router.dead_letters.redrive_record import foreign_topic, original, outgoing, too_large
from router.dead_letters.selection import Selection
from router.dead_letters.session import Session, open_session
from router.wire.codec import DeadLetter
from router.wire.repairs import Repair, Step
from router.wire.topic_names import Names

_Ready = tuple[Repair, OutgoingRecord]
"""The repair so far, and the record to send."""


class RedriveOptions(Struct, frozen=True, kw_only=True):
    """What to redrive."""

    selection: Selection
    attribution: Attribution
    force: bool = False
    """Include dead letters that were redriven before."""
    limit: int | None = None
    """At most this many."""
    dry_run: bool = False
    """Report where each record would go, and send nothing."""


def redrive(bootstrap: str, names: Names, options: RedriveOptions, report: ReportOutcome) -> None:
    """Redrive the selected dead letters, with the repaired value if there is one.

    Args:
        bootstrap: `host:port` list of the cluster.
        names: of the deployment's topics.
        options: what to redrive.
        report: called for each dead letter.

    Raises:
        BrokerError: Kafka does not answer, or another command has fenced this one.
        TopicError: a topic does not exist.
        InputError: an id has no dead letter.
    """
    with open_session(bootstrap, names, options.selection, dry_run=options.dry_run) as session:
        _RedriveRun(options, names, session, report).run()


class _RedriveRun(Struct, frozen=True):
    """One call of `redrive`."""

    options: RedriveOptions
    names: Names
    session: Session
    report: ReportOutcome

    def run(self) -> None:
        """Redrive one chunk after the other, each in one transaction."""
        repair_log, producer = self.session.repair_log, self.session.producer
        for chunk in chunks(self._due(self.session.dead_letters), repair_log.size):
            earlier = repair_log.of(dead_letter.id for dead_letter in chunk)
            ready: list[_Ready] = []
            for dead_letter in chunk:
                record = self._record(dead_letter, earlier[dead_letter.id])
                if isinstance(record, ActionFailure):
                    self.report(ActionOutcome(dead_letter=dead_letter.id, result="rejected", failure=record))
                else:
                    ready.append((earlier[dead_letter.id], record))
            if producer is not None:
                self._send(ready, producer)
                continue
            for repair, record in ready:
                to = f"{record.topic}/{record.partition}"
                self.report(ActionOutcome(dead_letter=repair.dead_letter, result="to-drive", to=to))

    def _due(self, dead_letters: Iterable[DeadLetter]) -> Iterable[DeadLetter]:
        """The dead letters to redrive, each once, at most `limit`."""
        taken: set[str] = set()
        for dead_letter in dead_letters:
            if self.options.limit is not None and len(taken) >= self.options.limit:
                return
            if dead_letter.id in taken:
                continue  # a copy on the topic
            state = self.session.repair_log.state(dead_letter.id)
            if state == "erased" or (state == "redriven" and not self.options.force):
                self.report(ActionOutcome(dead_letter=dead_letter.id, result="skipped"))
                continue
            taken.add(dead_letter.id)
            yield dead_letter

    def _record(self, dead_letter: DeadLetter, earlier: Repair) -> OutgoingRecord | ActionFailure:
        foreign = foreign_topic(dead_letter, self.names)
        if foreign is not None:
            return foreign
        partitions = self.session.lookup.partitions_for_topic(dead_letter.topic) or ()
        if dead_letter.partition not in partitions:
            reason = f"{dead_letter.topic}/{dead_letter.partition} does not exist; `grid-router topics apply CITY` makes the topics."
            return ActionFailure(code="no-partition", reason=reason)
        value = earlier.content or original(self.session.lookup, dead_letter)
        if isinstance(value, ActionFailure):
            return value
        record = outgoing(
            dead_letter,
            value,
            self.options.attribution.actor,
            repaired=earlier.content is not None,
            partitions=len(partitions),
        )
        return too_large(record) or record

    def _send(self, ready: list[_Ready], producer: RedriveProducer) -> None:
        """Send records and repairs in one transaction. A repair has the offset of its record."""
        if not ready:
            return
        with producer.transaction():
            offsets = producer.send([record for _, record in ready])
            repairs = [self._redriven(*one, offset) for one, offset in zip(ready, offsets, strict=True)]
            entries = self.session.repair_log.append(producer, repairs)
        self.session.repair_log.committed(repairs, entries)
        for repair in repairs:
            to = repair.steps[-1].to
            self.report(ActionOutcome(dead_letter=repair.dead_letter, result="redriven", to=to))

    def _redriven(self, earlier: Repair, record: OutgoingRecord, offset: int) -> Repair:
        """The repair of a dead letter whose record was sent to this offset."""
        attribution = self.options.attribution
        return earlier.redriven(
            Step(
                done="redriven",
                actor=attribution.actor,
                why=attribution.why,
                at=attribution.at,
                sha256=None if record.value is None else sha256(record.value).hexdigest(),
                to=f"{record.topic}/{record.partition}/{offset}",
            )
        )
