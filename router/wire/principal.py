"""The header that says as whom a record was written, where several users or apps may write it: what was proved, beside the actor who was named."""

from collections.abc import Sequence
from typing import TypeVar

PRINCIPAL = "grid-principal"
LONGEST = 100
"""Bytes of it that are kept."""
Content = TypeVar("Content", bytes, bytes | None)


def with_principal(headers: Sequence[tuple[str, Content]], principal: str) -> list[tuple[str, Content | bytes]]:
    """The headers with the principal, instead of one that they have; without a principal, as they are.

    Args:
        headers: of a record.
        principal: the user of the connection, or the holder of the token; empty: there is none.
    """
    if not principal:
        return list(headers)
    others = [one for one in headers if one[0] != PRINCIPAL]
    return [*others, (PRINCIPAL, principal.encode()[:LONGEST])]
