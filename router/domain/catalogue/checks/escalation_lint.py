"""Checks escalations.yaml: what it names exists, each ladder leads upwards without a gap, and someone hears of the limit of each stage.

Findings GR080 to GR084, at the value.
"""

from collections.abc import Collection, Iterator

from router.domain.calendar.limits import Limit
from router.domain.catalogue.checks.reference_lint import NO_GROUP, NO_MATTER, unknown
from router.domain.catalogue.escalations import Escalations, Ladder, LadderNames, LadderNode, compile_ladders
from router.domain.catalogue.lists import ESCALATIONS, Lists
from router.domain.documents import Document, Finding, Level, found

NO_AUTHORITY = "GR080"
NO_LADDER = "GR081"
MISSING_LEVEL = "GR082"
NOT_ASCENDING = "GR083"
UNHEARD = "GR084"


def check(lists: Lists) -> Iterator[Finding]:
    """All findings. A city without the file is warned of limits of stages."""
    escalations = lists.escalations
    findings = [] if escalations is None else list(_file(escalations, lists))
    yield from findings or _unheard(escalations, lists)


def _file(escalations: Escalations, lists: Lists) -> Iterator[Finding]:
    document = lists.documents[ESCALATIONS]
    yield from _authorities(escalations, document)
    for name, ladder in escalations.ladders.items():
        yield from _levels(name, ladder, list(escalations.authorities), document)
        yield from _reminders(name, ladder, document)
        yield from _rungs(name, ladder, document)
    yield from _names(escalations, lists, document)


def _unheard(escalations: Escalations | None, lists: Lists) -> Iterator[Finding]:
    """The limit of a stage at which a department waits goes up the ladder of the lead. Its matters have one with a rung."""
    matters = lists.matters.matters
    ladders = compile_ladders(escalations, {name: node.group for name, node in matters.items()})
    silent = [name for name in matters if not _has_rung(ladders.get((name, "lead")))]
    for name, lifecycle in lists.work.lifecycles.items():
        mine = [one for one in silent if _lifecycle_of(one, lists) == name]
        for stage, node in lifecycle.stages.items() if mine else ():
            if node.limit is not None:
                mark = lists.documents["work.yaml"].mark_value("lifecycles", name, "stages", stage, "limit")
                more = f" and {len(mine) - 1} more" if len(mine) > 1 else ""
                message = (
                    f"no one hears when the limit of `{stage}` has ended: `{mine[0]}`{more} has no ladder with a rung"
                )
                level: Level = "error" if escalations is not None else "warning"
                yield found(UNHEARD, mark, message, "give its lead a ladder in escalations.yaml", level)


def _lifecycle_of(matter: str, lists: Lists) -> str | None:
    """Id of the lifecycle that the city writes for a matter; None if it has none, or a name is wrong."""
    node = lists.matters.matters[matter]
    group = lists.matters.groups.get(node.group)
    workflow = lists.work.workflows.get(node.workflow or (group.workflow if group else None) or "")
    return None if workflow is None else workflow.lifecycle


def _has_rung(ladder: Ladder | None) -> bool:
    return ladder is not None and any(step.kind == "escalation" for step in ladder.steps)


def _authorities(escalations: Escalations, document: Document) -> Iterator[Finding]:
    """Who stands above has an area at least as wide."""
    narrowest = None
    for name, one in escalations.authorities.items():
        if narrowest is not None and one.digits > narrowest:
            message = f"`{name}` has {one.digits} digits, more than the authority below it"
            mark = document.mark_value("authorities", name, "digits")
            yield found(NOT_ASCENDING, mark, message, "write the authorities from below to above")
        narrowest = one.digits if narrowest is None else min(narrowest, one.digits)


def _levels(name: str, ladder: LadderNode, authorities: list[str], document: Document) -> Iterator[Finding]:
    """Each rung leads to the authority above that of the rung before."""
    before: str | None = None
    for number, rung in enumerate(ladder.rungs):
        mark = document.mark_value("ladders", name, "rungs", number, "to")
        if rung.to not in authorities:
            yield unknown(NO_AUTHORITY, mark, "authority", rung.to, authorities)
            before = None
            continue
        step = 1 if before is None else authorities.index(rung.to) - authorities.index(before)
        if step < 1:
            message = f"ladder `{name}` leads from `{before}` to `{rung.to}`, which is not above it"
            yield found(NOT_ASCENDING, mark, message, "write each authority once, from below to above")
            before = None
            continue
        if step > 1 and before is not None:
            missing = authorities[authorities.index(before) + 1 : authorities.index(rung.to)]
            message = f"ladder `{name}` leads from `{before}` to `{rung.to}` and leaves out `{'`, `'.join(missing)}`"
            yield found(MISSING_LEVEL, mark, message, "add a rung for each level between")
        before = rung.to


def _reminders(name: str, ladder: LadderNode, document: Document) -> Iterator[Finding]:
    for number, limit in enumerate(ladder.remind):
        mark = document.mark_value("ladders", name, "remind", number)
        if limit is not None and not limit.amount:
            yield found(NOT_ASCENDING, mark, "a reminder comes before the end of the limit", "write 1h or more")
        elif number and (why := _order(limit, ladder.remind[number - 1])):
            yield found(NOT_ASCENDING, mark, f"ladder `{name}` {why}", "write the longest reminder first, in one unit")


def _rungs(name: str, ladder: LadderNode, document: Document) -> Iterator[Finding]:
    for number, rung in enumerate(ladder.rungs):
        if number and (why := _order(ladder.rungs[number - 1].after, rung.after)):
            mark = document.mark_value("ladders", name, "rungs", number, "after")
            yield found(NOT_ASCENDING, mark, f"ladder `{name}` {why}", "write each rung later than the one before")


def _order(shorter: Limit | None, longer: Limit | None) -> str | None:
    """Why one time is not shorter than another; None if it is. Zero is shorter than any other, whatever its unit."""
    if shorter is None or longer is None or (not shorter.amount and longer.amount):
        return None
    if shorter.calendar != longer.calendar:
        return f"has {shorter} beside {longer}, which cannot be compared"
    return None if shorter.amount < longer.amount else f"has {shorter} where less than {longer} belongs"


def _names(escalations: Escalations, lists: Lists, document: Document) -> Iterator[Finding]:
    yield from _ladders(escalations.default, ("default",), escalations, document)
    sections = (
        ("groups", escalations.groups, lists.matters.groups, NO_GROUP),
        ("matters", escalations.matters, lists.matters.matters, NO_MATTER),
    )
    for section, nodes, known, code in sections:
        for name, one in nodes.items():
            yield from _known(section, name, known, code, document)
            yield from _ladders(one, (section, name), escalations, document)


def _known(section: str, name: str, known: Collection[str], code: str, document: Document) -> Iterator[Finding]:
    if name not in known:
        yield unknown(code, document.mark(section, name), section.removesuffix("s"), name, known)


def _ladders(
    names: LadderNames, path: tuple[str, ...], escalations: Escalations, document: Document
) -> Iterator[Finding]:
    for role in ("lead", "assist"):
        ladder = getattr(names, role)
        if ladder is not None and ladder not in escalations.ladders:
            yield unknown(NO_LADDER, document.mark_value(*path, role), "ladder", ladder, escalations.ladders)
