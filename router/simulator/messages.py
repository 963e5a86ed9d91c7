"""One message that the simulator sends to a network's topic, with the ground truth that the router never sees."""

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

Kind = Literal["recorded", "secondary_reports", "simulated", "updated", "redelivered", "malformed"]
"""A row of the recorded history; the same incident reported by another network; a report of a synthetic city; a later version
of any of these; a byte-for-byte redelivery; and a message that no network may accept.
"""


RecordAddress = tuple[str, int, int]
"""Topic, partition and offset of a source record."""


class SourceMessage(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What is sent, when, and the ground truth about it."""

    network: str
    source_id: str
    """The source's own id of the report. It is also the record's key."""
    value: bytes
    received_at: datetime
    """Simulated instant at which the intake receives it, UTC."""
    kind: Kind
    incident: str | None = None
    """The true incident: the report id of the recorded row that started it, or the id of the synthetic incident. None for a
    malformed message.
    """
    owner: str | None = None
    """The department that really had the recorded row, or must get the synthetic incident. None for every other kind."""
    storm: bool = False
    """Whether the incident is part of a storm, which many people report at once."""
    late: bool = False
    """Whether it was received more than an hour after it was reported (an offline phone)."""

    @property
    def report(self) -> str:
        """The id that the report must get: `<network>:<source id>`."""
        return f"{self.network}:{self.source_id}"


class Sent(Struct, frozen=True, gc=False):
    """One acknowledged record and the ground truth about it."""

    report: str
    """The id that the report must get."""
    place: RecordAddress
    kind: Kind
    incident: str | None
    owner: str | None
    storm: bool = False
    late: bool = False


def rfc3339(instant: datetime) -> str:
    """An aware instant as RFC 3339 in UTC, e.g. `2018-01-01T08:00:09Z`."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
