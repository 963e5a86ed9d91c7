"""In which charset a record's JSON is written: UTF-8, unless its header `content-type` says `charset=GB18030`.

GBK and GB 2312 are subsets of GB 18030 and read as such. Only the parameter counts, not the media type.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from router.domain.intake.rejections import bad_charset, other_charset, unknown_charset
from router.domain.model.rejection import Rejection

CONTENT_TYPE = "content-type"
"""The header, as CloudEvents' binding for Kafka spells it."""
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
"""Name in lower case -> what reads it."""
_MOST = 256
"""Bytes of the header that are looked at."""
_CERTAIN = 2
"""So many characters of three bytes are no accident."""
_parameters = re.compile(r';[ \t]*([!-:<>-~]+?)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#-:<-~]+))').finditer
"""RFC 9110, 5.6.6; spaces around `=` are forgiven."""


def utf8(value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> bytes | Rejection:
    """The value as UTF-8; a value that should be UTF-8 already is handed on as it is, right or wrong.

    Args:
        value: of a record, not longer than a record may be.
        headers: of the same record; the first `content-type` holds.
    """
    for name, content in headers:
        if name == CONTENT_TYPE:
            return _recoded(value, charset((content or b"")[:_MOST]))
    return value


@lru_cache(maxsize=64)
def charset(content_type: bytes) -> str:
    """The charset that a content type names, in lower case; `utf-8` when it names none."""
    for parameter in _parameters(content_type.decode("latin-1")):
        name, quoted, token = parameter.groups()
        if name.lower() == "charset":
            return (token or re.sub(r"\\(.)", r"\1", quoted or "")).strip().lower() or UTF8
    return UTF8


def _recoded(value: bytes, name: str) -> bytes | Rejection:
    codec = _CODECS.get(name)
    if codec is None:
        return unknown_charset(name)
    if codec == UTF8:
        return value
    if _is_utf8(value):
        return other_charset(name)
    try:
        return value.decode(codec).encode()
    except UnicodeDecodeError as error:
        return bad_charset(name, error.start)


def _is_utf8(value: bytes) -> bool:
    """Whether bytes that should be GB 18030 are UTF-8: most would decode all the same, as characters that nobody wrote.

    GB 18030 can be UTF-8 by chance: of random texts of three rare characters one in 4,000, of longer or usual ones hardly any.
    """
    if value.isascii():
        return False
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return False
    return sum(char >= "\u0800" for char in text) >= _CERTAIN
