"""The dedup index: which reports the normalise stage has passed on from one partition of a network's topic.

It is the Idempotent Receiver (EIP) of the router. Content that the report had before is a redelivery, unless it is the latest
word. Other content under a known id is the next version of the report, or another incident. A version's event gets the
partition key of the first version, because the case that contains the report is in that partition.

The worker restores the index from `grid.dedup.<network>`. Docs: docs/explanation/updates.md.
"""

from datetime import datetime, timedelta
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from router.domain.intake.content import bytes_digest
from router.domain.intake.rejections import id_reused, superseded, superseded_at_source, too_many_versions
from router.domain.model.identity import TOLERANCE, incident_id, is_another_incident
from router.domain.model.rejection import Rejection
from router.domain.model.report import REPORTS_KEPT, Report

REFRESH_AFTER = timedelta(days=1)
"""Age at which a redelivery rewrites the entry. A network that sends all its reports daily costs one record a report and day."""
MAX_VERSIONS = 50
"""A case keeps every version, and each change writes the whole case."""
MAX_FORMER = 16
"""Digests kept of the incidents that had the id before: a copy of such a record is a redelivery. A copy of an older one is rejected
(`id-reused`) and never lost, so the bound keeps entries short and costs a dead letter at most."""
STEP = timedelta(minutes=1)
"""How far one record moves the index's clock towards its received time. So a broker's clock that jumps by 45 days for 20,000 records makes
the index forget nothing."""
GAP = timedelta(days=1)
"""How much of the time between two batches moves the clock beside that, in the same direction. A partition of few records would remember
ever more without it. A clock that jumps ahead or back wins a day by it, and loses it when it is right again."""
_SAMPLE = 1000
"""Entries of which the restored clock is the median."""


class Said(Struct, frozen=True, gc=False):
    """What distinguishes one version of a report from another."""

    content: str
    """Digest of the content."""
    revised_at: datetime | None = None
    """When the source last changed the report, if its schema says so; UTC. The index ignores one that is after the receipt."""
    disbelieved: str = ""
    """Why the received time of the header does not count: `past`, `future`, or empty."""


