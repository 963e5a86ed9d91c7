"""A rejected alarm: its dead letter, and the patch that repairs it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from router.dead_letters.patching import Patch
from router.wire.codec import DeadLetter
from router.wire.topic_names import Names
from tests.support.records import ALARM, written

REJECTED_AT = datetime(2026, 11, 24, 16, 0, 0, 7000, tzinfo=UTC)
LATER = REJECTED_AT + timedelta(hours=3)
NAMES = Names("t1.")
UNKNOWN = ALARM | {"bjlxdm": "9999"}
PATCH: Patch = [{"op": "replace", "path": "/bjlxdm", "value": "1204"}]


def dead_letter(**given: Any) -> DeadLetter:
    """The dead letter of that alarm, with these fields instead."""
    fields: dict[str, Any] = {
        "code": "unknown-code",
        "reason": "code '9999' is not in the code table; correct the source.",
        "network": "policing",
        "topic": "t1.reports.policing",
        "partition": 2,
        "offset": 1041,
        "at": REJECTED_AT,
        "key": b"J1",
        "value": written(UNKNOWN),
        "headers": (),
    }
    return DeadLetter(**(fields | given))
