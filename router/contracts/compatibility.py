"""The promises of the schemas from one release to the next, and the changes that break them.

There are two promises. Input of the router (networks' reports, a city's files) is *accepted*: a valid document stays
valid. Output of the router (records and their headers) is *kept*: a new version only adds fields, and an old field keeps
its values. A reader of the previous release then reads new records, and a reader of today reads old ones.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from router.contracts.ended import ENDED, EndedSchema
from router.contracts.schema_changes import changes
from router.contracts.schema_nodes import SchemaChange, escaped

Promise = Literal["accepted", "kept"]
ACCEPTED = ("reports/", "feedback/", "city/", "headers/report.", "headers/feedback.")
"""Prefixes of the paths of schemas of the router's input."""
OPEN = {
    "joined": "ways to recognise the same incident are added",
    "resolved_by": "ways to find the cell are added",
    "kind": "kinds of feedback are added",
    "legal": "kinds of feedback are added",
    "stage": "stages of a task are added",
    "to": "stages of a task are added",
    "begin": "stages of a task are added",
    "cause": "causes of a change are added",
    "state": "the steps of a case and of a task are added one by one (GB/T 30428.8)",
    "grid-dead-letter-code": "reasons for rejecting a record are added",
}
"""Field -> why its list of values may grow within a version. A reader must handle an unknown value.

The lists of OASIS CAP (`status`, `urgency`, `severity`, `certainty`) and `role` are closed: departments decide by them.
"""
NEW_VERSION = "or leave this version unchanged and add a new version beside it (docs/reference/schemas.md)"


class Break(NamedTuple):
    """One broken promise."""

    pointer: str
    """JSON pointer into the schema."""
    what: str
    hint: str


def promise_of(path: str) -> Promise:
    """The promise of the schema at a path like `events/grid.case.changed.v1.json`."""
    return "accepted" if path.startswith(ACCEPTED) else "kept"


def broken(
    released: Mapping[str, Any], current: Mapping[str, Any], ended: Sequence[EndedSchema] = ENDED
) -> dict[str, list[Break]]:
    """Path -> its broken promises, for every released document that breaks one.

    Args:
        released: path -> JSON Schema or AsyncAPI document of the last release.
        current: the same as of now; new files, e.g. new versions, are free.
        ended: schemas that may be gone, because their end is declared.
    """
    ends = {one.path: one for one in ended}
    found = {}
    for path, old in sorted(released.items()):
        if path in ends:
            found[path] = list(_end_breaks(ends[path], current))
        elif path not in current:
            hint = "restore it and keep it while the version is used; add a new version beside it"
            found[path] = [Break("", "is released, and no model makes it any more", hint)]
        elif "asyncapi" in old:
            found[path] = list(channel_breaks(old, current[path]))
        else:
            found[path] = schema_breaks(old, current[path], promise_of(path))
    return {path: breaks for path, breaks in found.items() if breaks}


def _end_breaks(end: EndedSchema, current: Mapping[str, Any]) -> Iterator[Break]:
    """A schema that ends is gone, and the schema that replaces it is there."""
    if end.path in current:
        what = f"its end in {end.version} is declared, and a model still makes it"
        yield Break("", what, "give the model a new version, or remove the entry from router/contracts/ended.py")
    if end.replaced_by not in current:
        what = f"it ends in {end.version}, and no model makes {end.replaced_by}, which replaces it"
        yield Break("", what, "make that schema, or correct the entry in router/contracts/ended.py")


def schema_breaks(old: Mapping[str, Any], new: Mapping[str, Any], promise: Promise) -> list[Break]:
    """Every change that breaks the promise of a schema."""
    return [
        Break(change.pointer, change.what, f"{_hint(change)}, {NEW_VERSION}")
        for change in changes(old, new)
        if not _allowed(change, promise)
    ]


def _allowed(change: SchemaChange, promise: Promise) -> bool:
    if promise == "accepted":
        return change.kind in ("wider", "grown")
    return change.kind == "grown" and _field(change.pointer) in OPEN


def _field(pointer: str) -> str | None:
    """The field whose list of values the pointer names, itself or in an array."""
    found = re.search(r"/properties/([^/]+)(/(anyOf|oneOf)/\d+|/items)*/(enum|const)$", pointer)
    return found[1] if found else None


def _hint(change: SchemaChange) -> str:
    if change.what.startswith("cannot"):
        return "restore it, extend router/contracts/schema_changes.py"
    if change.kind == "narrower":
        return "accept every document that was valid"
    if change.kind == "grown":
        return "use the released values, declare the list open (OPEN in router/contracts/compatibility.py)"
    return "restore the released field"


def channel_breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Break]:
    """Every change of a topic or a message that breaks an AsyncAPI document; new topics and messages are free."""
    for name, channel in old["channels"].items():
        place, now = f"/channels/{escaped(name)}", new["channels"].get(name)
        if now is None or now["address"] != channel["address"]:
            what = f"the topic `{channel['address']}` is {'gone' if now is None else 'renamed'}"
            yield Break(place, what, "restore the topic and keep it while it has readers or writers")
        for message in [] if now is None else channel["messages"]:
            if message not in now["messages"]:
                hint = "restore it, and add a new version as a message beside it"
                yield Break(f"{place}/messages/{escaped(message)}", "the message is gone", hint)
    for name, message in old["components"]["messages"].items():
        now = new["components"]["messages"].get(name)
        if now is not None:
            yield from _message_breaks(message, now, f"/components/messages/{escaped(name)}")


def _message_breaks(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Break]:
    """A message keeps its content type, its schemas and its key."""
    for part in ("contentType", "headers", "payload"):
        if old.get(part) != new.get(part):
            yield Break(f"{place}/{part}", f"`{part}` differs", "restore it, and add a new message beside this one")
    keys = [message["bindings"]["kafka"].get("key", {}) for message in (old, new)]
    # The key decides partition and compaction, on which writers and readers rely.
    for found in schema_breaks(keys[0], keys[1], "kept"):
        yield found._replace(pointer=f"{place}/bindings/kafka/key{found.pointer}")
