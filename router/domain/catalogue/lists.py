"""Reads the four lists and the departments of one city together, and flattens the tree of duties with its inheritance."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TypeVar

from msgspec import Struct
from pydantic import BaseModel

from router.domain.catalogue.escalations import Escalations
from router.domain.catalogue.model import (
    FALLBACK,
    Departments,
    Duties,
    DutyNode,
    Matters,
    Receiver,
    Standards,
    Work,
)
from router.domain.documents import MISSING, Document, Finding, Source, SourcePosition, found, read_yaml, validate

Model = TypeVar("Model", bound=BaseModel)
FILES = ("departments.yaml", "duties.yaml", "work.yaml", "matters.yaml", "standards.yaml")
ESCALATIONS = "escalations.yaml"
"""Optional file."""
INCOMPLETE = "GR016"
TWICE = "GR015"


class Duty(Struct, frozen=True, kw_only=True):
    """One rule (职责): who leads and who assists, for these matters, in these areas, during this time."""

    id: str
    matters: tuple[str, ...]
    """Ids of matters or groups, or `*`."""
    areas: tuple[str, ...]
    """Code prefixes. The empty prefix is the whole city."""
    lead: Receiver
    assist: tuple[Receiver, ...]
    since: date | None
    until: date | None
    mark: SourcePosition
    path: tuple[str, ...]
    """Path of its node in duties.yaml."""


class Lists(Struct, frozen=True, kw_only=True):
    """The files, each valid on its own. The documents know the position of every value."""

    departments: Departments
    duties: Duties
    work: Work
    matters: Matters
    standards: Standards
    documents: Mapping[str, Document]
    flat: tuple[Duty, ...]
    escalations: Escalations | None = None


def read_lists(sources: Mapping[str, Source]) -> tuple[Lists | None, list[Finding]]:
    """Read the lists of a city.

    Args:
        sources: the texts of `FILES`, by file name without folder, and that of `ESCALATIONS` if the city has it.

    Returns:
        The lists, or None with the findings that explain why not.
    """
    findings: list[Finding] = []
    documents: dict[str, Document] = {}
    departments = _read(Departments, "departments.yaml", sources, documents, findings)
    duties = _read(Duties, "duties.yaml", sources, documents, findings)
    work = _read(Work, "work.yaml", sources, documents, findings)
    matters = _read(Matters, "matters.yaml", sources, documents, findings)
    standards = _read(Standards, "standards.yaml", sources, documents, findings)
    known = len(findings)
    escalations = _read(Escalations, ESCALATIONS, sources, documents, findings) if ESCALATIONS in sources else None
    if not (departments and duties and work and matters and standards) or len(findings) > known:
        return None, findings
    flat, wrong = flatten(duties, documents["duties.yaml"])
    if wrong:
        return None, wrong
    lists = Lists(
        departments=departments,
        duties=duties,
        work=work,
        matters=matters,
        standards=standards,
        documents=documents,
        flat=flat,
        escalations=escalations,
    )
    return lists, []


def _read(
    model: type[Model],
    name: str,
    sources: Mapping[str, Source],
    documents: dict[str, Document],
    findings: list[Finding],
) -> Model | None:
    source = sources.get(name)
    if source is None:
        findings.append(
            found(MISSING, SourcePosition(name), "the file is missing", "write it; docs/how-to/add-a-rule.md shows how")
        )
        return None
    document, wrong = read_yaml(source)
    value = None
    if document is not None:
        documents[name] = document
        value, wrong = validate(model, document)
    findings += wrong
    return value


_TOP = DutyNode(area=("",), assist=())


def flatten(duties: Duties, document: Document) -> tuple[tuple[Duty, ...], list[Finding]]:
    """The rules in file order; findings GR015 (duplicate id) and GR016 (nothing to inherit)."""
    flat: list[Duty] = []
    findings: list[Finding] = []
    first: dict[str, SourcePosition] = {}
    for path, node in _walk(duties.duties, _TOP, ()):
        name, mark = path[-1], document.mark(*path)
        if name in first or name == FALLBACK:
            where = f"is a duty already in line {first[name].line}" if name in first else "is reserved"
            findings.append(found(TWICE, mark, f"`{name}` {where}", "choose another id"))
            continue
        first[name] = mark
        if node.matters is None or node.lead is None:
            if not node.duties:
                lacks = "`matters`" if node.matters is None else "`lead`"
                findings.append(
                    found(INCOMPLETE, mark, f"duty `{name}` has no {lacks}", "write it here or in a parent")
                )
            continue
        flat.append(_duty(path, node, mark))
    return tuple(flat), findings


def _duty(path: tuple[str, ...], node: DutyNode, mark: SourcePosition) -> Duty:
    assert node.matters is not None  # noqa: S101  (seen by the caller)
    assert node.lead is not None  # noqa: S101
    return Duty(
        id=path[-1],
        matters=node.matters,
        areas=node.area or ("",),
        lead=node.lead,
        assist=node.assist or (),
        since=node.since,
        until=node.until,
        mark=mark,
        path=path,
    )


def _walk(
    nodes: Mapping[str, DutyNode], parent: DutyNode, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], DutyNode]]:
    for name, node in nodes.items():
        here = (*path, "duties", name)
        said = {key: value for key, value in node if value is not None and key != "duties"}
        whole = parent.model_copy(update={**said, "duties": node.duties})
        yield here, whole
        yield from _walk(node.duties or {}, whole, here)
