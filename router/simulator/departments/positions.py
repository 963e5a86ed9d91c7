"""How far the router has read what was sent: by its stored offsets, which commit with the outputs."""

from typing import Any

from router.wire.stored_offsets import STORED_OFFSET_KEY, decode_stored_offset
from router.wire.topic_names import Names

Place = tuple[str, int]
"""Topic and partition."""


class ReadProgress:
    """What was sent, and what the router has stored about it.

    Args:
        names: topic names of the deployment.
        networks: whose reports are sent.
    """

    def __init__(self, names: Names, networks: list[str]) -> None:
        self._names = names
        self._sources = {names.dedup_index(network): names.reports(network) for network in networks}
        self._sources[names.offsets] = names.events
        self._sent: dict[Place, int] = {}
        """Offset of the last record that was sent to an input partition, or that the grid stream has."""
        self._read: dict[Place, int] = {}
        """The next offset that the router reads."""

    @property
    def topics(self) -> list[str]:
        """The topics whose records `note` takes."""
        return [*self._sources, self._names.feedback_offsets, self._names.events]

    def sent(self, topic: str, partition: int, offset: int) -> None:
        """Kafka has acknowledged a record."""
        self._sent[topic, partition] = max(offset, self._sent.get((topic, partition), -1))

    def note(self, record: Any) -> None:
        """Take a record of one of `topics`."""
        if record.topic == self._names.events:
            self.sent(record.topic, record.partition, record.offset)
        elif record.topic == self._names.feedback_offsets:
            topic, _, number = record.key.decode().rpartition("/")
            self._read[topic, int(number)] = decode_stored_offset(record.value).offset
        elif record.key == STORED_OFFSET_KEY:
            self._read[self._sources[record.topic], record.partition] = decode_stored_offset(record.value).offset

    def all_read(self, *, events: bool) -> bool:
        """Whether the router has read all that was sent.

        Args:
            events: True for the grid stream, False for the topics of networks and of feedback.
        """
        return all(
            self._read.get(place, 0) > offset
            for place, offset in self._sent.items()
            if (place[0] == self._names.events) == events
        )
