"""The trace context of a record: which trace it belongs to.

A record has it in two pairs of headers:

- `ce_traceparent` and `ce_tracestate`: where the trace began. This is the distributed tracing extension of CloudEvents in
  Kafka's binary mode. The router never changes it.
- `traceparent` and `tracestate`: the last span before the record (W3C Trace Context), as OpenTelemetry's Kafka clients read and write
  it. Only a process that traces changes it.

What is malformed is ignored, as W3C Trace Context (Level 2, section 3) says: a wrong `traceparent` with its `tracestate`, and a wrong `tracestate` alone.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

Headers = Sequence[tuple[str, bytes | None]]
TraceHeaders = list[tuple[str, bytes]]
"""Up to four headers, for every record that one record causes; the values are valid."""
TRACE_PARENT, TRACE_STATE = "traceparent", "tracestate"
CE_TRACE_PARENT, CE_TRACE_STATE = "ce_traceparent", "ce_tracestate"
TRACE_HEADERS = frozenset({TRACE_PARENT, TRACE_STATE, CE_TRACE_PARENT, CE_TRACE_STATE})
MAX_STATE, MAX_MEMBERS = 512, 32
"""Bytes and members of a `tracestate` that is passed on (3.3.1.1, 3.3.1.5)."""
PARENT_BYTES, MAX_PARENT = 55, 256
"""Bytes of a `traceparent` of version 00, and most bytes that are read of a later version."""
_IDS = rb"(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}"
_VERSION_00 = re.compile(rb"00-" + _IDS + rb"-[0-9a-f]{2}")
_LATER = re.compile(rb"(?!00|ff)[0-9a-f]{2}-(" + _IDS + rb")-([0-9a-f]{2})(?:-.*)?", re.DOTALL)
_MEMBER = re.compile(
    rb"[ \t]*([a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~][ \t]*"
)
_Context = tuple[bytes, bytes]
"""Valid `traceparent`, and valid `tracestate` or nothing."""


def carried(headers: Headers) -> TraceHeaders:
    """The trace headers for what a record causes; empty if it has no valid trace context.

    With one pair alone, both pairs say the same: nothing between has traced. A header that stands twice is malformed.
    """
    found: dict[str, bytes | None] | None = None
    for name, content in headers:
        if name in TRACE_HEADERS:
            if found is None:
                found = {}
            found[name] = b"" if name in found else content
    if found is None:
        return []
    last = _context(found.get(TRACE_PARENT), found.get(TRACE_STATE))
    began = _context(found.get(CE_TRACE_PARENT), found.get(CE_TRACE_STATE)) or last
    if began is None:
        return []
    return [*_pair(CE_TRACE_PARENT, CE_TRACE_STATE, began), *_pair(TRACE_PARENT, TRACE_STATE, last or began)]


def after_span(headers: TraceHeaders, parent: bytes, state: bytes) -> TraceHeaders:
    """The trace headers behind a span of this process. The trace began where it did before; without headers, at the span.

    Args:
        headers: as `carried` returns them.
        parent: `traceparent` of the span.
        state: `tracestate` of the span, or nothing.
    """
    span = _pair(TRACE_PARENT, TRACE_STATE, (parent, state))
    began = [one for one in headers if one[0].startswith("ce_")] or _pair(
        CE_TRACE_PARENT, CE_TRACE_STATE, (parent, state)
    )
    return [*began, *span]


def trace_id(headers: Headers) -> str | None:
    """The id of the trace in which a record began, 32 hexadecimal digits; None if it has no valid trace context."""
    found = carried(headers)
    return found[0][1][3:35].decode() if found else None


def _pair(parent: str, state: str, context: _Context) -> TraceHeaders:
    return [(parent, context[0]), (state, context[1])] if context[1] else [(parent, context[0])]


def _context(parent: bytes | None, state: bytes | None) -> _Context | None:
    """A valid context; None if there is none."""
    if not parent:
        return None
    if not (len(parent) == PARENT_BYTES and _VERSION_00.fullmatch(parent)):
        parent = _of_later_version(parent)
    if parent is None:
        return None
    return parent, _valid_state(state) if state and len(state) <= MAX_STATE else b""


def _of_later_version(parent: bytes) -> bytes | None:
    """What version 00 knows of a `traceparent` of a later version, as version 00 writes it (4); None if it is malformed."""
    read = _LATER.fullmatch(parent) if len(parent) <= MAX_PARENT else None
    if read is None:
        return None
    return b"00-%s-%s" % (read[1], b"01" if int(read[2], 16) & 1 else b"00")


@lru_cache(maxsize=256)
def _valid_state(state: bytes) -> bytes:
    """A `tracestate` as it is; nothing if it is malformed."""
    members = [one for one in state.split(b",") if one.strip(b" \t")]
    if len(members) > MAX_MEMBERS:
        return b""
    read = [_MEMBER.fullmatch(one) for one in members]
    keys = [one[1] for one in read if one is not None]
    return state if len(set(keys)) == len(members) else b""
