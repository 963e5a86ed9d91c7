"""Checks a new value of a dead letter with the rules that the router will apply to it."""

from router.dead_letters.actions import ActionFailure
from router.dead_letters.redrive_record import foreign_topic, headers_again, record_of
from router.domain.feedback.reading import read_feedback
from router.domain.intake.normalise import normalise
from router.domain.intake.rejections import printable
from router.domain.model.feedback import Feedback
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.wire.codec import UNREADABLE, DeadLetter, decode_event
from router.wire.partitioning import partition_for_cell
from router.wire.topic_names import Names


def rejection_of(
    dead_letter: DeadLetter, value: bytes, city: City, names: Names, partitions: int
) -> ActionFailure | Rejection | None:
    """Why the router would reject this value; None when it would accept it.

    Args:
        dead_letter: whose value is replaced.
        value: the new one.
        city: whose rules apply.
        names: of the deployment's topics.
        partitions: of `grid.events`.
    """
    foreign = foreign_topic(dead_letter, names)
    if foreign is not None:
        return foreign
    if dead_letter.topic == names.events:
        return _event_failure(dead_letter, value, partitions)
    record = record_of(dead_letter, value, headers_again(dead_letter, repaired=True))
    sender = names.sender_of(dead_letter.topic)
    if sender is not None:
        read = read_feedback(record, sender)
        return read if isinstance(read, Rejection) else None
    if dead_letter.network not in city.codes:
        reason = f"the city {city.name} does not have the network {dead_letter.network}; name the record's own city with --city."
        return ActionFailure(code="unknown-network", reason=reason)
    rejections = normalise(NETWORKS[dead_letter.network], [record], city).rejections
    return rejections[0][1] if rejections else None


def _event_failure(dead_letter: DeadLetter, value: bytes, partitions: int) -> ActionFailure | None:
    try:
        event = decode_event(dead_letter.headers, value)
    except (*UNREADABLE, ValueError, TypeError) as error:
        reason = f"still not an event of the grid stream ({printable(str(error), 160)}); send the network's own record again instead."
        return ActionFailure(code="not-an-event", reason=reason)
    key = event.partition_key if isinstance(event, Feedback) else None
    if isinstance(event, Report) and event.version == 1:
        # a later version is in the partition of the first one, whatever its cell
        key = event.location.cell
    if key is not None and partition_for_cell(key.encode(), partitions) != dead_letter.partition:
        reason = "its cell belongs to another partition, where this record cannot go; send the network's own record again instead."
        return ActionFailure(code="other-partition", reason=reason)
    return None
