"""What the gateway reads of a request: its body within bounds, and the header fields that go into the record.

The value of the record is the body, byte for byte. Its headers are the content type, the attributes of a CloudEvent in
binary mode (HTTP binding, 3.1; Kafka binding, 3.2), and the trace context (W3C, Trace Context).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from urllib.parse import unquote

from fastapi import Request

from router.domain.intake.charset import CONTENT_TYPE, MAX_HEADER_BYTES, media_type
from router.domain.model.source_record import RecordHeaders
from router.gateway.problems import RETRY_AFTER_S, ProblemError

BODIES_BYTES = 64 << 20
"""Bytes of all bodies that arrive at once."""
BODY_S = 10.0
"""How long a body may take to arrive."""
JSON, STRUCTURED, EVENT_BATCH = "application/json", "application/cloudevents+json", "application/cloudevents-batch+json"
TRACE_PARENT, TRACE_STATE = "traceparent", "tracestate"
MAX_TRACE_STATE = 512
"""Characters of `tracestate` that are passed on (W3C, 3.3.1.5)."""
_TRACE = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
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


def record_headers(fields: Fields) -> RecordHeaders:
    """The headers that a record takes over from the header fields of a request."""
    fields = list(fields)
    content_type = next((value for name, value in fields if name == CONTENT_TYPE), JSON)
    headers = [(CONTENT_TYPE, content_type.encode("latin-1", "replace")[:MAX_HEADER_BYTES])]
    attributes = ((_ATTRIBUTE.fullmatch(name), value) for name, value in fields)
    headers += [(f"ce_{found[1]}", unquote(value.strip()).encode()) for found, value in attributes if found]
    return [*headers, *trace_context(fields)]


def trace_context(fields: Fields) -> list[tuple[str, bytes]]:
    """The trace context of a request; empty if it has none, or a malformed one."""
    fields = list(fields)
    parents = [value.strip() for name, value in fields if name == TRACE_PARENT]
    if len(parents) != 1 or not _TRACE.fullmatch(parents[0]):
        return []
    state = ",".join(value.strip() for name, value in fields if name == TRACE_STATE)
    known = state if state.isascii() and state.isprintable() and len(state) <= MAX_TRACE_STATE else ""
    return [(TRACE_PARENT, parents[0].encode()), *([(TRACE_STATE, known.encode())] if known else [])]


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        "body-too-large", f"the body has more than {limit} bytes; send photos by URL and hash, and keep texts short."
    )
