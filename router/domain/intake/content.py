"""What a record says, whatever its bytes are.

Two values have the same content if their JSON is equal: order of keys, blanks and escapes say nothing (RFC 8259). Fields that
the city calls ignored say nothing either. Numbers of fields that a schema names are compared by value, as the router reads them.
If a message has fields that no schema names, numbers are compared as they are written, so that no digit is lost.
"""

import json
from collections.abc import Collection
from hashlib import blake2b
from typing import Any

import orjson
from msgspec import MsgspecError
from msgspec.json import Decoder, Encoder

_decode = Decoder(float_hook=lambda digits: f"\0{digits}").decode
_encode = Encoder(order="sorted").encode
_FAILURES = (ValueError, RecursionError)
"""Of the standard library's parser: not JSON, or nested too deeply."""


def content_digest(text: bytes, ignored: Collection[str] = (), *, all_known: bool = False) -> str:
    """The digest by which two versions of a report differ: 64 bits of BLAKE2b over the canonical JSON.

    It costs about 2 µs for 300 bytes. It never raises: a text that cannot be made canonical is its own content.

    Args:
        text: one JSON object in UTF-8.
        ignored: names of top-level fields that say nothing.
        all_known: whether the schema names all its fields, so that numbers are compared by value.
    """
    if all_known:
        try:
            named = orjson.loads(text)
            _drop(named, ignored)
            canonical = orjson.dumps(named, option=orjson.OPT_SORT_KEYS)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            pass  # what orjson does not carry, such as NaN
        else:
            return bytes_digest(canonical)
    try:
        said = _decode(text)
        if ignored:
            _drop(said, ignored)
        canonical = _encode(said)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        canonical = _slowly(text, ignored)
    return blake2b(canonical, digest_size=8).hexdigest()


def bytes_digest(value: bytes) -> str:
    """The digest of a record's bytes."""
    return blake2b(value, digest_size=8).hexdigest()


def _slowly(text: bytes, ignored: Collection[str]) -> bytes:
    """Of a text with numbers or characters that the fast parser does not read, such as `1e999`, `NaN` or a lone surrogate."""
    try:
        said = json.loads(text, parse_float="\0{}".format, parse_constant="\0{}".format)
        _drop(said, ignored)
        return json.dumps(said, sort_keys=True).encode()
    except _FAILURES:
        return text


def _drop(said: Any, ignored: Collection[str]) -> None:
    if isinstance(said, dict):
        for name in ignored:
            said.pop(name, None)
