"""Records of the grid stream that go to the dead letters, and who reads why."""

from typing import NamedTuple

from router.domain.intake.event_rejections import report_of_network
from router.domain.model.erasure import Erasure
from router.domain.model.feedback import SUPERVISION, Feedback
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report, Tick
from router.domain.rules.rule_sets import RuleSets
from router.kafka.record_batches import Writer
from router.stream.engine.processor import Record
from router.wire.codec import UNREADABLE, decode_event, encode_dead_letter
from router.wire.rejected_feedback import encode_rejected_feedback
from router.wire.rejections import encode_report_rejection
from router.wire.topic_names import Names
from router.wire.trace_context import TraceHeaders

NO_EVENT = (*UNREADABLE, ValueError, TypeError)
"""What decoding a record raises that is no event."""
ROUTER = "grid"
"""Value of the label `network` for records that no network sent."""


class Rejected(NamedTuple):
    """One of them."""

    record: Record
    rejection: Rejection
    event: Report | Tick | Feedback | Erasure | None = None
    """What the record says; None if it is no event."""

    def write(self, names: Names, rules: RuleSets, partition: int, trace: TraceHeaders, writer: Writer) -> None:
        """Write its dead letter, and a record for the network or the sender of feedback that it is from."""
        writer.add(names.dead_letters, partition, *encode_dead_letter(self.record, self.rejection, ROUTER))
        if isinstance(self.event, Feedback):
            if is_sender(self.event.sender, rules):
                key, value, headers = encode_rejected_feedback(self.event, self.rejection)
                writer.add(names.rejected_feedback(self.event.sender), 0, key, value, [*headers, *trace])
            return
        report = report_of_network(self.event, rules, names.reports)
        if report is not None:
            key, value, headers = encode_report_rejection(report, self.rejection)
            writer.add(names.rejections(report.network), 0, key, value, [*headers, *trace])


def is_sender(sender: str, rules: RuleSets) -> bool:
    """Whether the city has this sender of feedback, and so its topics: another program may write what it likes to `grid.events`."""
    return sender == SUPERVISION or rules.has_department(sender)


def event_of(record: Record) -> Report | Tick | Feedback | Erasure | None:
    """The event of a record; None if it is none."""
    try:
        return decode_event(record.headers, record.value)
    except NO_EVENT:
        return None
