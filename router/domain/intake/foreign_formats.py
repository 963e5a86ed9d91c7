"""What a value is that is no JSON object: another format, another encoding, another kind of JSON.

Only rejections ask. The answer is a guess from the first bytes, in words for people at a network.
"""

import re

_LOOK = 512
"""Bytes that are looked at."""
_SIGNATURES = (
    (b"\xff\xfe\0\0", "UTF-32 text"),
    (b"\0\0\xfe\xff", "UTF-32 text"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"PK\x03\x04", "a ZIP file"),
    (b"Obj\x01", "an Avro file"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF-", "a PDF file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\xac\xed\0\5", "a serialised Java object"),
)
"""First bytes of a format, and its name; the longer of two comes first."""
_TEXTS = (
    (re.compile(rb"\s*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE), "HTML"),
    (re.compile(rb"\s*<[?!A-Za-z]"), "XML"),
    (re.compile(rb"[\w.%+-]+=[^\s,;{&]*(&[\w.%+-]+=[^\s,;{&]*)*\s*$"), "form data"),
)
_MAGIC = 5
"""Bytes that clients of a schema registry write before Avro or Protobuf: a zero and the schema's id."""
_CSV = (b",", b";", b"\t")
_KINDS = {b"[": "a JSON array", b'"': "a JSON string", b"t": "the JSON word true", b"f": "the JSON word false"}
_WORDS = {b"null": "the JSON word null", b"NaN": "NaN", b"Infinity": "Infinity", b"-Infinity": "-Infinity"}


def format_of(value: bytes) -> str | None:
    """The format of a value that no JSON parser reads; None when it looks like JSON or like nothing known."""
    begin = value[:_LOOK]
    for signature, name in _SIGNATURES:
        if begin.startswith(signature):
            return name
    if b"\0" in begin[:4]:
        return _with_zeros(begin)
    for found, name in _TEXTS:
        if found.match(begin):
            return name
    return "CSV" if _is_csv(begin) else None


def kind_of(value: bytes) -> str | None:
    """What a JSON value is instead of an object with fields; None for an object that has some."""
    text = value.strip()
    if text.startswith(b"{"):
        return "an empty JSON object" if not text[1:-1].strip() else None
    return f"{_WORDS.get(text) or _KINDS.get(text[:1], 'a JSON number')}, not a JSON object"


def _with_zeros(begin: bytes) -> str:
    """JSON begins with two ASCII characters, so zeros among its first bytes say how wide its characters are (RFC 4627, 3)."""
    zeros = [byte == 0 for byte in begin[:8]]
    if zeros[:4] in ([False, True, False, True], [True, False, True, False]):
        return "UTF-16 text"
    if zeros in ([False, True, True, True] * 2, [True, True, True, False] * 2):
        return "UTF-32 text"
    if begin[0] == 0 and len(begin) > _MAGIC:
        return "Avro or Protobuf with the id of a schema registry"
    return "a binary format"


def _is_csv(begin: bytes) -> bool:
    """Whether the first line has three fields, or two lines have two each."""
    if b"{" in begin or b"[" in begin:
        return False
    lines = begin.splitlines()[:2]
    return any(
        line.count(comma) >= 2 or (len(lines) > 1 and 0 < line.count(comma) == lines[1].count(comma))
        for comma in _CSV
        for line in lines[:1]
    )
