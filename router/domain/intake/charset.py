"""The charset of a record's JSON: UTF-8, unless its header `content-type` has the parameter `charset=GB18030`.

GBK and GB 2312 are subsets of GB 18030, so the router decodes them as GB 18030 (gb18030.py). The media type is read elsewhere (cloudevents.py).
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from router.domain.intake.gb18030 import decode
from router.domain.intake.rejections import bad_charset, other_charset, unknown_charset
from router.domain.model.rejection import Rejection

CONTENT_TYPE = "content-type"
"""The header as the CloudEvents binding for Kafka spells it."""
UTF8, GB18030 = "utf-8", "gb18030"
_CODECS = {
    "utf-8": UTF8,
    "utf8": UTF8,
    "us-ascii": UTF8,
    "gb18030": GB18030,
    "gb18030-2022": GB18030,
    "gbk": GB18030,
    "gb2312": GB18030,
}
"""Python codec by charset name in lower case."""
MAX_HEADER_BYTES = 256
"""Bytes of the header that the router reads."""
_ENOUGH_LONG_CHARACTERS = 2
"""Characters of three bytes that are not a coincidence."""
_parameters = re.compile(r';[ \t]*([!-:<>-~]+?)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#-:<-~]+))').finditer
"""RFC 9110, 5.6.6; spaces around `=` are accepted."""


def utf8(value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> bytes | Rejection:
    """The value as UTF-8, or a rejection. A value that should be UTF-8 is returned unchecked: the JSON parser checks it.

    Args:
        value: of a record, at most MAX_BYTES.
        headers: of the same record; the first `content-type` counts.
    """
    for name, content in headers:
        if name == CONTENT_TYPE:
            return recoded(value, charset((content or b"")[:MAX_HEADER_BYTES]))
    return value


@lru_cache(maxsize=64)
def media_type(content_type: bytes) -> str:
    """The media type of a content type in lower case, without its parameters."""
    return content_type.decode("latin-1").partition(";")[0].strip().lower()


@lru_cache(maxsize=64)
def charset(content_type: bytes) -> str:
    """The charset of a content type in lower case; `utf-8` when it has no charset."""
    for parameter in _parameters(content_type.decode("latin-1")):
        name, quoted, token = parameter.groups()
        if name.lower() == "charset":
            return (token or re.sub(r"\\(.)", r"\1", quoted or "")).strip().lower() or UTF8
    return UTF8


def recoded(value: bytes, name: str) -> bytes | Rejection:
    """The value in the charset `name` as UTF-8, or a rejection."""
    codec = _CODECS.get(name)
    if codec is None:
        return unknown_charset(name)
    if codec == UTF8:
        return value
    if _is_utf8(value):
        return other_charset(name)
    try:
        return decode(value).encode()
    except UnicodeDecodeError as error:
        return bad_charset(name, error.start)


def _is_utf8(value: bytes) -> bool:
    """Whether bytes that should be GB 18030 are UTF-8. Most would decode as GB 18030, too, but to wrong characters.

    GB 18030 is valid UTF-8 by chance in one of 4,000 random texts of three rare characters, and hardly ever in longer or
    common texts.
    """
    if value.isascii():
        return False
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return False
    return sum(char >= "\u0800" for char in text) >= _ENOUGH_LONG_CHARACTERS
