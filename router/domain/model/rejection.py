"""The rejection: why the router cannot process a record.

A rejected record becomes a dead letter. Its code is for programs, its sentence for people. The published headers of a
dead letter, the metric labels and docs/reference/rejection-codes.md read the codes from here.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

RejectionCode = Literal[
    "empty",
    "too-large",
    "unreadable-batch",
    "bad-charset",
    "not-utf8",
    "not-json",
    "schema",
    "bad-id",
    "bad-time",
    "personal-data",
    "unknown-code",
    "wrong-key",
    "too-many-versions",
    "superseded",
    "id-reused",
    "too-late",
    "case-full",
    "not-an-event",
    "defect",
]
"""The code of a rejection. Stable: consumers and alerts compare it."""

REJECTION_CODES: Mapping[RejectionCode, str] = {
    "empty": "The record has no value.",
    "too-large": "The value has more bytes than a report may have.",
    "unreadable-batch": "A compressed batch is too large when it is unpacked, or cannot be unpacked. The dead letter stands for all its records.",
    "bad-charset": "The value is not in the charset that the header `content-type` names, or the router does not read that charset.",
    "not-utf8": "The bytes of the value are not UTF-8 text.",
    "not-json": "The text of the value is not JSON.",
    "schema": "A field is missing, has the wrong type or is out of range.",
    "bad-id": "The source's own id is missing or malformed.",
    "bad-time": "A time does not exist or has the wrong format.",
    "personal-data": "A field holds an identity or phone number where a masked reference belongs.",
    "unknown-code": "The city's code table does not contain the class of the report.",
    "wrong-key": "The key of the record is missing, or is not the report's id.",
    "too-many-versions": "The network sent more versions of the report than a case can keep.",
    "superseded": "The router already has a newer version of the report: the source says so, or the record was redriven.",
    "id-reused": "The record corrects an incident whose id names another incident by now.",
    "too-late": "The router no longer holds the case that the record corrects, or may have archived and forgotten it.",
    "case-full": "The case that has the report is too large for another version of it.",
    "not-an-event": "A record of `grid.events` is not an event of the router: another program wrote it.",
    "defect": "The router failed on the record; this is a defect of the router.",
}
"""Every code, and what it means in one sentence."""


class Rejection(Struct, frozen=True, gc=False, kw_only=True):
    """Why a record was rejected."""

    code: RejectionCode
    """A metric label."""
    reason: str
    """What is wrong, where, and what to do."""
    field: str = ""
    """The first field that breaks the schema as the source spells it, `photos.0.url`; empty if no single field is wrong."""


class RejectedEventError(Exception):
    """The fold cannot apply a sound event; it changed nothing, and the event goes to the dead letters.

    Args:
        rejection: why.
    """

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.reason)
        self.rejection = rejection
