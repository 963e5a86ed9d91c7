"""The ledger: what must become of every report, written to a file before the report is produced.

One JSON array a line: `["sent", number, network, source id, outcome, version, cell, home, code, digest]` before producing,
`["kept", number, topic, partition, offset]` when Kafka has acknowledged it. A record carries its number in a header, so
that what Kafka holds is found again even when the acknowledgement was lost.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from router.domain.intake.dedup import digest_of
from router.domain.intake.normalise import normalise
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.simulator.messages import RecordAddress, SourceMessage
from tests.support.records import Record

NUMBER = "ledger-number"
"""Header of every record that is sent."""
Outcome = Literal["case", "update", "redelivered", "dead letter"]
"""What must become of a record: a report in one case; the next version of a report in one case; nothing at all; a dead letter."""


class Entry(Struct, frozen=True, gc=False, array_like=True, tag="sent"):
    """One record, before it is sent."""

    number: int
    network: str
    source_id: str
    outcome: Outcome
    version: int
    """Of the report, from 1; 0 when it is none."""
    cell: str | None
    """In which it must be; None when it is malformed."""
    home: str | None
    """Cell of its first version: the key of its event."""
    code: str | None
    """Of its dead letter."""
    digest: str
    """Of its bytes."""

    @property
    def report(self) -> str:
        """The id that the report must get."""
        return f"{self.network}:{self.source_id}"


class Kept(Struct, frozen=True, gc=False, array_like=True, tag="kept"):
    """Kafka has acknowledged a record; the offset is -1 when the answer left it out."""

    number: int
    topic: str
    partition: int
    offset: int

    @property
    def place(self) -> RecordAddress:
        """Where it stands."""
        return self.topic, self.partition, self.offset


class Ledger:
    """Writes what will be sent, with what must become of it, and what was acknowledged.

    The outcome is decided beforehand, in this process: the pure core says which bytes are a report and of which cell; which
    of them are new, another version or a redelivery follows from what was sent before.

    Args:
        path: of the file, which is made anew.
        city: its code tables and cells.
    """

    def __init__(self, path: Path, city: City) -> None:
        self._file, self._city = path.open("wb"), city
        self._encode = msgspec.json.Encoder().encode
        self._versions: dict[str, list[str]] = {}
        self._homes: dict[str, str] = {}
        self.sent = self.kept = 0

    def enter(self, messages: Sequence[SourceMessage]) -> list[Entry]:
        """Write down messages that will be sent in this order, at once; they are in the file when this returns."""
        became = self._judge(messages)
        entries = [self._entry(message, cell) for message, cell in zip(messages, became, strict=True)]
        self._file.write(b"".join([self._encode(entry) + b"\n" for entry in entries]))
        self._file.flush()
        return entries

    def acknowledge(self, number: int, topic: str, partition: int, offset: int) -> None:
        """Kafka has it."""
        self.kept += 1
        self._file.write(self._encode(Kept(number, topic, partition, offset)) + b"\n")

    def close(self) -> None:
        """Nothing more comes."""
        self._file.close()

    def _judge(self, messages: Sequence[SourceMessage]) -> list[tuple[str | None, str | None]]:
        """Of each message its cell, or the code of its rejection."""
        became: dict[int, tuple[str | None, str | None]] = {}
        for name in {message.network for message in messages}:
            records = [Record(value=m.value, offset=n) for n, m in enumerate(messages) if m.network == name]
            done = normalise(NETWORKS[name], records, self._city)
            became |= {report.provenance.offset: (report.location.cell, None) for report in done.reports}
            became |= {record.offset: (None, rejection.code) for record, rejection in done.rejections}
        return [became[number] for number in range(len(messages))]

    def _entry(self, message: SourceMessage, became: tuple[str | None, str | None]) -> Entry:
        cell, code = became
        digest = digest_of(message.value)
        outcome, version, home = self._expected(message.report, cell, digest)
        self.sent += 1
        return Entry(self.sent, message.network, message.source_id, outcome, version, cell, home, code, digest)

    def _expected(self, report: str, cell: str | None, digest: str) -> tuple[Outcome, int, str | None]:
        if cell is None:
            return "dead letter", 0, None
        versions, home = self._versions.setdefault(report, []), self._homes.setdefault(report, cell)
        if digest in versions:
            return "redelivered", 0, home
        versions.append(digest)
        return "case" if len(versions) == 1 else "update", len(versions), home


def read_ledger(path: Path) -> tuple[list[Entry], dict[int, Kept]]:
    """Everything that was sent, in order, and what was acknowledged of it, by number."""
    decode = msgspec.json.Decoder(Entry | Kept).decode
    entries: list[Entry] = []
    kept: dict[int, Kept] = {}
    with path.open("rb") as file:
        for line in file:
            one = decode(line)
            if isinstance(one, Entry):
                entries.append(one)
            else:
                kept[one.number] = one
    return entries, kept
