"""The header that says as whom a record was written, where several users or apps may write it: what was proved, beside the actor who was named."""

from collections.abc import Sequence
from typing import Any

PRINCIPAL = "grid-principal"
LONGEST = 100
"""Bytes of it that are kept."""


def with_principal(headers: Sequence[tuple[str, Any]], principal: str) -> list[tuple[str, Any]]:
    """The headers with the principal, instead of one that they have; without a principal, as they are.

    Args:
        headers: of a record.
        principal: the user of the connection, or the holder of the token; empty: there is none.
    """
    if not principal:
        return list(headers)
    return [*(one for one in headers if one[0] != PRINCIPAL), (PRINCIPAL, principal.encode()[:LONGEST])]
