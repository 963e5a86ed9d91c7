"""The source's own id in the value of a record that may be rejected, as far as the value can be read."""

from collections.abc import Sequence

import msgspec

from router.domain.intake.charset import utf8
from router.domain.intake.normalise import MAX_BYTES
from router.domain.model.rejection import Rejection
from router.domain.networks.schema.network import Network

LONGEST = 64
"""Characters of an id; a longer one is no id."""
_decode = msgspec.json.Decoder().decode


def source_id_of(network: Network, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()) -> str | None:
    """The text or number in the network's id field; None when the value is no such object, or is too large to be read."""
    if not value or len(value) > MAX_BYTES:
        return None
    text = utf8(value, headers)
    if isinstance(text, Rejection):
        return None
    try:
        message = _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    found = message.get(network.id_field) if isinstance(message, dict) else None
    if not isinstance(found, str | int) or isinstance(found, bool):
        return None
    return str(found) if 0 < len(str(found)) <= LONGEST else None
