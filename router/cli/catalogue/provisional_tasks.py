"""How many running deadlines a calendar moves: said to the publisher before it is published."""

from collections.abc import Mapping

from router.domain.lifecycle.stages import is_live
from router.kafka.blocking import open_consumer
from router.kafka.topic_lookup import find_topic
from router.kafka.topic_reader import bounds_since, read_range
from router.wire.codec import decode_case, is_row
from router.wire.topic_names import Names

_MARK = b'_provisional":true'


def moves_deadlines(texts: Mapping[str, str], before: Mapping[str, str]) -> bool:
    """Whether the calendar differs from that of the last publication.

    Args:
        texts: the files of the rule set by their names.
        before: those of the last publication.
    """
    return _calendar(texts) != _calendar(before)


def _calendar(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name.startswith("calendar/")}


def provisional_tasks(address: str, names: Names) -> int:
    """How many running tasks have a provisional deadline, by the table of cases as it is now."""
    found: dict[bytes, int] = {}
    with open_consumer(address) as consumer:
        topic = find_topic(consumer, names.cases, names)
        for record in read_range(consumer, bounds_since(consumer, topic)):
            if not is_row(list(record.headers), record.value):
                continue
            found.pop(record.key, None)
            if record.value is not None and _MARK in record.value:
                case = decode_case(record.value)
                found[record.key] = sum(
                    [(one.due_provisional or one.wait_provisional) and is_live(one) for one in case.assignments]
                )
    return sum(found.values())
