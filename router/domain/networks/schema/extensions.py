"""Extensions: source fields that no schema names. The router keeps them in a form that every JSON reader accepts."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

_LEAST, _MOST = -(2**63), 2**63 - 1


def storable(extensions: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the map in which integers beyond 64 bits, NaN and infinity are text; readers would lose them."""
    return {name: _storable(value) for name, value in extensions.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        return str(value)
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return storable(value)
    return value
