"""Who acts on a dead letter and why, and what the action did to it."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from msgspec import Struct

from router.domain.model.rejection import Rejection

FailureCode = Literal[
    "foreign-topic",  # the dead letter names a topic that is not its network's
    "long-history",  # its repair record would be too large
    "no-partition",  # its partition does not exist
    "not-an-event",  # a value for the grid stream is no event
    "not-json",  # a patch needs JSON
    "original-gone",  # the value was omitted, and its topic no longer has it
    "other-partition",  # the new value belongs to another partition of the grid stream
    "patch-misfit",  # an operation of the patch does not apply
    "too-large",  # its topic would not take the record
    "unknown-network",  # the city does not have its network
]
"""Why an action on a dead letter failed. A value that the rules reject has the code of that rejection instead."""
Result = Literal["repaired", "sound", "redriven", "to-drive", "skipped", "rejected"]
"""`sound` and `to-drive` are the results of a dry run. `skipped`: it was redriven before, or erased. `rejected`: the action failed."""


class Attribution(Struct, frozen=True):
    """Who acts, why, and when."""

    actor: str
    why: str
    at: datetime


class ActionFailure(Struct, frozen=True, kw_only=True):
    """Why an action on a dead letter failed."""

    code: FailureCode
    reason: str
    """What is wrong, where, and what to do."""


class ActionOutcome(Struct, frozen=True, kw_only=True):
    """What an action did to one dead letter."""

    dead_letter: str
    """Its id."""
    result: Result
    to: str | None = None
    """The record that was sent, or in a dry run the partition that it would be sent to."""
    failure: ActionFailure | Rejection | None = None


ReportOutcome = Callable[[ActionOutcome], None]
"""Called once for each dead letter. A success is reported after its transaction has committed."""