class DedupEntry(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What the index keeps of one report."""

    cell: str
    """Cell of the first version: the partition key of every later version."""
    digests: tuple[str, ...]
    """Digest of each version's content, 16 hexadecimal digits; release 0.1.0 wrote the digest of its bytes."""
    at: datetime
    """When the report was last received."""
    earlier_at: tuple[datetime, ...] = ()
    """When the versions before the latest one were received, in their order; release 0.1.0 did not write it."""
    said_at: datetime | None = None
    """When the latest version was received, if redeliveries of it came later."""
    occurred_at: datetime | None = None
    """Occurrence of the latest version, if it is later than the receipt."""
    revised_at: datetime | None = None
    """The latest time of change that the source has named."""
    since: datetime | None = None
    """When the first version was received, if the id had named another incident before. It is a part of the report id."""
    former: tuple[str, ...] = ()
    """Digests of the incidents that had the id before, the latest ones."""
    former_until: datetime | None = None
    """What occurred until then belongs to those incidents."""

    @property
    def latest_at(self) -> datetime:
        """When the latest version was received."""
        return self.said_at or self.at


Decision = tuple[Report | None, DedupEntry] | Rejection | None
"""An event and its entry; only an entry, for a redelivery that is rewritten; a rejection; None for any other redelivery."""


class DedupIndex:
    """The reports of one partition of a network's topic, at least as long as the topic keeps them."""

    def __init__(self) -> None:
        self._entries: dict[str, DedupEntry] = {}
        """By the source's id, the least recently written first."""
        self._clock: datetime | None = None
        """Follows the received times, a STEP a record and a GAP a batch at most."""
        self._received: datetime | None = None
        """Of the batch before; None after a restore."""

    def __len__(self) -> int:
        return len(self._entries)

    def restore(self, source_id: str, entry: DedupEntry) -> None:
        """Put back an entry of the changelog; call it in the order of writing. One without a version says nothing."""
        self._entries.pop(source_id, None)
        if entry.digests:
            self._entries[source_id] = entry

    def drop(self, source_id: str) -> None:
        """Forget a report whose entry was deleted from the changelog."""
        self._entries.pop(source_id, None)

    def register(self, report: Report, said: Said, value: bytes, *, redriven: bool = False) -> Decision:
        """Decide whether a report is new, an update, another incident or a redelivery, and remember it.

        Args:
            report: translated, as a first version.
            said: its content.
            value: its bytes; only entries of release 0.1.0 are compared with them.
            redriven: whether the record was a dead letter before; then the index may contain a later version already.

        Returns:
            The report with its version and id, and the entry to write. For a redelivery None; or None and an entry to
            write, when the old entry is older than a day. A rejection when the report has too many versions, when a newer
            version is known, or when the id names another incident by now.
        """
        if said.revised_at is not None and said.revised_at > report.received_at + TOLERANCE:
            said = replace(
                said, revised_at=None
            )  # a typing error, which would make every later correction an old version
        entries, source_id = self._entries, report.source_id
        previous = entries.pop(source_id, None)
        if previous is None:
            entries[source_id] = entry = _first(report, said)
            return report, entry
        decision = _again(previous, report, said, value, redriven)
        entries[source_id] = decision[1] if isinstance(decision, tuple) else previous
        return decision

    def forget(self, received: datetime, records: int = 1) -> None:
        """Drop reports that the network's topic no longer keeps.

        Args:
            received: latest received time of a batch.
            records: how many records the batch has.
        """
        clock, step = self._clock or self._restored_clock() or received, STEP * records
        if self._received is not None:
            step += min(abs(received - self._received), GAP)
        self._received = received
        self._clock = min(max(received, clock - step), clock + step)
        before = min(received, self._clock) - REPORTS_KEPT
        while self._entries:
            source_id = next(iter(self._entries))
            if self._entries[source_id].at >= before:
                return
            del self._entries[source_id]

    def _restored_clock(self) -> datetime | None:
        """The median of the entries: a clock that was wrong for less than half of them does not count."""
        every = max(1, len(self._entries) // _SAMPLE)
        times = sorted(entry.at for entry in islice(self._entries.values(), 0, None, every))
        return times[len(times) // 2] if times else None


def _first(report: Report, said: Said) -> DedupEntry:
    received, occurred = report.received_at, report.occurred_at
    return DedupEntry(
        cell=report.location.cell,
        digests=(said.content,),
        at=received,
        occurred_at=occurred if occurred > received else None,
        revised_at=said.revised_at,
    )


def _again(entry: DedupEntry, report: Report, said: Said, value: bytes, redriven: bool) -> Decision:
    """The decision about a report whose id is known."""
    known = said.content if _is_known(entry, said.content) else bytes_digest(value)
    if known == entry.digests[-1] or known in entry.former:
        return _redelivered(entry, report)
    if known in entry.digests:
        if _compared(said, entry) < 0 or _is_resent(entry, known, report.received_at):
            return _redelivered(entry, report)
    else:
        latest_at, occurred_at = entry.latest_at, entry.occurred_at or entry.latest_at
        if is_another_incident(
            report.occurred_at, report.received_at, known_occurred_at=occurred_at, known_received_at=latest_at
        ):
            return _another_incident(entry, report, said)
        rejection = _rejection(entry, report, said, redriven=redriven)
        if rejection is not None:
            return rejection
    return _next_version(entry, report, said)


def _is_known(entry: DedupEntry, digest: str) -> bool:
    return digest in entry.digests or digest in entry.former


def _is_resent(entry: DedupEntry, digest: str, received: datetime) -> bool:
    """Whether a record with the content of an earlier version is a copy of that record, or was received before the latest.

    Otherwise the content has come back and is the latest word. A broker stamps all records of a batch with one time, so two
    versions may have the same one, and only the order of the log decides which came later.
    """
    if received != entry.at:
        return received < entry.at
    unknown = (received,) * (len(entry.digests) - 1 - len(entry.earlier_at))
    return (digest, received) in zip(entry.digests, unknown + entry.earlier_at, strict=False)


def _compared(said: Said, entry: DedupEntry) -> int:
    """What the source says: -1 the record is older than the latest version, 1 newer; 0 if it says nothing."""
    if said.revised_at is None or entry.revised_at is None or said.revised_at == entry.revised_at:
        return 0
    return 1 if said.revised_at > entry.revised_at else -1


def _rejection(entry: DedupEntry, report: Report, said: Said, *, redriven: bool) -> Rejection | None:
    """Why unknown content is not the next version; None if it is."""
    if entry.former_until is not None and report.occurred_at <= entry.former_until:
        return id_reused(entry.latest_at.isoformat())
    compared = _compared(said, entry)
    if compared < 0 and entry.revised_at is not None:
        return superseded_at_source(entry.revised_at.isoformat())
    if redriven and compared == 0 and report.received_at <= entry.latest_at:
        return superseded(entry.latest_at.isoformat())
    return None


def _redelivered(entry: DedupEntry, report: Report) -> Decision:
    if report.received_at - entry.at < REFRESH_AFTER:
        return None
    return None, replace(entry, at=report.received_at, said_at=entry.latest_at)


def _next_version(entry: DedupEntry, report: Report, said: Said) -> Decision:
    if len(entry.digests) >= MAX_VERSIONS:
        return too_many_versions(MAX_VERSIONS)
    digests = (*entry.digests, said.content)
    moved = entry.cell if entry.cell != report.location.cell else None
    id_ = report.id if entry.since is None else incident_id(report.network, report.source_id, entry.since)
    received, occurred = report.received_at, report.occurred_at
    newer = replace(
        entry,
        digests=digests,
        earlier_at=(*entry.earlier_at, entry.latest_at),
        at=received,
        said_at=None,
        occurred_at=occurred if occurred > received else None,
        revised_at=said.revised_at or entry.revised_at,
    )
    first = newer.earlier_at[0] if len(newer.earlier_at) == len(entry.digests) else None
    return replace(report, id=id_, version=len(digests), first_received_at=first, partition_key=moved), newer


def _another_incident(entry: DedupEntry, report: Report, said: Said) -> Decision:
    """The id names another incident from now on, under a report id of its own."""
    since = report.received_at
    other = replace(
        _first(report, said),
        since=since,
        former=(*entry.former, *entry.digests)[-MAX_FORMER:],
        former_until=max(entry.latest_at, entry.occurred_at or entry.latest_at) + TOLERANCE,
    )
    return replace(report, id=incident_id(report.network, report.source_id, since)), other
