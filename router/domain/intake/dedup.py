"""The dedup index: which reports the normalise stage has passed on from one partition of a network's topic.

It is the Idempotent Receiver (EIP) of the router. Bytes that arrived before, in whatever version, are a redelivery.
Other bytes under a known id are the next version of the report. Its event gets the partition key of the first version,
because the case that contains the report is in that partition.

The worker restores the index from `grid.dedup.<network>`. Docs: docs/explanation/updates.md.
"""

from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from router.domain.intake.rejections import superseded, too_many_versions
from router.domain.model.rejection import Rejection
from router.domain.model.report import REPORTS_KEPT, Report

REFRESH_AFTER = timedelta(days=1)
"""Age at which a redelivery rewrites the entry. A network that sends all its reports daily costs one record a report and day."""
MAX_VERSIONS = 50
"""A case keeps every version, and each change writes the whole case."""


class DedupEntry(Struct, frozen=True, gc=False, kw_only=True):
    """What the index keeps of one report."""

    cell: str
    """Cell of the first version: the partition key of every later version."""
    digests: tuple[str, ...]
    """Digest of each version's bytes, 16 hexadecimal digits. An old version that arrives again is not a correction."""
    at: datetime
    """When the latest version was received."""


def digest_of(value: bytes) -> str:
    """The digest by which two versions of a report differ: 64 bits of BLAKE2b."""
    return blake2b(value, digest_size=8).hexdigest()


class DedupIndex:
    """The reports of one partition of a network's topic, as long as the topic keeps them."""

    def __init__(self) -> None:
        self._entries: dict[str, DedupEntry] = {}
        """By the source's id, the least recently written first."""
        self._latest: datetime | None = None
        """Latest received time that `forget` got."""

    def __len__(self) -> int:
        return len(self._entries)

    def restore(self, source_id: str, entry: DedupEntry) -> None:
        """Put back an entry of the changelog; call it in the order of writing."""
        self._entries.pop(source_id, None)
        self._entries[source_id] = entry

    def register(
        self, report: Report, digest: str, *, redriven: bool = False
    ) -> tuple[Report | None, DedupEntry] | Rejection | None:
        """Decide whether a report is new, an update or a redelivery, and remember it.

        Args:
            report: translated, as a first version.
            digest: of its bytes.
            redriven: whether the record was a dead letter before; then the index may contain a later version already.

        Returns:
            The report with its version, and the entry to write. For a redelivery None; or None and an entry to write,
            when the old entry is older than a day. A rejection when the report has too many versions, or when a
            newer version superseded a redriven one.
        """
        entries, source_id = self._entries, report.source_id
        previous = entries.pop(source_id, None)
        if previous is None:
            entry = DedupEntry(cell=report.location.cell, digests=(digest,), at=report.received_at)
        elif digest in previous.digests:
            if report.received_at - previous.at < REFRESH_AFTER:
                entries[source_id] = previous
                return None
            entry = entries[source_id] = replace(previous, at=report.received_at)
            return None, entry
        elif len(previous.digests) >= MAX_VERSIONS:
            entries[source_id] = previous
            return too_many_versions(MAX_VERSIONS)
        elif redriven and report.received_at <= previous.at:
            entries[source_id] = previous
            return superseded(previous.at.isoformat())
        else:
            digests = (*previous.digests, digest)
            moved = previous.cell if previous.cell != report.location.cell else None
            report = replace(report, version=len(digests), partition_key=moved)
            entry = DedupEntry(cell=previous.cell, digests=digests, at=report.received_at)
        entries[source_id] = entry
        return report, entry

    def forget(self, received: datetime) -> None:
        """Drop reports that the network's topic no longer keeps.

        Args:
            received: latest received time of a batch; time never goes back.
        """
        self._latest = received if self._latest is None else max(self._latest, received)
        before = self._latest - REPORTS_KEPT
        while self._entries:
            source_id = next(iter(self._entries))
            if self._entries[source_id].at >= before:
                return
            del self._entries[source_id]
