"""Compares the dedup index (`grid.dedup.<network>`) with the networks' topics."""

from collections.abc import Mapping

from router.domain.intake.dedup import DedupEntry
from router.wire.codec import decode_dedup_entry
from router.wire.stored_offsets import STORED_OFFSET_KEY
from router.wire.topic_names import Names
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.topics import Log


def _compared(entry: DedupEntry) -> DedupEntry:
    """What the ledger can know of an entry: not the times that the source itself names."""
    return DedupEntry(cell=entry.cell, digests=entry.digests, at=entry.at)


def check_dedup_index(
    wanted: Mapping[tuple[str, int], Mapping[str, DedupEntry]],
    networks: list[str],
    *,
    log: Log,
    names: Names,
    findings: Findings,
) -> None:
    """Compare the last entry of every report."""
    found: dict[tuple[str, int], dict[str, DedupEntry]] = {}
    network_of = {names.dedup_index(network): network for network in networks}
    for record in log.read(sorted(network_of)):
        if record.key == STORED_OFFSET_KEY:
            continue
        known = found.setdefault((network_of[record.topic], record.partition), {})
        known[record.key.decode()] = _compared(decode_dedup_entry(record.value))
    for where in sorted(wanted.keys() | found.keys()):
        expected, actual = wanted.get(where, {}), found.get(where, {})
        differing = sorted(id_ for id_ in expected.keys() | actual.keys() if expected.get(id_) != actual.get(id_))
        findings.add("dedup index differs from the log", *[f"{where[0]}:{id_}" for id_ in differing])
