"""What the workers remember of reports, `grid.dedup.<network>`, against the networks' topics."""

from collections.abc import Mapping

from router.domain.intake.dedup import DedupEntry as Memory
from router.wire.codec import decode_dedup_entry
from router.wire.stored_offsets import STORED_OFFSET_KEY
from router.wire.topics import Names
from tests.chaos.audit.findings import Findings
from tests.chaos.audit.topics import Log


def check_memory(
    wanted: Mapping[tuple[str, int], Mapping[str, Memory]],
    networks: list[str],
    *,
    log: Log,
    names: Names,
    findings: Findings,
) -> None:
    """Compare the last record of every report."""
    found: dict[tuple[str, int], dict[str, Memory]] = {}
    network_of = {names.dedup_index(network): network for network in networks}
    for record in log.read(sorted(network_of)):
        if record.key == STORED_OFFSET_KEY:
            continue
        known = found.setdefault((network_of[record.topic], record.partition), {})
        known[record.key.decode()] = decode_dedup_entry(record.value)
    for where in sorted(wanted.keys() | found.keys()):
        should, is_ = wanted.get(where, {}), found.get(where, {})
        differing = sorted(id_ for id_ in should.keys() | is_.keys() if should.get(id_) != is_.get(id_))
        findings.add("memory of reports not as the log says", *[f"{where[0]}:{id_}" for id_ in differing])
