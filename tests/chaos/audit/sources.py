"""Compares the networks' topics with the ledger: which records Kafka stores, and where."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from router.domain.intake.dedup import DedupEntry
from router.domain.intake.normalise import RECEIVED_AT
from router.simulator.messages import RecordAddress
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.topics import Log, Record
from tests.chaos.ledger import NUMBER, Entry, Kept


class Sources(Struct, frozen=True):
    """Records on the networks' topics."""

    at: dict[RecordAddress, Entry]
    """By record address; a redelivery has one entry for each of its records."""
    dedup_index: dict[tuple[str, int], dict[str, DedupEntry]]
    """Expected dedup index: network and partition -> source id -> its entry."""


def sources(
    entries: Sequence[Entry], kept: Mapping[int, Kept], log: Log, topics: Mapping[str, str], findings: Findings
) -> Sources:
    """Read the networks' topics and compare them.

    Args:
        topics: network -> name of its topic.
    """
    found = Sources({}, {})
    seen: Counter[int] = Counter()
    for record in log.read(sorted(topics.values())):
        address: RecordAddress = (record.topic, record.partition, record.offset)
        number = number_of(record)
        if number is None or not 0 < number <= len(entries):
            findings.add("never sent", "/".join(map(str, address)))
            continue
        entry = entries[number - 1]
        seen[number] += 1
        found.at[address] = entry
        _update_entry(found.dedup_index.setdefault((entry.network, record.partition), {}), entry, record)
        acknowledged = kept.get(number)
        if acknowledged is not None and acknowledged.offset >= 0 and acknowledged.address != address:
            findings.add("stored twice", entry.report)
    findings.add("stored twice", *[entries[number - 1].report for number, times in seen.items() if times > 1])
    findings.add("acknowledged, not stored", *[entries[number - 1].report for number in kept if number not in seen])
    return found


def number_of(record: Record) -> int | None:
    """A record's number in the ledger."""
    return next((int(content) for name, content in record.headers if name == NUMBER), None)


def _update_entry(entries: dict[str, DedupEntry], entry: Entry, record: Record) -> None:
    """Update the expected entry as docs/explanation/updates.md describes. Entries are refreshed after a day, longer than a run."""
    if entry.outcome not in {"case", "update"} or entry.home is None:
        return
    before = entries.get(entry.source_id)
    digests = (*(before.digests if before else ()), entry.digest)
    entries[entry.source_id] = DedupEntry(cell=entry.home, digests=digests, at=received_of(record))


def received_of(record: Record) -> datetime:
    """Receipt time from the header."""
    header = next(content for name, content in record.headers if name == RECEIVED_AT)
    return datetime.fromisoformat(header.decode())
