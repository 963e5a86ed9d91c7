"""A record of a network's topic, as the router's core sees it: the attributes of a Kafka record, without a Kafka client."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

RecordHeaders = Sequence[tuple[str, bytes | None]]
"""Names may repeat; a header may lack a value."""


class SourceRecord(Protocol):
    """The record as the consumer delivered it, never a copy."""

    @property
    def topic(self) -> str:
        """Name of the topic."""

    @property
    def partition(self) -> int:
        """Number of the partition, from 0."""

    @property
    def offset(self) -> int:
        """Offset in the partition."""

    @property
    def timestamp(self) -> int:
        """Kafka's time of the record, in milliseconds since 1970."""

    @property
    def key(self) -> bytes | None:
        """Key as bytes."""

    @property
    def value(self) -> bytes | None:
        """Value as bytes; None for a tombstone."""

    @property
    def headers(self) -> RecordHeaders:
        """Headers in their order."""


class PlainRecord(Struct, frozen=True, gc=False, kw_only=True):
    """A source record that no consumer delivered: a redriven dead letter, or a message of the simulator."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders


class UnreadableBatch(Struct, frozen=True, gc=False, kw_only=True):
    """A compressed batch that was not unpacked, in place of its records. As a source record it has neither key nor value."""

    topic: str
    partition: int
    offset: int
    """Of its last record."""
    first_offset: int
    timestamp: int
    why: str
    """Completes a sentence about the batch: `unpacks to more than 41943040 bytes`."""
    key: bytes | None = None
    value: bytes | None = None
    headers: RecordHeaders = ()

    @property
    def span(self) -> str:
        """Its offsets, for people."""
        return f"offsets {self.first_offset} to {self.offset}"
