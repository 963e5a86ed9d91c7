"""The source's own id in a record of a network, for its key and for people: also in a record that is rejected."""

from collections.abc import Sequence
from datetime import UTC

from pydantic import ValidationError
from pydantic_core import from_json

from router.domain.intake.cloudevents import event_data, report_text
from router.domain.intake.normalise import MAX_BYTES
from router.domain.model.rejection import Rejection
from router.domain.networks.schema.network import Network

LONGEST = 64
"""Characters of an id; a longer one is no id."""
_LARGEST = 10**LONGEST
Headers = Sequence[tuple[str, bytes | None]]


def report_id_of(network: Network, value: bytes | None, headers: Headers = ()) -> str | None:
    """The id of the report in a value, which must be the key of its record; None if the value is no report of the network."""
    for text in _texts(value, headers):
        try:
            return network.draft(network.read(text), UTC).source_id
        except ValidationError:
            continue
        except Exception:  # noqa: BLE001 - a defect of the translator: the router rejects the record, too
            return None
    return None


def source_id_of(network: Network, value: bytes | None, headers: Headers = ()) -> str | None:
    """The id of the report in a value; if that is no report, the text or number in the id field of what it should be.

    Returns:
        None when there is no such object in the value, or the value is too large to be read.
    """
    known = report_id_of(network, value, headers)
    if known is not None:
        return known
    texts = _texts(value, headers)
    try:
        message = from_json(texts[-1]) if texts else None
    except ValueError:
        return None
    found = message.get(network.id_field) if isinstance(message, dict) else None
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < _LARGEST:
        found = str(found)
    return found if isinstance(found, str) and 0 < len(found) <= LONGEST else None


def _texts(value: bytes | None, headers: Headers) -> list[bytes]:
    """What may be the report in a value, in the order in which `normalise` tries it: the text, and the data of an envelope."""
    if not value or len(value) > MAX_BYTES:
        return []
    text = report_text(value, headers)
    if isinstance(text, Rejection):
        return []
    data = event_data(text)
    if isinstance(data, Rejection):
        return [text, b""]  # an envelope without a report; its own id is that of an event
    return [text] if data is None else [text, data]
