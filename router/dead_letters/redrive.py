"""`grid-router dead-letters redrive`: rejected records are sent to their own topic once more, together with a note of it."""

from collections.abc import Iterable
from contextlib import ExitStack
from hashlib import sha256
from typing import Annotated

import typer
from kafka import KafkaConsumer
from msgspec import Struct

from router.broker.server import bootstrap
from router.cli.text.output import Output
from router.dead_letters.attribution import Actor, Attribution, Outcomes, Why, attribution_of
from router.dead_letters.chunks import chunks
from router.dead_letters.patching import original
from router.dead_letters.redrive_producer import OutgoingRecord, RedriveProducer, open_redrive_producer
from router.dead_letters.redrive_record import homeless, outgoing, unfit
from router.dead_letters.repair import note, repair_log_of
from router.dead_letters.repair_log import RepairLog
from router.dead_letters.selection import (
    DEAD_LETTERS,
    Ids,
    OfNetwork,
    Reason,
    Since,
    Until,
    selected,
    selection_of,
    some_selection_of,
)
from router.domain.model.report import Rejection
from router.kafka.blocking import open_consumer
from router.kafka.topic_reader import find_topic
from router.wire.codec import DeadLetter
from router.wire.errors import InputError
from router.wire.repairs import Repair, Step, encode_repair
from router.wire.settings import Settings
from router.wire.topics import Names

_Ready = tuple[Repair, OutgoingRecord]
"""What was done about a dead letter so far, and the record that is to be sent."""


def redrive(
    ids: Ids = None,
    *,
    actor: Actor,
    why: Why,
    reason: Reason = None,
    network: OfNetwork = None,
    since: Since = None,
    until: Until = None,
    all_: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    force: Annotated[bool, typer.Option("--again", help="Letters that were redriven before, too.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Drive at most so many.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be driven where, and do nothing.")] = False,
    output: Output = "text",
) -> None:
    """Send rejected records to their own topic and partition again, with the repaired value if there is one.

    They pass the router like any record, so one that is in a case already is a counted no-op. Sending and noting it are
    one transaction. What was redriven before is skipped. Exit code 1 when some could not be driven.

    Example: grid-router dead-letters redrive --reason unknown-code --from -2d --actor li.wei --why "table corrected"
    """
    if all_ and (ids or any(one is not None for one in (reason, network, since, until))):
        raise InputError("--all stands beside other conditions", hint="give --all alone, or the conditions alone")
    chosen = (ids, reason, network, since, until)
    selection = selection_of(*chosen) if all_ else some_selection_of(*chosen, otherwise=", or --all")
    attribution = attribution_of(actor, why)
    settings = Settings()
    names = Names(settings.namespace)
    outcomes = Outcomes(*(("to drive", "to-drive") if dry_run else ("redriven", "redriven")), output, all_=dry_run)
    with ExitStack() as stack:
        reader, looker = (stack.enter_context(open_consumer(bootstrap(settings))) for _ in range(2))
        topic = find_topic(reader, DEAD_LETTERS, names)
        producer = (
            None if dry_run else stack.enter_context(open_redrive_producer(bootstrap(settings), settings.namespace))
        )
        repair_log = repair_log_of(looker, names)
        work = _Work(attribution, names, force, limit, looker, repair_log, outcomes)
        work.run(selected(reader, topic, selection, names), producer)
    outcomes.end("could not be driven")


class _Work(Struct, frozen=True):
    """Driving dead letters one portion after the other."""

    attribution: Attribution
    names: Names
    force: bool
    limit: int | None
    looker: KafkaConsumer
    repair_log: RepairLog
    outcomes: Outcomes

    def run(self, dead_letters: Iterable[DeadLetter], producer: RedriveProducer | None) -> None:
        """Drive the dead letters; without a desk only say where they would go."""
        for chunk in chunks(self._meant(dead_letters), self.repair_log.size):
            said = self.repair_log.of(dead_letter.id for dead_letter in chunk)
            ready: list[_Ready] = []
            for dead_letter in chunk:
                record = self._record(dead_letter, said[dead_letter.id])
                if isinstance(record, Rejection):
                    self.outcomes.failure(dead_letter.id, record)
                else:
                    ready.append((said[dead_letter.id], record))
            if producer is not None:
                self._drive(ready, producer)
            else:
                for repair, record in ready:
                    self.outcomes.success(repair.dead_letter, f"{record.topic}/{record.partition}")
            self.outcomes.progress()

    def _meant(self, dead_letters: Iterable[DeadLetter]) -> Iterable[DeadLetter]:
        """The dead letters to drive, each once, at most `limit`."""
        taken: set[str] = set()
        for dead_letter in dead_letters:
            if self.limit is not None and len(taken) >= self.limit:
                return
            if dead_letter.id in taken:
                continue  # a record that someone copied
            if self.repair_log.state(dead_letter.id) == "redriven" and not self.force:
                self.outcomes.skip(dead_letter.id)
                continue
            taken.add(dead_letter.id)
            yield dead_letter

    def _record(self, dead_letter: DeadLetter, said: Repair) -> OutgoingRecord | Rejection:
        astray = homeless(dead_letter, self.names)
        if astray is not None:
            return astray
        if dead_letter.partition not in (self.looker.partitions_for_topic(dead_letter.topic) or ()):
            reason = f"{dead_letter.topic}/{dead_letter.partition} does not exist; `grid-router topics apply CITY` makes the topics."
            return Rejection(code="no-partition", reason=reason)
        value = said.content or original(self.looker, dead_letter)
        if isinstance(value, Rejection):
            return value
        record = outgoing(dead_letter, value, self.attribution.actor, repaired=said.content is not None)
        return unfit(record) or record

    def _drive(self, ready: list[_Ready], producer: RedriveProducer) -> None:
        """Records and notes in one transaction; a note says where its record stands."""
        if not ready:
            return
        with producer.transaction():
            offsets = producer.send([record for _, record in ready])
            after = [self._after(*one, offset) for one, offset in zip(ready, offsets, strict=True)]
            encoded = [encode_repair(repair) for repair in after]
            places = producer.send([note(self.names, one) for one in encoded])
        for repair, place, (_, content, _) in zip(after, places, encoded, strict=True):
            self.repair_log.moved(repair, place, len(content))
            self.outcomes.success(repair.dead_letter, repair.steps[-1].to)

    def _after(self, said: Repair, record: OutgoingRecord, offset: int) -> Repair:
        """What is to be noted about a dead letter whose record stands at this offset."""
        return said.redriven(
            Step(
                done="redriven",
                actor=self.attribution.actor,
                why=self.attribution.why,
                at=self.attribution.at,
                sha256=None if record.value is None else sha256(record.value).hexdigest(),
                to=f"{record.topic}/{record.partition}/{offset}",
            )
        )
