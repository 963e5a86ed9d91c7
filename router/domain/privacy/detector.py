"""Finds identity and phone numbers in free text and in unknown fields, and masks them before anything is stored.

Masking keeps the first digits, which say the region or the kind of number, and the length of the text. The rest cannot be recovered.
Docs: docs/explanation/privacy.md and docs/adr/0036-personal-data.md.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from msgspec import Raw

from router.domain.model.vocabulary import PersonalNumber

MASK = "*"
_FULL_WIDTH = {ord("０") + digit: ord("0") + digit for digit in range(10)}
"""Digits as Chinese keyboards may write them; the text keeps its length."""
may_have_number = re.compile(r"[0-9０-９](?:[ .()-]{0,2}[0-9０-９]){9}").search
"""Every number has ten digits with little between them, and few texts have. This costs a fraction of the whole pattern."""
_NUMBER = re.compile(
    r"(?<!\d)(?<!\d\.)(?:"  # no part of a longer number, and no decimals of a coordinate
    r"(?P<identity>[1-9]\d{5}[ -]?(?P<born>(?:18|19|20)\d{6})[ -]?\d{3}[\dXx])"
    r"|(?:(?:\+|00)?86[ -]?)?(?P<mobile>1[3-9]\d[ -]?\d{4}[ -]?\d{4})"
    r"|(?P<landline>0\d{2,3}[ -]\d{7,8}|\(0\d{2,3}\) ?\d{7,8})"
    r"|(?:\+?1[ .-])?(?P<american>\([2-9]\d{2}\) ?\d{3}[ .-]\d{4}|[2-9]\d{2}[ .-]\d{3}[ .-]\d{4})"
    r")(?!\d)"
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
"""GB 11643 (ISO 7064 MOD 11-2): weights of the first 17 digits, and the check character of each remainder."""
_KEPT = {"identity": 4, "mobile": 3, "landline": 4, "american": 3}
"""How many characters of a number stay readable, beside its separators."""
_SHORTEST, _LONGEST = 10**10, 10**18
"""Integers of 11 to 18 digits may be such a number."""


class Masked(NamedTuple):
    """A value without personal numbers, and which kinds it had."""

    value: Any
    found: frozenset[PersonalNumber]


NOTHING: frozenset[PersonalNumber] = frozenset()


def is_identity_number(text: str) -> bool:
    """Whether 18 characters are an identity number by GB 11643: a birth date that exists, and the right check character."""
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text[:17], strict=True))
    return _CHECKS[total % 11] == text[17].upper()


def mask_text(text: str) -> Masked:
    """The text with each personal number masked; the same object if it has none."""
    if may_have_number(text) is None:
        return Masked(text, NOTHING)
    plain = text.translate(_FULL_WIDTH)
    found: set[PersonalNumber] = set()
    parts, done = [], 0
    for match in _NUMBER.finditer(plain):
        group = match.lastgroup if match.lastgroup != "born" else "identity"
        assert group is not None  # noqa: S101 - one of them matched
        number = match[group]
        if group == "identity" and not is_identity_number(re.sub("[ -]", "", number)):
            continue
        found.add("identity-number" if group == "identity" else "phone-number")
        kept = match.start(group) + _KEPT[group]
        parts += [text[done:kept], re.sub(r"[\dXx]", MASK, plain[kept : match.end()])]
        done = match.end()
    if not found:
        return Masked(text, NOTHING)
    return Masked("".join([*parts, text[done:]]), frozenset(found))


def mask_value(value: Any) -> Masked:
    """A value of an unknown field, of any depth, with each personal number masked; the same object if it has none.

    A number that must be masked becomes a text. So does the name of a field within it.
    """
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, bool) or value is None:
        return Masked(value, NOTHING)
    if isinstance(value, int | float | Raw):
        return _mask_number(value)
    if isinstance(value, list):
        items = [mask_value(item) for item in value]
        found = NOTHING.union(*(item.found for item in items))
        return Masked([item.value for item in items] if found else value, found)
    return mask_fields(value) if isinstance(value, dict) else Masked(value, NOTHING)


def mask_fields(fields: Mapping[str, Any]) -> Masked:
    """A map with each personal number in its names and values masked; the same object if it has none."""
    found: set[PersonalNumber] = set()
    masked: dict[str, Any] = {}
    for name, value in fields.items():
        new_name, in_name = mask_text(name)
        new_value, in_value = mask_value(value)
        while new_name in masked:  # two numbers with the same beginning
            new_name += MASK
        masked[new_name] = new_value
        found |= in_name | in_value
    return Masked(masked, frozenset(found)) if found else Masked(fields, NOTHING)


def _mask_number(value: float | Raw) -> Masked:
    """A number as the source wrote it, which may be a phone number without quotes."""
    if isinstance(value, int) and not _SHORTEST <= value < _LONGEST:
        return Masked(value, NOTHING)
    text = bytes(value).decode("ascii") if isinstance(value, Raw) else repr(value)
    whole = text.removesuffix(".0")
    masked = mask_text(whole)
    return masked if masked.found else Masked(value, NOTHING)
