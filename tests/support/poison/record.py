"""One poison record: what a network sends that it should not, and what must become of it."""

import json
import re
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from msgspec import Struct

from router.domain.networks.registry import NETWORKS
from tests.support.samples import sample

Headers = tuple[tuple[str | bytes, bytes | None], ...]
"""A name that is no UTF-8 is bytes."""
SCHEMA = frozenset({"schema", "bad-id", "bad-time", "personal-data"})
"""Codes of a message that is JSON and not what its network's schema says."""


class Poison(Struct, frozen=True, kw_only=True):
    """A record, and its fate: rejected with one of `codes`, or accepted because of `why`."""

    kind: str
    name: str
    """Unique in the collection, begins with the kind's network or subject."""
    network: str
    value: bytes | None
    key: bytes | None
    headers: Headers = ()
    codes: frozenset[str] = frozenset()
    """Empty: it must be accepted."""
    why: str = ""
    """Of what is accepted: a sentence."""


def sound(network: str, name: str, **fields: Any) -> dict[str, Any]:
    """The network's sample as a message of its own id, which `name` decides; a field given as ... is left out."""
    number = zlib.crc32(f"{network} {name}".encode())
    id_ = f"2026-Y0902-SQT-{number % 10**9}" if network == "litigation-services" else f"P-{number:08x}"
    changed = _sample(network) | {NETWORKS[network].id_field: id_} | fields
    return {field: value for field, value in changed.items() if value is not ...}


@cache
def _sample(network: str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(sample(network).text)
    return message


def written(message: Any) -> bytes:
    """As UTF-8 JSON; NaN and infinity as JavaScript writes them."""
    return message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()


def with_text(network: str, name: str, field: str, text: str) -> bytes:
    """The sound message with one more field, which is written exactly so."""
    return written(sound(network, name))[:-1] + f', "{field}": {text}}}'.encode()


def named(headers: Headers) -> list[tuple[str, bytes | None]]:
    """Headers as the worker gets them: bytes of a name that are no UTF-8 are written out."""
    return [(name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name, v) for name, v in headers]


def rejected(
    kind: str, name: str, codes: str | frozenset[str], value: Any, network: str = "policing", **more: Any
) -> Poison:
    """A record that must be rejected; `codes` separated by blanks, any of them will do."""
    allowed = codes if isinstance(codes, frozenset) else frozenset(codes.split())
    content = None if value is None else written(value)
    more = {"key": _key(network, content)} | more
    return Poison(kind=kind, name=f"{network}: {name}", network=network, value=content, codes=allowed, **more)


def accepted(kind: str, name: str, why: str, value: Any, network: str = "policing", **more: Any) -> Poison:
    """A record that must become a report."""
    content = written(value)
    more = {"key": _key(network, content)} | more
    return Poison(kind=kind, name=f"{network}: {name}", network=network, value=content, why=why, **more)


def _key(network: str, value: bytes | None) -> bytes:
    """The id in the value, if there is one."""
    found = re.search(rb'"%s": ?"([!-~]{1,64}?)"' % NETWORKS[network].id_field.encode(), value or b"")
    return found[1] if found else b"poison"


def fields_of(network: str) -> Sequence[str]:
    """The fields of the network's sample, which has all of them."""
    return list(_sample(network))
