"""What the gateway reads of a request: its body within bounds, and the header fields that go into the record.

The value of the record is the body, byte for byte. Its headers are the content type, the attributes of a CloudEvent in
binary mode (HTTP binding, 3.1; Kafka binding, 3.2), and the trace context (router/wire/trace_context.py).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from urllib.parse import unquote

from fastapi import Request

from router.domain.intake.charset import CONTENT_TYPE, MAX_HEADER_BYTES, media_type
from router.domain.model.source_record import RecordHeaders
from router.gateway.problems import RETRY_AFTER_S, ProblemError
from router.wire.trace_context import TRACE_HEADERS, TRACE_STATE, TraceHeaders, carried

BODIES_BYTES = 64 << 20
"""Bytes of all bodies that arrive at once."""
BODY_S = 10.0
"""How long a body may take to arrive."""
JSON, STRUCTURED, EVENT_BATCH = "application/json", "application/cloudevents+json", "application/cloudevents-batch+json"
_ATTRIBUTE = re.compile(r"ce-([a-z0-9]{1,20})")
Fields = Iterable[tuple[str, str]]
"""Header fields of a request, names in lower case, in their order."""


class BodyReader:
    """Reads the bodies of requests within bounds: of each one, of its time, and of all that arrive at once.

    Args:
        buffer_bytes: of all bodies that arrive at once.
    """

    def __init__(self, buffer_bytes: int = BODIES_BYTES) -> None:
        self._buffer_bytes, self._arriving = buffer_bytes, 0

    async def read(self, request: Request, limit: int) -> bytes:
        """The body of a request, at most `limit` bytes.

        Raises:
            ProblemError: it has a content coding, is too large, or does not arrive in time; or too many arrive at once.
        """
        coding = request.headers.get("content-encoding", "identity").strip().lower()
        if coding != "identity":
            raise ProblemError("unsupported-type", "the body has a content coding; send it without `Content-Encoding`.")
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > limit:
            raise _too_large(limit)
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_S):
                async for chunk in _chunks(request):
                    body += chunk
                    self._arriving += len(chunk)
                    if len(body) > limit:
                        raise _too_large(limit)
                    if self._arriving > self._buffer_bytes:
                        detail = "too many bodies arrive at once; keep this one and send it again."
                        raise ProblemError("buffer-full", detail, retry_after_s=RETRY_AFTER_S)
        except TimeoutError:
            raise ProblemError("timeout", f"the body did not arrive within {BODY_S:.0f} s; send it again.") from None
        finally:
            self._arriving -= len(body)
        return bytes(body)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ProblemError("malformed", "the connection ended before the body; send it again.")
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


def checked_media_type(content_type: str, taken: Iterable[str]) -> str:
    """The media type of a content type. Raises ProblemError unless it is one of those taken."""
    found = media_type(content_type.encode("latin-1", "replace")[:MAX_HEADER_BYTES])
    if found not in taken:
        detail = f"the body is not {' or '.join(taken)}; name its type in `Content-Type`."
        raise ProblemError("unsupported-type", detail)
    return found


def record_headers(fields: Fields, trace: TraceHeaders) -> RecordHeaders:
    """The headers that a record takes over from the header fields of a request, and those of its trace."""
    fields = list(fields)
    content_type = next((value for name, value in fields if name == CONTENT_TYPE), JSON)
    headers = [(CONTENT_TYPE, content_type.encode("latin-1", "replace")[:MAX_HEADER_BYTES])]
    attributes = ((_ATTRIBUTE.fullmatch(name), value) for name, value in fields)
    events = [(f"ce_{found[1]}", unquote(value.strip()).encode()) for found, value in attributes if found]
    headers += [one for one in events if one[0] not in TRACE_HEADERS]
    return [*headers, *trace]


def trace_context(fields: Fields) -> TraceHeaders:
    """The trace context of a request as headers of a record; empty if it has none, or a malformed one.

    `tracestate` may be in several fields (W3C Trace Context, 3.3.1.2).
    """
    found: list[tuple[str, bytes]] = []
    states: list[bytes] = []
    for name, value in fields:
        header = name.replace("ce-", "ce_", 1)
        if header == TRACE_STATE:
            states.append(value.encode("latin-1", "replace"))
        elif header in TRACE_HEADERS:
            found.append((header, value.strip().encode("latin-1", "replace")))
    if states:
        found.append((TRACE_STATE, b",".join(states).strip()))
    return carried(found) if found else []


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        "body-too-large", f"the body has more than {limit} bytes; send photos by URL and hash, and keep texts short."
    )
