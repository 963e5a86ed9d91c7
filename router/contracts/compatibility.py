"""What the schemas promise from one release to the next, and where a change breaks it.

Two promises. What others write and the router reads (networks' reports, a city's files) is *accepted*: all that was
valid stays valid. What the router writes and others read (its records and their headers) is *kept*: fields only come
to it, and the older ones hold for the same values as before, so that readers of the release before read it, and
readers of today read what stands on the topics from before.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from router.contracts.schema_changes import changes
from router.contracts.schema_nodes import Change, escaped

Promise = Literal["accepted", "kept"]
ACCEPTED = ("reports/", "city/", "headers/report.")
"""Beginnings of the paths of schemas of what others write."""
OPEN = {
    "joined": "ways to recognise the same incident are added",
    "resolved_by": "ways to find the cell are added",
    "state": "the steps of a case and of a task are added one by one (GB/T 30428.8)",
    "grid-dead-letter-code": "reasons for rejecting a record are added",
}
"""Field -> why its list of values may grow within a version: a reader must do something sensible with a new word.

The lists of OASIS CAP (`status`, `urgency`, `severity`, `certainty`) and `role` are closed: departments decide by them.
"""
NEW_VERSION = "or leave this version as it was and make a new one beside it (docs/reference/schemas.md)"


class Break(NamedTuple):
    """One broken promise."""

    pointer: str
    """JSON pointer into the file."""
    what: str
    hint: str


def promise_of(path: str) -> Promise:
    """What is promised of the schema at a path like `events/grid.case.changed.v1.json`."""
    return "accepted" if path.startswith(ACCEPTED) else "kept"


def broken(released: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, list[Break]]:
    """Path -> its broken promises, for every released document that breaks one.

    Args:
        released: path -> JSON Schema or AsyncAPI document of the last release.
        current: the same as of now; new files, e.g. new versions, are free.
    """
    found = {}
    for path, old in sorted(released.items()):
        if path not in current:
            hint = "bring it back and keep it for as long as the version is used; a new version stands beside it"
            found[path] = [Break("", "is released, and no model makes it any more", hint)]
        elif "asyncapi" in old:
            found[path] = list(channel_breaks(old, current[path]))
        else:
            found[path] = schema_breaks(old, current[path], promise_of(path))
    return {path: breaks for path, breaks in found.items() if breaks}


def schema_breaks(old: Mapping[str, Any], new: Mapping[str, Any], promise: Promise) -> list[Break]:
    """Where a schema breaks its promise."""
    return [
        Break(change.pointer, change.what, f"{_cure(change)}, {NEW_VERSION}")
        for change in changes(old, new)
        if not _allowed(change, promise)
    ]


def _allowed(change: Change, promise: Promise) -> bool:
    if promise == "accepted":
        return change.kind in ("wider", "grown")
    return change.kind == "grown" and _field(change.pointer) in OPEN


def _field(pointer: str) -> str | None:
    """The field whose list of values it points to, itself or in an array."""
    found = re.search(r"/properties/([^/]+)(/(anyOf|oneOf)/\d+|/items)*/(enum|const)$", pointer)
    return found[1] if found else None


def _cure(change: Change) -> str:
    if change.what.startswith("cannot"):
        return "leave it as it was, teach router/contracts/schema_changes.py to compare it"
    if change.kind == "narrower":
        return "let all that was valid be valid"
    if change.kind == "grown":
        return "keep to the released values, declare the list open (OPEN in router/contracts/compatibility.py)"
    return "keep to what is released"


def channel_breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Break]:
    """Where an AsyncAPI document breaks what it said of topics and messages; new ones of both are free."""
    for name, channel in old["channels"].items():
        place, now = f"/channels/{escaped(name)}", new["channels"].get(name)
        if now is None or now["address"] != channel["address"]:
            what = f"the topic `{channel['address']}` is {'gone' if now is None else 'renamed'}"
            yield Break(place, what, "keep the topic for as long as it is read or written")
        for message in [] if now is None else channel["messages"]:
            if message not in now["messages"]:
                hint = "keep it; a new version of it is a message beside it"
                yield Break(f"{place}/messages/{escaped(message)}", "the message is gone", hint)
    for name, message in old["components"]["messages"].items():
        now = new["components"]["messages"].get(name)
        if now is not None:
            yield from _message_breaks(message, now, f"/components/messages/{escaped(name)}")


def _message_breaks(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Break]:
    """A message keeps its form, its schemas and what its key is."""
    for part in ("contentType", "headers", "payload"):
        if old.get(part) != new.get(part):
            yield Break(f"{place}/{part}", f"`{part}` is another", "keep it, and make a new message beside this one")
    keys = [message["bindings"]["kafka"].get("key", {}) for message in (old, new)]
    # The key decides partition and compaction: both sides rely on what it is.
    for found in schema_breaks(keys[0], keys[1], "kept"):
        yield found._replace(pointer=f"{place}/bindings/kafka/key{found.pointer}")
