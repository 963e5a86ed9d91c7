"""`grid-router dead-letters repair`: a new value for refused records, checked by the city's rules before it is kept."""

from collections.abc import Iterable
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from kafka import KafkaConsumer
from msgspec import Struct

from router.broker.server import bootstrap
from router.cities.folder import load_city
from router.cli.text.output import Output
from router.dead_letters.attribution import Actor, Outcomes, Signature, Why, signed
from router.dead_letters.patching import Patch, original, patch_of, patched, refusal_of
from router.dead_letters.producer import Desk, Outgoing, chunks, desk_of
from router.dead_letters.repair_log import Notes
from router.dead_letters.selection import (
    DEAD_LETTERS,
    Ids,
    OfNetwork,
    Reason,
    Since,
    Until,
    selected,
    some_selection_of,
)
from router.domain.model.report import Refusal
from router.domain.rules.city import City
from router.kafka.topic_reader import connect, find_topic
from router.wire.codec import DeadLetter, Encoded
from router.wire.errors import InputError, TopicError
from router.wire.repairs import LARGEST_BYTES, Repair, Step, encode_repair
from router.wire.settings import Settings
from router.wire.topics import Names

NO_NOTES = "`grid-router topics apply CITY` makes it"


def repair(
    ids: Ids = None,
    *,
    city: Annotated[str, typer.Option(help="Whose rules the new value must satisfy, e.g. `los-angeles`.")],
    actor: Actor,
    why: Why,
    patch: Annotated[str | None, typer.Option(help="RFC 6902 operations as JSON, or @FILE that holds them.")] = None,
    value: Annotated[
        Path | None, typer.Option(help="File with the whole new value, for one letter that is no JSON.")
    ] = None,
    reason: Reason = None,
    network: OfNetwork = None,
    since: Since = None,
    until: Until = None,
    again: Annotated[bool, typer.Option("--again", help="Letters that were driven again before, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and keep nothing.")] = False,
    output: Output = "text",
) -> None:
    """Give refused records a new value, by a JSON patch or whole from a file; then `redrive` sends it.

    Each new value is translated with the city's rules first. What would be refused again is named and not kept, and the
    exit code is 1. The refused record stays as it is; who changed what, when and why is kept beside it.

    Example: grid-router dead-letters repair --reason unknown-code --network policing --city los-angeles
    --patch '[{"op":"replace","path":"/bjlxdm","value":"1204"}]' --actor li.wei --why "code of the old table"
    """
    selection = some_selection_of(ids, reason, network, since, until, otherwise="")
    new = _new_value(patch, value, len(selection.ids))
    signature = signed(actor, why)
    settings = Settings()
    names, rules = Names(settings.namespace), load_city(city, settings.cities)
    outcomes = Outcomes("sound" if dry_run else "repaired", "sound" if dry_run else "repaired", output)
    with ExitStack() as stack:
        reader, looker = (stack.enter_context(connect(bootstrap(settings))) for _ in range(2))
        topic = find_topic(reader, DEAD_LETTERS, names)
        desk = None if dry_run else stack.enter_context(desk_of(bootstrap(settings), settings.namespace))
        notes = notes_of(looker, names)
        work = _Work(new, signature, rules, names, again, looker, notes, outcomes)
        work.run(selected(reader, topic, selection, names), desk)
    outcomes.end("would still be refused" + (" (nothing was kept: --dry-run)" if dry_run else ""))


def notes_of(consumer: KafkaConsumer, names: Names) -> Notes:
    """The notes, whose topic must be there. Raises TopicError."""
    notes = Notes(consumer, names)
    if not notes.exist:
        raise TopicError("there is no such topic", where=names.repairs, cure=NO_NOTES)
    return notes


def _new_value(patch: str | None, file: Path | None, ids: int) -> Patch | bytes:
    if (patch is None) == (file is None):
        raise InputError("either a patch or a value is needed", cure="give --patch JSON, --patch @FILE or --value FILE")
    if patch is not None:
        return patch_of(patch)
    if ids != 1:
        raise InputError("one value cannot be that of several records", where="--value", cure="give it with one id")
    try:
        return Path(file or "").read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(file), cure="name a readable file") from None


class _Work(Struct, frozen=True):
    """Repairing letters one portion after the other."""

    new: Patch | bytes
    signature: Signature
    city: City
    names: Names
    again: bool
    looker: KafkaConsumer
    notes: Notes
    outcomes: Outcomes

    def run(self, letters: Iterable[DeadLetter], desk: Desk | None) -> None:
        """Repair the letters; without a desk only look whether it could be done."""
        partitions = len(self.looker.partitions_for_topic(self.names.events) or ())
        for chunk in chunks(letters, self.notes.size):
            said = self.notes.of(letter.id for letter in chunk)
            made: dict[str, tuple[Repair, Encoded]] = {}
            for letter in chunk:
                repaired = self._repaired(letter, said[letter.id], partitions)
                if isinstance(repaired, Refusal):
                    self.outcomes.failure(letter.id, repaired)
                elif repaired is not None:
                    made[letter.id] = repaired
            if desk is not None and made:
                keep(desk, self.names, self.notes, list(made.values()))
            for id_ in made:
                self.outcomes.success(id_)
            self.outcomes.progress()

    def _repaired(self, letter: DeadLetter, said: Repair, partitions: int) -> tuple[Repair, Encoded] | Refusal | None:
        if said.state == "redriven" and not self.again:
            self.outcomes.skip(letter.id)
            return None
        value = self._value(letter)
        if isinstance(value, Refusal):
            return value
        wrong = refusal_of(letter, value, self.city, self.names, partitions)
        if wrong is not None:
            return wrong
        step = Step(
            done="repaired",
            actor=self.signature.actor,
            why=self.signature.why,
            at=self.signature.at,
            patch=None if isinstance(self.new, bytes) else self.new,
            sha256=sha256(value).hexdigest(),
        )
        repair = said.repaired(step, value)
        encoded = encode_repair(repair)
        if len(encoded[1]) > LARGEST_BYTES:
            reason = f"its history would have {len(encoded[1])} bytes, more than {LARGEST_BYTES}; repair it with a shorter patch."
            return Refusal(code="long-history", reason=reason)
        return repair, encoded

    def _value(self, letter: DeadLetter) -> bytes | Refusal:
        if isinstance(self.new, bytes):
            return self.new
        value = original(self.looker, letter)
        return value if isinstance(value, Refusal) else patched(letter, value, self.new)


def keep(desk: Desk, names: Names, notes: Notes, made: list[tuple[Repair, Encoded]]) -> None:
    """Write notes in one transaction."""
    with desk.transaction():
        offsets = desk.send([note(names, encoded) for _, encoded in made])
    for (repair, (_, content, _)), offset in zip(made, offsets, strict=True):
        notes.moved(repair, offset, len(content))


def note(names: Names, encoded: Encoded) -> Outgoing:
    """A note on its way to `grid.repairs`."""
    key, value, headers = encoded
    return Outgoing(topic=names.repairs, partition=0, key=key, value=value, headers=headers)
