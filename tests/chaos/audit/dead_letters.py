"""Compares the dead letters with the ledger."""

from collections.abc import Mapping

from router.domain.intake.content import content_digest
from router.simulator.messages import RecordAddress
from router.wire.codec import read_dead_letter
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.topics import Log
from tests.chaos.ledger import Entry


def check_dead_letters(sources: Mapping[RecordAddress, Entry], *, log: Log, topic: str, findings: Findings) -> int:
    """Read the dead letters to the end, compare them, and return how many there are."""
    seen: set[RecordAddress] = set()
    for record in log.read([topic]):
        dead_letter = read_dead_letter(record.key, record.value, list(record.headers))
        address = (dead_letter.topic, dead_letter.partition, dead_letter.offset)
        entry = sources.get(address)
        if entry is None:
            findings.add("never sent", dead_letter.id)
            continue
        if address in seen:
            findings.add("dead letter twice", dead_letter.id)
        seen.add(address)
        wrong_code = entry.outcome != "dead letter" or dead_letter.code != entry.code
        if wrong_code or not dead_letter.reason.strip() or content_digest(dead_letter.value or b"") != entry.digest:
            findings.add("wrong dead letter", f"{dead_letter.id} {dead_letter.code}")
    dead = {address: entry for address, entry in sources.items() if entry.outcome == "dead letter"}
    findings.add("lost", *[f"{entry.report} of {address}" for address, entry in dead.items() if address not in seen])
    return len(seen)
