"""The decision about a report before it is sent: that of the first stage, by the function that the first stage calls.

The gateway knows nothing of earlier reports. So what only the dedup index knows, such as a newer version, stays to the first stage.
"""

from base64 import b32encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from msgspec.json import encode
from pydantic_core import from_json

from router.domain.intake.admit import TranslationError, admit
from router.domain.intake.charset import utf8
from router.domain.intake.dedup import DedupIndex
from router.domain.intake.normalise import MAX_BYTES, RECEIVED_AT
from router.domain.intake.rejections import defect
from router.domain.intake.source_ids import report_id_of
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.model.source_record import PlainRecord, RecordHeaders
from router.domain.networks.registry import NETWORKS
from router.domain.networks.schema.network import Network
from router.domain.rules.rule_sets import RuleSets
from router.gateway.problems import ProblemError

DERIVED_ID = "key-"
"""How an id that is made from an idempotency key begins."""
LONGEST_KEY = 255


def admitted(network: str, value: bytes, headers: RecordHeaders, rule_sets: RuleSets, received_ms: int) -> Report:
    """The report that the router will make of a record.

    Args:
        network: that sends it; the city has it.
        value: of the record.
        headers: of the record.
        rule_sets: of the city.
        received_ms: now, in milliseconds since 1970.

    Raises:
        ProblemError: the router would reject the record; code and sentence are the router's.
        RuleSetError: the rules are not available.
    """
    known = NETWORKS[network]
    key = report_id_of(known, value, headers) or ""
    record = PlainRecord(
        topic=network,
        partition=0,
        offset=0,
        timestamp=received_ms,
        key=key.encode(),
        value=value,
        headers=headers,
    )
    try:
        decided = admit(known, [record], rule_sets, DedupIndex())
    except TranslationError as error:
        raise ProblemError.of(defect(known, error)) from error
    if decided.rejections:
        raise ProblemError.of(decided.rejections[0][1])
    return decided.events[0][0]


def with_derived_id(network: str, value: bytes, headers: RecordHeaders, holder: str, key: str) -> bytes:
    """The value with an id that is made from an idempotency key, if it is a JSON object without an id.

    The id follows from network, holder and key alone. So a retry has the same id, at any gateway, and the same bytes.

    Args:
        network: that sends it; the router knows it.
        value: of the record.
        headers: of the record.
        holder: of the token.
        key: field `Idempotency-Key` of the request, with or without the quotes of a structured field (RFC 8941).

    Raises:
        ProblemError: the key is empty or too long.
    """
    said = key.strip().strip('"')
    if not 0 < len(said) <= LONGEST_KEY:
        raise ProblemError("malformed", f"`Idempotency-Key` has not 1 to {LONGEST_KEY} characters; send a random one.")
    known = NETWORKS[network]
    if not _lacks_id(known, value, headers):
        return value
    digest = sha256(encode([network, holder, said])).digest()
    id_ = DERIVED_ID + b32encode(digest[:20]).decode().lower()
    rest = value.lstrip(b" \t\r\n")[1:]
    comma = b"" if rest.lstrip(b" \t\r\n").startswith(b"}") else b","
    return b'{"%s":"%s"%s%s' % (known.id_field.encode(), id_.encode(), comma, rest)


def received_header(received_ms: int) -> tuple[str, bytes]:
    """The header with the received time. A copy that Kafka stores late counts as received when the gateway took it."""
    at = datetime.fromtimestamp(received_ms / 1000, UTC)
    return RECEIVED_AT, at.isoformat(timespec="milliseconds").encode()


def _lacks_id(network: Network, value: bytes, headers: RecordHeaders) -> bool:
    """Whether the value is an object without the network's id field. An envelope is none: the id belongs into its data."""
    text = utf8(value, headers) if len(value) <= MAX_BYTES else b""
    try:
        message: Any = None if isinstance(text, Rejection) else from_json(text)
    except ValueError:
        return False
    return isinstance(message, dict) and network.id_field not in message and "specversion" not in message
