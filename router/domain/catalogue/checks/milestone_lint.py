"""Checks the milestones of standards.yaml: each limit is longer than the one before, and no name is that of a stage. Findings GR098 to
GR100, at the value.

Docs: docs/reference/catalogue.md.
"""

from collections.abc import Iterator

from router.domain.calendar.limits import Limit, Unit
from router.domain.catalogue.lists import Lists
from router.domain.catalogue.model import RoleStandard, standards_of
from router.domain.documents import Document, Finding, SourcePosition, found
from router.domain.lifecycle.lifecycles import WAITING

NO_LIMIT = "GR098"
NOT_ASCENDING = "GR099"
NAME_OF_STAGE = "GR100"


def check(lists: Lists) -> Iterator[Finding]:
    """All findings; none for a city without milestones."""
    document = lists.documents["standards.yaml"]
    for path, standard in standards_of(lists.standards):
        if standard.milestones:
            yield from _milestones(path, standard, document)


def _milestones(path: tuple[str, ...], standard: RoleStandard, document: Document) -> Iterator[Finding]:
    if standard.limit is None:
        message = "milestones without a `limit` beside them: when is all of it due?"
        yield found(
            NO_LIMIT, document.mark(*path, "milestones"), message, "write `limit`, longer than the last milestone"
        )
    longest: dict[Unit, tuple[str, Limit]] = {}
    for name, one in standard.milestones.items():
        mark = document.mark_value(*path, "milestones", name, "limit")
        yield from _longer(name, one.limit, longest, mark)
        if name in WAITING:  # the steps of the limit of a stage have its name in their key
            message = f"the milestone `{name}` has the name of a stage at which departments wait"
            yield found(NAME_OF_STAGE, document.mark(*path, "milestones", name), message, "give it another name")
    if standard.limit is not None:
        yield from _longer("", standard.limit, longest, document.mark_value(*path, "limit"))


def _longer(
    name: str, limit: Limit | None, longest: dict[Unit, tuple[str, Limit]], mark: SourcePosition
) -> Iterator[Finding]:
    """A limit is longer than those before it in the same unit. Those in other units cannot be compared without a date."""
    if limit is None:
        return
    what = f"the milestone `{name}`" if name else "the limit of the whole task"
    before = longest.get(limit.calendar)
    if not limit.amount and name:
        yield found(NOT_ASCENDING, mark, f"{what} has no time", "write 1h or more")
    elif before is not None and limit.amount <= before[1].amount:
        message = f"{what} has {limit}, and `{before[0]}` before it has {before[1]}"
        yield found(
            NOT_ASCENDING, mark, message, "write the milestones in their order, each longer than the one before"
        )
    longest[limit.calendar] = name, limit
