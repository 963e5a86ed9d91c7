"""The milestone: one of several limits of a task, before the one at which all of it is due (分段时限)."""

from msgspec import Struct

from router.domain.model.report import Instant


class Milestone(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A part of the work that has a limit of its own. Whether it is overdue follows from `due_at` and `done_at`."""

    id: str
    """As in standards.yaml, e.g. `stop`. Unique within its task."""
    limit: str
    """How much time there is for it, from the dispatch of the task."""
    name: str = ""
    """For people."""
    due_at: Instant | None = None
    """When its limit ends. Absent while the task's time is paused, and before the dispatch."""
    due_provisional: bool = False
    """`due_at` reaches into a year whose calendar was not published, and may move when it is."""
    done_at: Instant | None = None
    """When the department has done it, as it says."""
