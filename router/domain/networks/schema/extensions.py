"""Unknown source fields on their way through: kept as they came, as far as every reader can hold them."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

_LEAST, _MOST = -(2**63), 2**63 - 1


def storable(extensions: Mapping[str, Any]) -> dict[str, Any]:
    """The same map; numbers that encoders and readers would lose become text: whole ones beyond 64 bits, NaN, infinity."""
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
