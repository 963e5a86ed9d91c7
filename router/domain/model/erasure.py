"""The erasure: a person's data must leave a case, and the request that says so."""

from msgspec import Struct

from router.domain.model.report import Instant


class Erased(Struct, frozen=True, gc=False, kw_only=True):
    """Who had the data of a report erased, and why; never what it was."""

    at: Instant
    """When it was requested."""
    actor: str
    reason: str
    """The legal ground."""


class Erasure(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A request to erase a person's data from a case: the event on `grid.events`."""

    id: str
    """`<case>/<instant of the request>`."""
    case: str
    """Id of the case."""
    at: Instant
    """When it was requested, by the clock of who did."""
    actor: str
    """Who requests it, for the record."""
    reason: str
    """The legal ground, one sentence without personal data."""
    partition_key: str
    """The case's partition key."""
    reports: tuple[str, ...] = ()
    """Ids of the reports whose data must go; absent: of all reports of the case."""

    @property
    def mark(self) -> Erased:
        """What the reports keep of it."""
        return Erased(at=self.at, actor=self.actor, reason=self.reason)
