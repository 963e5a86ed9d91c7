"""`grid-router dead-letters redrive`: refused records are sent to their own topic once more, together with a note of it."""

from collections.abc import Iterable
from contextlib import ExitStack
from hashlib import sha256
from typing import Annotated

import typer
from kafka import KafkaConsumer
from msgspec import Struct

from router.broker.server import bootstrap
from router.cli.text.output import Output
from router.dead_letters.attribution import Actor, Outcomes, Signature, Why, signed
from router.dead_letters.patching import original
from router.dead_letters.producer import Desk, Outgoing, chunks, desk_of
from router.dead_letters.redrive_record import homeless, outgoing, unfit
from router.dead_letters.repair import note, notes_of
from router.dead_letters.repair_log import Notes
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
from router.domain.model.report import Refusal
from router.kafka.topic_reader import connect, find_topic
from router.wire.codec import DeadLetter
from router.wire.errors import InputError
from router.wire.repairs import Repair, Step, encode_repair
from router.wire.settings import Settings
from router.wire.topics import Names

_Ready = tuple[Repair, Outgoing]
"""What was done about a letter so far, and the record that is to be sent."""


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
    again: Annotated[bool, typer.Option("--again", help="Letters that were driven again before, too.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Drive at most so many.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be driven where, and do nothing.")] = False,
    output: Output = "text",
) -> None:
    """Send refused records to their own topic and partition again, with the repaired value if there is one.

    They pass the router like any record, so one that is in a case already is a counted no-op. Sending and noting it are
    one transaction. What was driven again before is skipped. Exit code 1 when some could not be driven.

    Example: grid-router dead-letters redrive --reason unknown-code --from -2d --actor li.wei --why "table corrected"
    """
    if all_ and (ids or any(one is not None for one in (reason, network, since, until))):
        raise InputError("--all stands beside other conditions", cure="give --all alone, or the conditions alone")
    chosen = (ids, reason, network, since, until)
    selection = selection_of(*chosen) if all_ else some_selection_of(*chosen, otherwise=", or --all")
    signature = signed(actor, why)
    settings = Settings()
    names = Names(settings.namespace)
    outcomes = Outcomes(*(("to drive", "to-drive") if dry_run else ("driven again", "redriven")), output, all_=dry_run)
    with ExitStack() as stack:
        reader, looker = (stack.enter_context(connect(bootstrap(settings))) for _ in range(2))
        topic = find_topic(reader, DEAD_LETTERS, names)
        desk = None if dry_run else stack.enter_context(desk_of(bootstrap(settings), settings.namespace))
        notes = notes_of(looker, names)
        work = _Work(signature, names, again, limit, looker, notes, outcomes)
        work.run(selected(reader, topic, selection, names), desk)
    outcomes.end("could not be driven")


class _Work(Struct, frozen=True):
    """Driving letters one portion after the other."""

    signature: Signature
    names: Names
    again: bool
    limit: int | None
    looker: KafkaConsumer
    notes: Notes
    outcomes: Outcomes

    def run(self, letters: Iterable[DeadLetter], desk: Desk | None) -> None:
        """Drive the letters; without a desk only say where they would go."""
        for chunk in chunks(self._meant(letters), self.notes.size):
            said = self.notes.of(letter.id for letter in chunk)
            ready: list[_Ready] = []
            for letter in chunk:
                record = self._record(letter, said[letter.id])
                if isinstance(record, Refusal):
                    self.outcomes.failure(letter.id, record)
                else:
                    ready.append((said[letter.id], record))
            if desk is not None:
                self._drive(ready, desk)
            else:
                for repair, record in ready:
                    self.outcomes.success(repair.letter, f"{record.topic}/{record.partition}")
            self.outcomes.progress()

    def _meant(self, letters: Iterable[DeadLetter]) -> Iterable[DeadLetter]:
        """The letters to drive, each once, at most `limit`."""
        taken: set[str] = set()
        for letter in letters:
            if self.limit is not None and len(taken) >= self.limit:
                return
            if letter.id in taken:
                continue  # a record that someone copied
            if self.notes.state(letter.id) == "redriven" and not self.again:
                self.outcomes.skip(letter.id)
                continue
            taken.add(letter.id)
            yield letter

    def _record(self, letter: DeadLetter, said: Repair) -> Outgoing | Refusal:
        astray = homeless(letter, self.names)
        if astray is not None:
            return astray
        if letter.partition not in (self.looker.partitions_for_topic(letter.topic) or ()):
            reason = (
                f"{letter.topic}/{letter.partition} does not exist; `grid-router topics apply CITY` makes the topics."
            )
            return Refusal(code="no-partition", reason=reason)
        value = said.content or original(self.looker, letter)
        if isinstance(value, Refusal):
            return value
        record = outgoing(letter, value, self.signature.actor, repaired=said.content is not None)
        return unfit(record) or record

    def _drive(self, ready: list[_Ready], desk: Desk) -> None:
        """Records and notes in one transaction; a note says where its record stands."""
        if not ready:
            return
        with desk.transaction():
            offsets = desk.send([record for _, record in ready])
            after = [self._after(*one, offset) for one, offset in zip(ready, offsets, strict=True)]
            encoded = [encode_repair(repair) for repair in after]
            places = desk.send([note(self.names, one) for one in encoded])
        for repair, place, (_, content, _) in zip(after, places, encoded, strict=True):
            self.notes.moved(repair, place, len(content))
            self.outcomes.success(repair.letter, repair.steps[-1].to)

    def _after(self, said: Repair, record: Outgoing, offset: int) -> Repair:
        """What is to be noted about a letter whose record stands at this offset."""
        return said.redriven(
            Step(
                done="redriven",
                actor=self.signature.actor,
                why=self.signature.why,
                at=self.signature.at,
                sha256=None if record.value is None else sha256(record.value).hexdigest(),
                to=f"{record.topic}/{record.partition}/{offset}",
            )
        )
