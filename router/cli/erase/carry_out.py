"""Carries an erasure out: the event for the fold, the archive, the journal, and the repairs."""

import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from router.cli.erase.plan import Found
from router.dead_letters.actions import Attribution
from router.dead_letters.erasing import erased
from router.dead_letters.redrive_producer import OutgoingRecord, RedriveProducer
from router.dead_letters.repair_log import RepairLog
from router.domain.case.erasure import erased_archived, has_data
from router.domain.explanation.case_life import CaseLife
from router.domain.lifecycle.journal import has_new_words, without_words
from router.domain.model.erasure import Erasure
from router.domain.model.transition import Transition
from router.wire.codec import encode_archived, encode_erasure, encode_transition
from router.wire.topic_names import Names

FOLD_S = 60.0
"""How long to wait until a worker has folded the request."""
LOOK_S = 0.5
Encoded = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]


class CarryOut(Struct, frozen=True, kw_only=True):
    """One erasure. Every step may be repeated: what was done is not done again.

    Args:
        names: of the topics.
        producer: open. No other command writes repairs or the archive meanwhile.
        repair_log: of the dead letters.
        look: reads the case again.
    """

    names: Names
    producer: RedriveProducer
    repair_log: RepairLog
    look: Callable[[], CaseLife]

    def run(self, found: Found, attribution: Attribution) -> bool:
        """Do all that is left. False if no worker has folded the request in time; the rest is done then all the same.

        Raises:
            KafkaError: it failed.
            TimeoutError: Kafka does not answer.
        """
        life, erasure, folded = found.life, found.erasure, True
        if life is not None and erasure is not None and found.asks_case:
            if not life.archived:
                self._write([self._record(self.names.events, life.partition, encode_erasure(erasure))])
                life = self._folded(life, erasure)
            folded = not _is_open(life, erasure) or life.archived
            if life.archived and _is_open(life, erasure):
                self._write_archived(life, erasure)
                life = self.look()
        if life is not None:
            self._write_journal(life, without_words(life.transitions))
        repairs = erased(found.repairs, attribution)
        if repairs:
            with self.producer.transaction():
                self.repair_log.append(self.producer, repairs)
        return folded

    def _folded(self, life: CaseLife, erasure: Erasure) -> CaseLife:
        """The case after a worker has folded the request, or as it is when the time is over. It may be archived meanwhile."""
        until = time.monotonic() + FOLD_S
        while time.monotonic() < until and not life.archived and _is_open(life, erasure):
            time.sleep(LOOK_S)
            life = self.look()
        return life

    def _write_archived(self, life: CaseLife, erasure: Erasure) -> None:
        """Nothing but this changes an archived case."""
        case = replace(life.case)
        made = erased_archived(case, erasure)
        records = [self._record(self.names.archive, life.partition, encode_archived(case, erasure.at))]
        self._write([*records, *self._journal(life, made)])

    def _write_journal(self, life: CaseLife, transitions: list[Transition]) -> None:
        if transitions:
            self._write(self._journal(life, transitions))

    def _journal(self, life: CaseLife, transitions: list[Transition]) -> list[OutgoingRecord]:
        key = life.case.partition_key
        return [
            self._record(self.names.transitions, life.partition, encode_transition(one, key)) for one in transitions
        ]

    def _record(self, topic: str, partition: int, encoded: Encoded) -> OutgoingRecord:
        key, value, headers = encoded
        return OutgoingRecord(topic=topic, partition=partition, key=key, value=value, headers=headers)

    def _write(self, records: list[OutgoingRecord]) -> None:
        with self.producer.transaction():
            self.producer.send(records)


def _is_open(life: CaseLife, erasure: Erasure) -> bool:
    """Whether the case, or its journal since the last request, has something."""
    return has_data(life.case, erasure) or has_new_words(life.transitions)
