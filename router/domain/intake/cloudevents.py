"""Reports inside CloudEvents 1.0: the value of a record without the envelope that its producer put around the report.

In binary mode the value is the report, and the router reads no `ce_` header. In structured mode (Kafka binding, 3.3) the
value is an envelope in JSON: the report is its `data`, or the text of its `data_base64`. Nothing else of the envelope counts.
The report's own id says which report it is, its own times say when, and the topic says which network. Batch mode
is rejected, because one record is one report (ADR 0012).
"""

from base64 import b64decode
from binascii import Error
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from msgspec import UNSET, MsgspecError, Raw, Struct, UnsetType
from msgspec.json import Decoder

from router.domain import exact_json
from router.domain.intake.charset import CONTENT_TYPE, MAX_HEADER_BYTES, charset, media_type, recoded
from router.domain.intake.rejections import (
    bad_base64,
    batch_of_events,
    empty_event,
    other_event_format,
)
from router.domain.model.rejection import Rejection

_MEDIA_TYPE, _BATCH = "application/cloudevents", "application/cloudevents-batch"
_Mode = Literal["structured", "batch", "other format"]
_UNREADABLE = (MsgspecError, UnicodeDecodeError, RecursionError)


class _Envelope(Struct):
    """What the router reads of an envelope (CloudEvents JSON format, 3)."""

    specversion: Any = UNSET
    datacontenttype: Any = None
    data: Raw | UnsetType = UNSET
    data_base64: Any = UNSET


class _Event(_Envelope, kw_only=True):
    """An envelope with its required attributes; a report has not all of them."""

    specversion: str
    id: str
    source: str
    type: str


_REQUIRED = ("specversion", "id", "source", "type")
_read_envelope = Decoder(_Envelope).decode
_read_event = Decoder(_Event).decode
_read_events = Decoder(list[_Event]).decode


def report_text(value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> bytes | Rejection:
    """The report in UTF-8, as the first header `content-type` says. Without that header it is the value.

    A value that should be UTF-8 or an envelope, but is not, is returned as it is: the JSON parser says what is wrong.

    Args:
        value: of a record, at most MAX_BYTES.
        headers: of the same record.
    """
    for name, content in headers:
        if name == CONTENT_TYPE:
            content_type = (content or b"")[:MAX_HEADER_BYTES]
            mode = _mode(content_type)
            text = recoded(value, charset(content_type))
            if mode is None or isinstance(text, Rejection):
                return text
            return _of_mode(text, mode, content_type)
    return value


def event_data(value: bytes) -> bytes | Rejection | None:
    """The report in an envelope that no header declares; None when the value is no envelope.

    Call it for a value that is not a valid report itself.
    """
    envelope = _event(value)
    if envelope is not None:
        return _data(envelope)
    try:
        return batch_of_events() if value.lstrip()[:1] == b"[" and _read_events(value) else None
    except _UNREADABLE:
        return None


@lru_cache(maxsize=64)
def _mode(content_type: bytes) -> _Mode | None:
    media = media_type(content_type)
    if not media.startswith(_MEDIA_TYPE):
        return None
    kind, _, format_ = media.partition("+")
    if kind == _BATCH:
        return "batch"
    return "structured" if format_ in {"json", ""} else "other format"


def _of_mode(text: bytes, mode: _Mode, content_type: bytes) -> bytes | Rejection:
    if mode == "batch":
        return batch_of_events()
    if mode == "other format":
        return other_event_format(media_type(content_type))
    envelope = _envelope(text)
    if envelope is None:
        return text
    if envelope.data is UNSET and envelope.data_base64 is UNSET and envelope.specversion is UNSET:
        return text  # the report itself, for example a repaired value
    return _data(envelope)


def _event(text: bytes) -> _Envelope | None:
    """The envelope with its required attributes; None if the text is none."""
    try:
        return _read_event(text)
    except _UNREADABLE:
        event = _leniently(text)
    return None if event is None or not all(isinstance(event.get(name), str) for name in _REQUIRED) else _made(event)


def _envelope(text: bytes) -> _Envelope | None:
    """The text as an envelope, which may lack everything; None if it is no JSON object."""
    try:
        return _read_envelope(text)
    except _UNREADABLE:
        event = _leniently(text)
    return None if event is None else _made(event)


def _leniently(text: bytes) -> dict[str, Any] | None:
    """The fields of an envelope with NaN, infinity or a number that no float holds. A report may have them in unknown fields."""
    if b"specversion" not in text:
        return None
    try:
        fields = exact_json.parse(text)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _made(fields: dict[str, Any]) -> _Envelope | None:
    try:
        data = Raw(exact_json.write(fields["data"])) if "data" in fields else UNSET
    except (ValueError, RecursionError):
        return None
    return _Envelope(
        specversion=fields.get("specversion", UNSET),
        datacontenttype=fields.get("datacontenttype"),
        data=data,
        data_base64=fields.get("data_base64", UNSET),
    )


def _data(envelope: _Envelope) -> bytes | Rejection:
    packed = envelope.data_base64
    if envelope.data is not UNSET:
        return bytes(envelope.data)
    if packed is UNSET:
        return empty_event()
    try:
        data = b64decode(packed, validate=True)
    except (Error, ValueError, TypeError):
        return bad_base64()
    of_data = envelope.datacontenttype
    if isinstance(of_data, str):
        return recoded(data, charset(of_data.encode("latin-1", "replace")[:MAX_HEADER_BYTES]))
    return data
