"""Which report went where: what the normalise stage remembers of one partition of a network's topic.

Bytes that came before, in whatever version, are a redelivery and end here. Other bytes under a known id are the next version of that report: it
goes to the street of the first version, because the case that has the report is there. Pure; the state is restored from
`grid.dedup.<network>`. Docs: docs/explanation/updates.md.
"""

from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from router.domain.intake.rejections import superseded, too_many_versions
from router.domain.model.rejection import Rejection
from router.domain.model.report import REPORTS_KEPT, Report

REFRESH_AFTER = timedelta(days=1)
"""A network that sends all its reports every day keeps them known, at one record a report and day."""
MAX_VERSIONS = 50
"""A case keeps every version and is written whole whenever it changes."""


class DedupEntry(Struct, frozen=True, gc=False, kw_only=True):
    """Where a report went, and as which version."""

    cell: str
    """Of its first version: the case that has the report is in this cell's street."""
    digests: tuple[str, ...]
    """Of the bytes of each version, 16 hexadecimal digits: an old version that is sent again is no correction."""
    at: datetime
    """When its latest version was received."""


def digest_of(value: bytes) -> str:
    """What tells two versions of a report apart: 64 bits of their bytes."""
    return blake2b(value, digest_size=8).hexdigest()


class DedupIndex:
    """The reports of one partition of a network's topic, for as long as the topic keeps them."""

    def __init__(self) -> None:
        self._known: dict[str, DedupEntry] = {}
        """By the source's id, the longest untouched first."""

    def __len__(self) -> int:
        return len(self._known)

    def restore(self, source_id: str, entry: DedupEntry) -> None:
        """Bring back what the changelog holds, in the order of writing."""
        self._known.pop(source_id, None)
        self._known[source_id] = entry

    def admit(
        self, report: Report, digest: str, *, redriven: bool = False
    ) -> tuple[Report | None, DedupEntry] | Rejection | None:
        """A report as it must go on, and its place from now on.

        Args:
            report: translated, as its first version.
            digest: of its bytes.
            redriven: it was rejected once and is redriven, so a later version may be known already.

        Returns:
            The report as its next version, whose event is keyed by the place's cell; None for a redelivery, with its place
            when that must be remembered anew because the network sends the report again day by day; a rejection
            when the report has had more versions than a case can keep, or was overtaken while it lay in the dead letters.
        """
        previous = self._known.pop(report.source_id, None)
        if previous is None:
            entry = DedupEntry(cell=report.location.cell, digests=(digest,), at=report.received_at)
        elif digest in previous.digests:
            if report.received_at - previous.at < REFRESH_AFTER:
                self._known[report.source_id] = previous
                return None
            entry = self._known[report.source_id] = replace(previous, at=report.received_at)
            return None, entry
        elif len(previous.digests) >= MAX_VERSIONS:
            self._known[report.source_id] = previous
            return too_many_versions(MAX_VERSIONS)
        elif redriven and report.received_at <= previous.at:
            self._known[report.source_id] = previous
            return superseded(previous.at.isoformat())
        else:
            digests = (*previous.digests, digest)
            report = replace(report, version=len(digests))
            entry = DedupEntry(cell=previous.cell, digests=digests, at=report.received_at)
        self._known[report.source_id] = entry
        return report, entry

    def forget(self, now: datetime) -> None:
        """Drop what was received longer ago than the network's topic keeps it."""
        before = now - REPORTS_KEPT
        while self._known:
            source_id = next(iter(self._known))
            if self._known[source_id].at >= before:
                return
            del self._known[source_id]
