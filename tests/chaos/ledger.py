"""The ledger: the expected outcome of every report, written to a file before the report is produced.

One JSON array a line: `["sent", number, network, source id, outcome, version, cell, home, code, digest]` before producing,
`["kept", number, topic, partition, offset]` when Kafka has acknowledged it, and `["gone", number, topic, topic id, partition,
offset, received]` when its topic is deleted. A record carries its number in a header, so
the audit finds it in Kafka even when the acknowledgement was lost.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from router.domain.intake.content import content_digest
from router.domain.intake.normalise import normalise
from router.domain.model.rejection import RejectionCode
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.simulator.messages import RecordAddress, SourceMessage
from router.wire.private_files import open_private
from tests.support.records import Record

NUMBER = "ledger-number"
"""Header with the ledger number; every record has it."""
WRONG_KEY: RejectionCode = "wrong-key"
"""A record whose key is not the id of its report, or that has none (ADR 0013)."""
Outcome = Literal["case", "update", "redelivered", "dead letter", "unread"]
"""Expected outcome of a record: a report in one case; the next version of a report in one case; no output; a dead letter; nothing,
because its log was deleted before the router had read it. The last one is found out by the audit."""


class Entry(Struct, frozen=True, gc=False, array_like=True, tag="sent"):
    """One record, before it is sent."""

    number: int
    network: str
    source_id: str
    outcome: Outcome
    version: int
    """Version of the report, from 1; 0 when the record is no new version."""
    cell: str | None
    """The cell that the router must assign; None when the record is malformed."""
    home: str | None
    """Cell of its first version: the key of its event."""
    code: str | None
    """Rejection code of its dead letter."""
    digest: str
    """Digest of its content."""

    @property
    def report(self) -> str:
        """The report id that the router must assign."""
        return f"{self.network}:{self.source_id}"


class Kept(Struct, frozen=True, gc=False, array_like=True, tag="kept"):
    """Kafka has acknowledged a record; the offset is -1 when the response has none."""

    number: int
    topic: str
    partition: int
    offset: int

    @property
    def address(self) -> RecordAddress:
        """Topic, partition and offset."""
        return self.topic, self.partition, self.offset


class Gone(Struct, frozen=True, gc=False, array_like=True, tag="gone"):
    """Where a record was in a log that was deleted. Written before the topic is made again, while nothing is sent."""

    number: int
    topic: str
    topic_id: str
    """Of the deleted topic."""
    partition: int
    offset: int
    received_at: datetime
    """From its header."""


class Ledgered(NamedTuple):
    """What a ledger's file holds."""

    entries: list[Entry]
    """Index = number - 1."""
    kept: dict[int, Kept]
    """Acknowledgements by number."""
    gone: Sequence[Gone] = ()
    """Records of deleted logs, log by log and in the order of each partition."""


class Resolved(NamedTuple):
    """What the pure core makes of a message alone."""

    cell: str | None
    """None when it is rejected."""
    code: str | None
    """Of the rejection."""
    digest: str
    """Of its content: as the dedup index has it, or of the value of a rejected record."""


def _wrong_key(message: SourceMessage) -> Resolved:
    return Resolved(None, WRONG_KEY, content_digest(message.value))


class Ledger:
    """Writes each message with its expected outcome, and each acknowledgement.

    The expected outcome is decided in this process before sending. The pure core decides which bytes are a report, and of
    which cell. The messages sent before decide whether a report is new, another version or a redelivery.

    Args:
        path: of the file, which is overwritten.
        city: provides code tables and cells.
    """

    def __init__(self, path: Path, city: City) -> None:
        self._file, self._city = open_private(path, "wb"), city
        self._encode = msgspec.json.Encoder().encode
        self._versions = Versions()
        self.source_ids: list[str] = []
        """Of every message; index = number - 1."""
        self.sent = self.kept = 0

    def enter(self, messages: Sequence[SourceMessage], keys: Sequence[bytes | None] | None = None) -> list[Entry]:
        """Write entries for messages that are sent next, in this order. Flushes the file.

        Args:
            messages: of any networks.
            keys: of their records; None when each has its own id.
        """
        own = [message.source_id.encode() for message in messages]
        rows = zip(messages, keys or own, own, self._resolve(messages), strict=True)
        entries = [
            self._entry(message, resolved if key == id_ or resolved.cell is None else _wrong_key(message))
            for message, key, id_, resolved in rows
        ]
        self.source_ids += [message.source_id for message in messages]
        self._file.write(b"".join([self._encode(entry) + b"\n" for entry in entries]))
        self._file.flush()
        return entries

    def acknowledge(self, number: int, topic: str, partition: int, offset: int) -> None:
        """Write that Kafka has acknowledged the record."""
        self.kept += 1
        self._file.write(self._encode(Kept(number, topic, partition, offset)) + b"\n")

    def topic_deleted(self, records: Iterable[Gone]) -> None:
        """Write where every record of a log was that is deleted now. Flushes the file."""
        self._file.write(b"".join([self._encode(one) + b"\n" for one in records]))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _resolve(self, messages: Sequence[SourceMessage]) -> list[Resolved]:
        """What becomes of each message, whatever came before."""
        resolved: dict[int, Resolved] = {}
        for name in {message.network for message in messages}:
            records = [Record(value=m.value, offset=n) for n, m in enumerate(messages) if m.network == name]
            done = normalise(NETWORKS[name], records, self._city)
            for report, said in zip(done.reports, done.said, strict=True):
                resolved[report.provenance.offset] = Resolved(report.location.cell, None, said.content)
            for record, rejection in done.rejections:
                digest = content_digest(messages[record.offset].value)
                resolved[record.offset] = Resolved(None, rejection.code, digest)
        return [resolved[number] for number in range(len(messages))]

    def _entry(self, message: SourceMessage, resolved: Resolved) -> Entry:
        cell, code, digest = resolved
        outcome, version, home = self._versions.expect(message.report, cell, digest)
        self.sent += 1
        return Entry(self.sent, message.network, message.source_id, outcome, version, cell, home, code, digest)


class Versions:
    """Decides what a record is by the records that were sent before it: a report, its next version, or a redelivery."""

    def __init__(self) -> None:
        self._digests: dict[str, list[str]] = {}
        self._homes: dict[str, str] = {}

    def expect(self, report: str, cell: str | None, digest: str) -> tuple[Outcome, int, str | None]:
        """Outcome, version and home cell of the next record of a report.

        Args:
            report: id of the report.
            cell: of this record; None when the record is rejected.
            digest: of its content.
        """
        if cell is None:
            return "dead letter", 0, None
        digests, home = self._digests.setdefault(report, []), self._homes.setdefault(report, cell)
        if digests and digest == digests[-1]:
            return "redelivered", 0, home
        digests.append(digest)
        return "case" if len(digests) == 1 else "update", len(digests), home


def read_ledger(path: Path) -> Ledgered:
    """Everything that the file holds, in its order."""
    decode = msgspec.json.Decoder(Entry | Kept | Gone).decode
    entries: list[Entry] = []
    kept: dict[int, Kept] = {}
    gone: list[Gone] = []
    with path.open("rb") as file:
        for line in file:
            one = decode(line)
            if isinstance(one, Entry):
                entries.append(one)
            elif isinstance(one, Kept):
                kept[one.number] = one
            else:
                gone.append(one)
    return Ledgered(entries, kept, gone)
