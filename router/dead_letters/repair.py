"""`grid-router dead-letters repair`: a new value for rejected records, checked by the city's rules before it is kept."""

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
from router.dead_letters.attribution import Actor, Attribution, Outcomes, Why, attribution_of
from router.dead_letters.chunks import chunks
from router.dead_letters.patching import Patch, original, patch_of, patched, rejection_of
from router.dead_letters.redrive_producer import OutgoingRecord, RedriveProducer, open_redrive_producer
from router.dead_letters.repair_log import RepairLog
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
from router.domain.model.report import Rejection
from router.domain.rules.city import City
from router.kafka.blocking import open_consumer
from router.kafka.topic_reader import find_topic
from router.wire.codec import DeadLetter, Encoded
from router.wire.errors import InputError, TopicError
from router.wire.repairs import LARGEST_BYTES, Repair, Step, encode_repair
from router.wire.settings import Settings
from router.wire.topics import Names

NO_REPAIR_LOG = "`grid-router topics apply CITY` makes it"


def repair(
    ids: Ids = None,
    *,
    city: Annotated[str, typer.Option(help="Whose rules the new value must satisfy, e.g. `los-angeles`.")],
    actor: Actor,
    why: Why,
    patch: Annotated[str | None, typer.Option(help="RFC 6902 operations as JSON, or @FILE that holds them.")] = None,
    value: Annotated[
        Path | None, typer.Option(help="File with the whole new value, for one dead letter that is no JSON.")
    ] = None,
    reason: Reason = None,
    network: OfNetwork = None,
    since: Since = None,
    until: Until = None,
    force: Annotated[bool, typer.Option("--again", help="Letters that were redriven before, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and keep nothing.")] = False,
    output: Output = "text",
) -> None:
    """Give rejected records a new value, by a JSON patch or whole from a file; then `redrive` sends it.

    Each new value is translated with the city's rules first. What would be rejected again is named and not kept, and the
    exit code is 1. The rejected record stays as it is; who changed what, when and why is kept beside it.

    Example: grid-router dead-letters repair --reason unknown-code --network policing --city los-angeles
    --patch '[{"op":"replace","path":"/bjlxdm","value":"1204"}]' --actor li.wei --why "code of the old table"
    """
    selection = some_selection_of(ids, reason, network, since, until, otherwise="")
    new = _new_value(patch, value, len(selection.ids))
    attribution = attribution_of(actor, why)
    settings = Settings()
    names, rules = Names(settings.namespace), load_city(city, settings.cities)
    outcomes = Outcomes("sound" if dry_run else "repaired", "sound" if dry_run else "repaired", output)
    with ExitStack() as stack:
        reader, looker = (stack.enter_context(open_consumer(bootstrap(settings))) for _ in range(2))
        topic = find_topic(reader, DEAD_LETTERS, names)
        producer = (
            None if dry_run else stack.enter_context(open_redrive_producer(bootstrap(settings), settings.namespace))
        )
        repair_log = repair_log_of(looker, names)
        work = _Work(new, attribution, rules, names, force, looker, repair_log, outcomes)
        work.run(selected(reader, topic, selection, names), producer)
    outcomes.end("would still be rejected" + (" (nothing was kept: --dry-run)" if dry_run else ""))


def repair_log_of(consumer: KafkaConsumer, names: Names) -> RepairLog:
    """The notes, whose topic must be there. Raises TopicError."""
    repair_log = RepairLog(consumer, names)
    if not repair_log.exist:
        raise TopicError("there is no such topic", where=names.repairs, hint=NO_REPAIR_LOG)
    return repair_log


def _new_value(patch: str | None, file: Path | None, ids: int) -> Patch | bytes:
    if (patch is None) == (file is None):
        raise InputError("either a patch or a value is needed", hint="give --patch JSON, --patch @FILE or --value FILE")
    if patch is not None:
        return patch_of(patch)
    if ids != 1:
        raise InputError("one value cannot be that of several records", where="--value", hint="give it with one id")
    try:
        return Path(file or "").read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(file), hint="name a readable file") from None


class _Work(Struct, frozen=True):
    """Repairing dead letters one portion after the other."""

    new: Patch | bytes
    attribution: Attribution
    city: City
    names: Names
    force: bool
    looker: KafkaConsumer
    repair_log: RepairLog
    outcomes: Outcomes

    def run(self, dead_letters: Iterable[DeadLetter], producer: RedriveProducer | None) -> None:
        """Repair the dead letters; without a desk only look whether it could be done."""
        partitions = len(self.looker.partitions_for_topic(self.names.events) or ())
        for chunk in chunks(dead_letters, self.repair_log.size):
            said = self.repair_log.of(dead_letter.id for dead_letter in chunk)
            made: dict[str, tuple[Repair, Encoded]] = {}
            for dead_letter in chunk:
                repaired = self._repaired(dead_letter, said[dead_letter.id], partitions)
                if isinstance(repaired, Rejection):
                    self.outcomes.failure(dead_letter.id, repaired)
                elif repaired is not None:
                    made[dead_letter.id] = repaired
            if producer is not None and made:
                keep(producer, self.names, self.repair_log, list(made.values()))
            for id_ in made:
                self.outcomes.success(id_)
            self.outcomes.progress()

    def _repaired(
        self, dead_letter: DeadLetter, said: Repair, partitions: int
    ) -> tuple[Repair, Encoded] | Rejection | None:
        if said.state == "redriven" and not self.force:
            self.outcomes.skip(dead_letter.id)
            return None
        value = self._value(dead_letter)
        if isinstance(value, Rejection):
            return value
        wrong = rejection_of(dead_letter, value, self.city, self.names, partitions)
        if wrong is not None:
            return wrong
        step = Step(
            done="repaired",
            actor=self.attribution.actor,
            why=self.attribution.why,
            at=self.attribution.at,
            patch=None if isinstance(self.new, bytes) else self.new,
            sha256=sha256(value).hexdigest(),
        )
        repair = said.repaired(step, value)
        encoded = encode_repair(repair)
        if len(encoded[1]) > LARGEST_BYTES:
            reason = f"its history would have {len(encoded[1])} bytes, more than {LARGEST_BYTES}; repair it with a shorter patch."
            return Rejection(code="long-history", reason=reason)
        return repair, encoded

    def _value(self, dead_letter: DeadLetter) -> bytes | Rejection:
        if isinstance(self.new, bytes):
            return self.new
        value = original(self.looker, dead_letter)
        return value if isinstance(value, Rejection) else patched(dead_letter, value, self.new)


def keep(producer: RedriveProducer, names: Names, repair_log: RepairLog, made: list[tuple[Repair, Encoded]]) -> None:
    """Write notes in one transaction."""
    with producer.transaction():
        offsets = producer.send([note(names, encoded) for _, encoded in made])
    for (repair, (_, content, _)), offset in zip(made, offsets, strict=True):
        repair_log.moved(repair, offset, len(content))


def note(names: Names, encoded: Encoded) -> OutgoingRecord:
    """A note on its way to `grid.repairs`."""
    key, value, headers = encoded
    return OutgoingRecord(topic=names.repairs, partition=0, key=key, value=value, headers=headers)
