"""Checks that people can distinguish departments and matters by their names, and that no id is taken. Findings GR025 and GR026."""

from collections.abc import Iterator, Mapping

from router.domain.catalogue.lists import Lists
from router.domain.catalogue.model import Name
from router.domain.documents import Document, Finding, SourcePosition, found
from router.domain.model.feedback import SUPERVISION
from router.domain.names import alike

ALIKE, RESERVED = "GR025", "GR026"
RESERVED_IDS = {
    SUPERVISION: "inspectors and supervisors write to `feedback.supervision`",
    "rejected": "`feedback.rejected.*` has what was rejected",
}
"""Ids that no department may have, because a topic of feedback has this name."""


def check(lists: Lists) -> list[Finding]:
    """Departments, and matters, whose names differ only by blanks, case or width, or not at all; departments whose id is taken."""
    departments = {name: one.name for name, one in lists.departments.root.items()}
    matters = {name: one.name for name, one in lists.matters.matters.items()}
    documents = lists.documents
    return [
        *_alike("department", departments, documents["departments.yaml"], ()),
        *_alike("matter", matters, documents["matters.yaml"], ("matters",)),
        *(_reserved(name, documents["departments.yaml"]) for name in departments if name in RESERVED_IDS),
    ]


def _reserved(name: str, document: Document) -> Finding:
    message = f"no department can have the id `{name}`: {RESERVED_IDS[name]}"
    return found(RESERVED, document.mark(name), message, "choose another id")


def _alike(kind: str, names: Mapping[str, Name], document: Document, section: tuple[str, ...]) -> Iterator[Finding]:
    for language in ("en", "zh"):
        written = [(getattr(name, language), id_) for id_, name in names.items() if getattr(name, language)]
        ids: dict[str, str] = {}
        for name, id_ in written:
            if name in ids:
                yield _finding(
                    kind, (name, ids[name]), (name, id_), document.mark_value(*section, id_, "name", language)
                )
            ids.setdefault(name, id_)
        for earlier, later in alike(written):
            yield _finding(kind, earlier, later, document.mark_value(*section, later[1], "name", language))


def _finding(kind: str, earlier: tuple[str, str], later: tuple[str, str], mark: SourcePosition) -> Finding:
    message = f"the {kind} `{later[1]}` has a name like that of `{earlier[1]}`: {later[0][:60]!r}, {earlier[0][:60]!r}"
    return found(ALIKE, mark, message, "rename one, or make them one", "warning")
