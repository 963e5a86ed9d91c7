"""Checks that the lists name only what exists. Findings GR010 to GR019, each at the name."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from router.domain.catalogue.lists import TWICE, Duty, Lists
from router.domain.catalogue.model import EVERY, STEPS, Receiver
from router.domain.catalogue.resolve import UNIT_DIGITS
from router.domain.documents import Finding, SourcePosition, found

NO_DEPARTMENT = "GR010"
NO_MATTER = "GR011"
NO_WORKFLOW = "GR012"
NO_UNIT = "GR013"
NO_GROUP = "GR014"
EMPTY_TIME = "GR017"
SAME_DEPARTMENT = "GR018"
LACKS_STEP = "GR019"
NEEDED_STEPS = ("dispatch", "handling")
"""Steps without which a workflow asks no department to act."""


def check(lists: Lists) -> list[Finding]:
    """All names without a target, ids with two meanings, and empty validities."""
    return [
        *_matters(lists),
        *(finding for duty in lists.flat for finding in _duty(duty, lists)),
        *_fallback(lists),
        *_standards(lists),
        *_work(lists),
    ]


def unknown(code: str, mark: SourcePosition, kind: str, name: str, known: Collection[str]) -> Finding:
    """A finding about a name without a target. The hint offers the nearest known name."""
    near = get_close_matches(name, known, n=1)
    some = ", ".join(sorted(known)[:8]) or "none yet"
    hint = f"perhaps `{near[0]}` was meant" if near else f"declare it, or use one of: {some}"
    return found(code, mark, f"no {kind} `{name}`", hint)


def _matters(lists: Lists) -> Iterator[Finding]:
    document, known = lists.documents["matters.yaml"], lists.matters
    for name, node in known.matters.items():
        if name in known.groups:
            message = f"`{name}` is a group too"
            yield found(TWICE, document.mark("matters", name), message, "a duty could mean either: rename one")
        if node.group not in known.groups:
            mark = document.mark_value("matters", name, "group")
            yield unknown(NO_GROUP, mark, "group", node.group, known.groups)
    for section, nodes in (("groups", known.groups), ("matters", known.matters)):
        for name, one in nodes.items():
            if one.workflow is not None and one.workflow not in lists.work.workflows:
                mark = document.mark_value(section, name, "workflow")
                yield unknown(NO_WORKFLOW, mark, "workflow", one.workflow, lists.work.workflows)


def _duty(duty: Duty, lists: Lists) -> Iterator[Finding]:
    document = lists.documents["duties.yaml"]
    selectors = {EVERY, *lists.matters.groups, *lists.matters.matters}
    for number, selector in enumerate(duty.matters):
        if selector not in selectors:
            mark = document.mark_value(*_said(duty, "matters", lists), number)
            yield unknown(NO_MATTER, mark, "matter or group", selector, selectors - {EVERY})
    yield from _receiver(duty.lead, document.mark_value(*_said(duty, "lead", lists)), lists)
    for number, receiver in enumerate(duty.assist):
        mark = document.mark_value(*_said(duty, "assist", lists), number)
        yield from _receiver(receiver, mark, lists)
        earlier = {duty.lead.department, *(one.department for one in duty.assist[:number])}
        if receiver.department in earlier:
            message = f"duty `{duty.id}` names department `{receiver.department}` twice"
            yield found(SAME_DEPARTMENT, mark, message, "a department has one role in a case")
    if duty.since and duty.until and duty.until < duty.since:
        mark = document.mark_value(*_said(duty, "until", lists))
        message = f"duty `{duty.id}` ends on {duty.until}, before it begins on {duty.since}"
        yield found(EMPTY_TIME, mark, message)


def _said(duty: Duty, key: str, lists: Lists) -> tuple[str, ...]:
    """The path of the nearest node, itself or a parent, that has this key."""
    document = lists.documents["duties.yaml"]
    for end in range(len(duty.path), 0, -2):
        if (*duty.path[:end], key) in document.keys:
            return (*duty.path[:end], key)
    return duty.path


def _receiver(receiver: Receiver, mark: SourcePosition, lists: Lists) -> Iterator[Finding]:
    department = lists.departments.root.get(receiver.department)
    if department is None:
        yield unknown(NO_DEPARTMENT, mark, "department", receiver.department, lists.departments.root)
        return
    units = department.units
    if (
        receiver.unit is not None
        and receiver.unit not in UNIT_DIGITS
        and units is not None
        and receiver.unit not in units
    ):
        yield unknown(NO_UNIT, mark, f"unit of `{receiver.department}`", receiver.unit, [*units, *UNIT_DIGITS])


def _fallback(lists: Lists) -> Iterator[Finding]:
    if lists.duties.fallback is not None:
        mark = lists.documents["duties.yaml"].mark_value("fallback")
        yield from _receiver(lists.duties.fallback, mark, lists)
    document, departments = lists.documents["duties.yaml"], lists.departments.root
    if lists.duties.arbitration is not None:
        yield from _receiver(lists.duties.arbitration, document.mark_value("arbitration"), lists)
    for number, together in enumerate(lists.duties.transfers):
        for place, name in enumerate(together):
            if name not in departments:
                mark = document.mark_value("transfers", number, place)
                yield unknown(NO_DEPARTMENT, mark, "department", name, departments)


def _standards(lists: Lists) -> Iterator[Finding]:
    document, standards = lists.documents["standards.yaml"], lists.standards
    for section, nodes, known, code in (
        ("groups", standards.groups, lists.matters.groups, NO_GROUP),
        ("matters", standards.matters, lists.matters.matters, NO_MATTER),
    ):
        for name in nodes:
            if name not in known:
                kind = section.removesuffix("s")
                yield unknown(code, document.mark(section, name), kind, name, known)


def _work(lists: Lists) -> Iterator[Finding]:
    document = lists.documents["work.yaml"]
    for name, workflow in lists.work.workflows.items():
        mark = document.mark("workflows", name)
        for step in NEEDED_STEPS:
            said = workflow.steps.get(step)  # type: ignore[call-overload]
            if said is None or not said.required:
                yield found(LACKS_STEP, mark, f"workflow `{name}` does not require the step `{step}`", "add it")
        order = [step for step in STEPS if step in workflow.steps]
        if order != list(workflow.steps):
            message = f"workflow `{name}` has its steps in another order than GB/T 30428.8"
            yield found(LACKS_STEP, mark, message, f"write {', '.join(order)}")
