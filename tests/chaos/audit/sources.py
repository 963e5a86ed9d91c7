"""Compares the networks' topics with the ledger: which records Kafka stores, and where."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from router.domain.intake.dedup import REFRESH_AFTER, DedupEntry
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.model.report import REPORTS_KEPT
from router.simulator.messages import RecordAddress
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.topics import Log, Record
from tests.chaos.ledger import NUMBER, Entry, Ledgered, Versions


class Sources(Struct, frozen=True):
    """Records on the networks' topics."""

    at: dict[RecordAddress, Entry]
    """By record address; a redelivery has one entry for each of its records."""
    dedup_index: dict[tuple[str, int], dict[str, DedupEntry]]
    """Expected dedup index: network and partition -> source id -> its entry."""
    latest: dict[str, DedupEntry]
    """Report id -> its latest entry. In a topic that has grown, the entry before it may be in another partition."""
    deleted: dict[str, list[str]]
    """Topic -> names by which the addresses of its deleted predecessors go, oldest first."""

    def place(self, address: RecordAddress, matches: Callable[[Entry], bool]) -> RecordAddress:
        """The address by which a record goes: a topic that was made again has the offsets of its predecessor again."""
        topic, *rest = address
        for name in self.deleted.get(topic, ()):
            entry = self.at.get((name, *rest))
            if entry is not None and matches(entry):
                return (name, *rest)
        return address


def settled(ledgered: Ledgered, log: Log) -> list[Entry]:
    """The entries after topics were deleted: records that went unread with their log say nothing, so others are first versions.

    A record of a deleted log was read if the workers committed a stored offset of that log behind it: outputs and stored offset are in
    one transaction.
    """
    unread = {one.number for one in ledgered.gone if one.offset >= log.position(one.topic, one.partition, one.topic_id)}
    networks = {ledgered.entries[one.number - 1].network for one in ledgered.gone}
    versions, entries = Versions(), list[Entry]()
    for entry in ledgered.entries:
        if entry.network not in networks:
            entries.append(entry)
        elif entry.number in unread:
            entries.append(replace(entry, outcome="unread", version=0, home=None))
        else:
            outcome, version, home = versions.expect(entry.report, entry.cell, entry.digest)
            entries.append(replace(entry, outcome=outcome, version=version, home=home))
    return entries


def sources(
    entries: Sequence[Entry],
    ledgered: Ledgered,
    log: Log,
    topics: Mapping[str, str],
    findings: Findings,
) -> Sources:
    """Read the networks' topics and compare them.

    Args:
        entries: settled.
        ledgered: everything of the ledger.
        log: of the deployment.
        topics: network -> name of its topic.
        findings: gets what differs.
    """
    found, kept = Sources({}, {}, {}, {}), ledgered.kept
    seen: Counter[int] = Counter()
    for gone in ledgered.gone:
        entry, name = entries[gone.number - 1], f"{gone.topic} {gone.topic_id}"
        seen[gone.number] += 1
        if name not in found.deleted.setdefault(gone.topic, []):
            found.deleted[gone.topic].append(name)
        if entry.outcome != "unread":
            found.at[name, gone.partition, gone.offset] = entry
            _update_entry(found, entry, gone.partition, gone.received_at)
    read: list[tuple[int, int, datetime]] = []
    for record in log.read(sorted(topics.values())):
        address: RecordAddress = (record.topic, record.partition, record.offset)
        number = number_of(record)
        if number is None or not 0 < number <= len(entries):
            findings.add("never sent", "/".join(map(str, address)))
            continue
        entry = entries[number - 1]
        seen[number] += 1
        found.at[address] = entry
        read.append((number, record.partition, received_of(record)))
        acknowledged = kept.get(number)
        if acknowledged is not None and acknowledged.offset >= 0 and acknowledged.address != address:
            findings.add("stored twice", entry.report)
    for number, partition, received in sorted(read):  # as sent: a report of a grown topic is in two partitions
        _update_entry(found, entries[number - 1], partition, received)
    findings.add("stored twice", *[entries[number - 1].report for number, times in seen.items() if times > 1])
    findings.add("acknowledged, not stored", *[entries[number - 1].report for number in kept if number not in seen])
    return found


def number_of(record: Record) -> int | None:
    """A record's number in the ledger."""
    return next((int(content) for name, content in record.headers if name == NUMBER), None)


def _update_entry(found: Sources, entry: Entry, partition: int, received: datetime) -> None:
    """Update the expected entry as docs/explanation/updates.md describes. A redelivery refreshes an entry after a day: when the broker's clock has jumped."""
    before = found.latest.get(entry.report)
    if entry.outcome == "redelivered" and before is not None and received - before.at >= REFRESH_AFTER:
        newer = replace(before, at=received)
    elif entry.outcome in {"case", "update"} and entry.home is not None:
        digests = (*(before.digests if before else ()), entry.digest)
        newer = DedupEntry(cell=entry.home, digests=digests, at=received)
    else:
        return
    found.latest[entry.report] = newer
    found.dedup_index.setdefault((entry.network, partition), {})[entry.source_id] = newer


def received_of(record: Record) -> datetime:
    """Receipt time from the header; the time of a broker whose clock is more than 30 days ahead of it (ADR 0013)."""
    header = next(content for name, content in record.headers if name == RECEIVED_AT)
    received = datetime.fromisoformat(header.decode())
    stored = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return stored if stored - received > REPORTS_KEPT else received
