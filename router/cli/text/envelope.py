"""One Kafka record as a JSON envelope or as one line of sanitized text."""

from fnmatch import fnmatchcase
from typing import Any, Literal

import orjson
from msgspec import Struct

from router.cli.text.sanitize import sanitize, sanitize_bytes
from router.cli.text.timestamps import from_ms, stamp
from router.domain import exact_json
from router.kafka.topic_reader import Record

SHALLOW = 200
"""Number of brackets and braces that orjson can always write, however deep they are nested."""
INTEGER = 19
"""Characters of the longest integer that orjson can always write."""
ValueKind = Literal["json", "text", "hex", "none"]


class Content(Struct, frozen=True):
    """A key or value that can be printed, with its kind."""

    kind: ValueKind
    shown: Any


def content_of(raw: bytes | None) -> Content:
    """JSON, its numbers as they were written, if orjson can parse and write it; else text if it is UTF-8, else hexadecimal digits."""
    if raw is None:
        return Content("none", None)
    try:
        _check_writable(raw, orjson.loads(raw))
        return Content("json", exact_json.parse(raw, INTEGER))
    except (ValueError, orjson.JSONEncodeError, RecursionError):
        pass
    try:
        return Content("text", raw.decode())
    except UnicodeDecodeError:
        return Content("hex", raw.hex())


def _check_writable(raw: bytes, parsed: Any) -> None:
    """Raise orjson.JSONEncodeError if orjson cannot write the value: it reads deeper nesting than it writes."""
    if raw.count(b"[") + raw.count(b"{") > SHALLOW:
        orjson.dumps(parsed)


def text_of(raw: bytes | None) -> str | None:
    """A key or header as text: UTF-8, else `hex:` and its digits."""
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "hex:" + raw.hex()


def envelope(record: Record) -> dict[str, Any]:
    """The record as JSON: topic, partition, offset, time, key, headers in order (names may repeat), value and its kind."""
    value = content_of(record.value)
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": stamp(from_ms(record.timestamp)),
        "key": text_of(record.key),
        "headers": [[name, text_of(content)] for name, content in record.headers],
        "value": value.shown,
        "value_kind": value.kind,
    }


def line(record: Record, width: int) -> str:
    """The record as one line of text of at most `width` characters."""
    key = "-" if record.key is None else sanitize_bytes(record.key, 40)
    value = "-" if record.value is None else sanitize_bytes(record.value, width)
    return sanitize(f"{stamp(from_ms(record.timestamp))} {record.partition}/{record.offset} {key} {value}", width)


def in_cell(record: Record, pattern: str) -> bool:
    """Whether the record's key, or the cell in its value, matches a glob such as `4109*`."""
    key = text_of(record.key)
    if key is not None and fnmatchcase(key, pattern):
        return True
    value = content_of(record.value).shown if record.value else None
    return any(fnmatchcase(cell, pattern) for cell in _cells(value))


def _cells(value: Any) -> list[str]:
    if not isinstance(value, dict):
        return []
    location = value.get("location")
    cells = [value.get("cell"), location.get("cell") if isinstance(location, dict) else None]
    return [cell for cell in cells if isinstance(cell, str)]
