"""Compares the dead letters with the ledger, and the rejections that networks read with the dead letters."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from router.domain.intake.content import content_digest
from router.domain.model.report import Report
from router.simulator.messages import RecordAddress
from router.wire.codec import decode_event, read_dead_letter
from router.wire.rejected_feedback import FEEDBACK
from router.wire.rejections import decode_rejection
from router.wire.topic_names import Names
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.sources import Sources
from tests.chaos.audit.topics import Log
from tests.chaos.ledger import Entry


def check_dead_letters(known: Sources, *, log: Log, topic: str, findings: Findings) -> int:
    """Read the dead letters to the end, compare them, and return how many there are."""
    seen, sources = set[RecordAddress](), known.at
    for record in log.read([topic]):
        dead_letter = read_dead_letter(record.key, record.value, list(record.headers))
        if dead_letter.network == FEEDBACK:
            continue  # feedback.py compares it
        address = known.place(
            (dead_letter.topic, dead_letter.partition, dead_letter.offset),
            _is_of(content_digest(dead_letter.value or b""), seen, known),
        )
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


def _is_of(digest: str, seen: Collection[RecordAddress], known: Sources) -> Callable[[Entry], bool]:
    """Whether an entry of a deleted log is that of a dead letter with this content, which no dead letter was so far."""
    dead = {known.at[address].number for address in seen if address in known.at} if known.deleted else set()
    return lambda entry: entry.outcome == "dead letter" and entry.digest == digest and entry.number not in dead


def check_rejections(networks: Sequence[str], *, log: Log, names: Names, findings: Findings) -> None:
    """Check that each dead letter of a network's record or report has one record on `rejections.<network>`, with its code."""
    dead: Counter[tuple[str, int, int, str]] = Counter()
    sources = {names.reports(network) for network in networks}
    for record in log.read([names.dead_letters]):
        one = read_dead_letter(record.key, record.value, list(record.headers))
        if one.topic in sources:
            dead[one.topic, one.partition, one.offset, one.code] += 1
        elif one.topic == names.events and one.code != "not-an-event":
            event = decode_event(one.headers, one.value or b"")
            if isinstance(event, Report):
                source = event.provenance
                dead[source.topic, source.partition, source.offset, one.code] += 1
    found: Counter[tuple[str, int, int, str]] = Counter()
    for record in log.read([names.rejections(network) for network in networks], 0):
        rejected = decode_rejection(record.value)
        found[rejected.topic, rejected.partition, rejected.offset, rejected.code] += 1
    wrong = (dead - found) + (found - dead)
    findings.add(
        "rejection differs", *[f"{topic}/{partition}/{offset} {code}" for topic, partition, offset, code in wrong]
    )
