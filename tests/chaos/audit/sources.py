"""The networks' topics against the ledger: what Kafka really keeps of what was sent, and where."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from router.domain.intake.dedup import DedupEntry as Memory
from router.domain.intake.normalise import RECEIVED_AT
from router.simulator.messages import RecordAddress
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.topics import Log, Record
from tests.chaos.ledger import NUMBER, Entry, Kept


class Sources(Struct, frozen=True):
    """What was kept."""

    at: dict[RecordAddress, Entry]
    """By the place at which Kafka keeps it; a redelivery stands here once for each of its records."""
    memory: dict[tuple[str, int], dict[str, Memory]]
    """What the workers must remember of each partition of a network: source id -> where it went, as which versions."""


def sources(
    entries: Sequence[Entry], kept: Mapping[int, Kept], log: Log, topics: Mapping[str, str], findings: Findings
) -> Sources:
    """Read the networks' topics and compare.

    Args:
        topics: network -> name of its topic.
    """
    found = Sources({}, {})
    seen: Counter[int] = Counter()
    for record in log.read(sorted(topics.values())):
        place: RecordAddress = (record.topic, record.partition, record.offset)
        number = number_of(record)
        if number is None or not 0 < number <= len(entries):
            findings.add("never sent", "/".join(map(str, place)))
            continue
        entry = entries[number - 1]
        seen[number] += 1
        found.at[place] = entry
        _remember(found.memory.setdefault((entry.network, record.partition), {}), entry, record)
        acknowledged = kept.get(number)
        if acknowledged is not None and acknowledged.offset >= 0 and acknowledged.place != place:
            findings.add("kept twice", entry.report)
    findings.add("kept twice", *[entries[number - 1].report for number, times in seen.items() if times > 1])
    findings.add("acknowledged, not kept", *[entries[number - 1].report for number in kept if number not in seen])
    return found


def number_of(record: Record) -> int | None:
    """A record's number in the ledger."""
    return next((int(content) for name, content in record.headers if name == NUMBER), None)


def _remember(memory: dict[str, Memory], entry: Entry, record: Record) -> None:
    """As docs/explanation/updates.md says; a day of sending the same again, after which it is remembered anew, is longer than a run."""
    if entry.outcome not in {"case", "update"} or entry.home is None:
        return
    before = memory.get(entry.source_id)
    digests = (*(before.digests if before else ()), entry.digest)
    memory[entry.source_id] = Memory(cell=entry.home, digests=digests, at=received_of(record))


def received_of(record: Record) -> datetime:
    """What the intake said."""
    said = next(content for name, content in record.headers if name == RECEIVED_AT)
    return datetime.fromisoformat(said.decode())
