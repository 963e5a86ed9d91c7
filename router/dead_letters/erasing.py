"""The dead letters that have the data of a person, and their repairs without it."""

from collections.abc import Iterable, Iterator

from kafka import KafkaConsumer
from msgspec import Struct

from router.dead_letters.actions import Attribution
from router.dead_letters.selection import DEAD_LETTERS, Selection, read_matching, report_id_of
from router.domain.model.feedback import Feedback
from router.domain.model.identity import INCIDENT_MARK
from router.domain.model.report import Report
from router.kafka.topic_lookup import find_topic
from router.kafka.topic_reader import bounds_since
from router.wire.codec import UNREADABLE, DeadLetter, decode_event
from router.wire.rejected_feedback import FEEDBACK
from router.wire.repairs import Repair, Step
from router.wire.topic_names import Names

SourceId = tuple[str, str]
"""Network, and the network's own id of a report."""


class Subject(Struct, frozen=True, kw_only=True):
    """Reports, and perhaps a case, whose dead letters a command looks for."""

    reports: frozenset[SourceId]
    case: str | None = None
    """Id of a case: feedback about its tasks, too."""

    def has(self, dead_letter: DeadLetter) -> bool:
        """Whether a dead letter is of one of the reports, or of feedback about the case. One that cannot be read has it in its key."""
        if dead_letter.network == FEEDBACK:
            return self._is_task((dead_letter.key or b"").decode(errors="replace"))
        if (dead_letter.network, report_id_of(dead_letter)) in self.reports:
            return True
        if (dead_letter.network, (dead_letter.key or b"").decode(errors="replace")) in self.reports:
            return True
        return self._is_event(dead_letter)

    def _is_event(self, dead_letter: DeadLetter) -> bool:
        """Whether it is a record of the grid stream about one of them."""
        try:
            event = decode_event(dead_letter.headers, dead_letter.value or b"")
        except (*UNREADABLE, ValueError, TypeError):
            return False
        if isinstance(event, Report):
            return (event.network, event.source_id) in self.reports
        return isinstance(event, Feedback) and self._is_task(event.task)

    def _is_task(self, text: str) -> bool:
        return self.case is not None and text.rpartition(".")[0] == self.case


def source_id(report_id: str) -> SourceId:
    """`policing@20260101T000000Z:J1` -> (`policing`, `J1`)."""
    network, _, id_ = report_id.partition(":")
    return network.partition(INCIDENT_MARK)[0], id_


def find(consumer: KafkaConsumer, names: Names, subject: Subject) -> list[DeadLetter]:
    """The dead letters, each once. All that the topic still has are read.

    Raises:
        TopicError: the topic does not exist.
        BrokerError: Kafka does not answer.
    """
    topic = find_topic(consumer, DEAD_LETTERS, names)
    found = _read(consumer, topic, subject)
    return list({one.id: one for one in found}.values())


def _read(consumer: KafkaConsumer, topic: str, subject: Subject) -> Iterator[DeadLetter]:
    for dead_letter in read_matching(consumer, bounds_since(consumer, topic), Selection()):
        if dead_letter is not None and subject.has(dead_letter):
            yield dead_letter


def erased(repairs: Iterable[Repair], attribution: Attribution) -> list[Repair]:
    """The repairs without data of a person. Nothing is done with their dead letters any more."""
    step = Step(done="erased", actor=attribution.actor, why=attribution.why, at=attribution.at)
    return [repair.erased(step) for repair in repairs]
