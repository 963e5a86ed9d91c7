"""Translate a network's records to canonical reports: parse, draft, look up the matter, then the cells of the whole batch.

Each bad record becomes one rejection and never its batch. The Message Translator (EIP) of each network is in
router/domain/networks.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from router.domain.catalogue.code_tables import EVERY_OTHER, CodeTable
from router.domain.instants import from_rfc3339
from router.domain.intake.cloudevents import event_data, report_text
from router.domain.intake.content import content_digest
from router.domain.intake.coordinate_systems import datum_of, to_wgs84
from router.domain.intake.dedup import Said
from router.domain.intake.masking import without_personal_numbers
from router.domain.intake.rejections import (
    code_doubt,
    defect,
    empty,
    invalid,
    too_large,
    unknown_code,
    unreadable_batch,
)
from router.domain.model.identity import TOLERANCE
from router.domain.model.rejection import Rejection
from router.domain.model.report import REPORTS_KEPT, Location, Provenance, Report
from router.domain.model.source_record import SourceRecord, UnreadableBatch
from router.domain.networks.schema.extensions import numbers_as_sent, storable
from router.domain.networks.schema.fields import FIRST_YEAR, LAST_YEAR
from router.domain.networks.schema.network import ON_RECEIPT, Draft, Network
from router.domain.rules.city import City

MAX_BYTES = 256 << 10
"""Most bytes of a value. A report is text; photos come by reference."""
RECEIVED_AT = "grid-received-at"
"""Header with the instant at which an intake took the record (RFC 3339)."""
REDRIVEN = "grid-redriven"
"""Header of a redriven record: the id of its dead letter."""
UNKNOWN_CODE = "grid-unknown-code"
"""Extension that says that the code table lacks the class of a report, and its catch-all gave the matter."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MS = int(datetime(LAST_YEAR, 12, 31, tzinfo=UTC).timestamp() * 1000)
"""Latest Kafka timestamp that the router takes for a time, in milliseconds since 1970."""
_NO_CODES = CodeTable("", ())


class Normalised(Struct, frozen=True):
    """A translated batch: every record is in `sources` or in `rejections`, in the order of the batch."""

    reports: list[Report]
    """First versions: the dedup index decides the version."""
    sources: list[SourceRecord]
    """The record of each report."""
    said: list[Said]
    """The content of each report."""
    rejections: list[tuple[SourceRecord, Rejection]]


_Drafted = tuple[SourceRecord, Draft, str, datetime, Said]
"""A record whose cell is still to be looked up: the record, its draft, matter, received time and content."""


def normalise(network: Network, batch: Sequence[SourceRecord], city: City, *, history: bool = False) -> Normalised:
    """Translate a batch of one network's records. A record that fails is rejected alone.

    Args:
        network: whose topic the records are from.
        batch: records in the order of the log.
        city: code tables, cells, zone and ignored fields.
        history: whether history is replayed; see `received_at`.
    """
    codes = city.codes.get(network.name, _NO_CODES)
    drafted: list[_Drafted] = []
    rejections: list[tuple[SourceRecord, Rejection]] = []
    for record in batch:
        try:
            outcome = _read(network, record, codes, city, history=history)
        except Exception as failure:  # noqa: BLE001 - a defect of a translator costs one record, not its batch
            outcome = defect(network, failure)
        if isinstance(outcome, Rejection):
            rejections.append((record, outcome))
        else:
            drafted.append(outcome)
    datum = datum_of(network.name, city.datums, str(city.zone))
    locations = city.cells.resolve(to_wgs84([draft.claim for _, draft, *_ in drafted], datum))
    name, rule_set = network.name, city.rule_set
    reports = [_report(name, one, at, rule_set) for one, at in zip(drafted, locations, strict=True)]
    return Normalised(reports, [one[0] for one in drafted], [one[4] for one in drafted], rejections)


def _read(
    network: Network, record: SourceRecord, codes: CodeTable, city: City, *, history: bool
) -> _Drafted | Rejection:
    value = record.value
    if not value:
        return unreadable_batch(record) if isinstance(record, UnreadableBatch) else empty()
    if len(value) > MAX_BYTES:
        return too_large(len(value), MAX_BYTES)
    if record.headers:
        text = report_text(value, record.headers)
        if isinstance(text, Rejection):
            return text
        value = text
    try:
        message = network.read(value)
    except ValidationError as error:
        data = event_data(value)
        read = invalid(network, value, error) if data is None else _inside(network, data)
        if isinstance(read, Rejection):
            return read
        message, value = read
    draft = network.draft(message, city.zone)
    if draft.extensions:
        draft = _with_numbers_as_sent(draft, message, value)
    draft = without_personal_numbers(draft)
    classified = _classified(network, draft, codes)
    if isinstance(classified, Rejection):
        return classified
    received, disbelieved = _received(record, history=history)
    if draft.reported_at is ON_RECEIPT:
        classified = _dated(classified[0], received), classified[1]
    unknown, ignored = getattr(message, "root", message).unknown(), city.ignored_fields.get(network.name, ())
    content = content_digest(value, ignored, all_known=not unknown or unknown.keys() <= set(ignored))
    return record, *classified, received, Said(content, draft.revised_at, disbelieved)


def _classified(network: Network, draft: Draft, codes: CodeTable) -> tuple[Draft, str] | Rejection:
    """The draft and its matter. A class that the code table lacks has the matter of the catch-all, or is rejected."""
    for code in draft.codes:
        matter = codes.matter(code, draft.code_version)
        if matter is not None:
            return draft, matter
    if codes.otherwise is None:
        return unknown_code(network, draft, codes)
    what, _ = code_doubt(network, draft, codes)
    extensions = {**draft.extensions, UNKNOWN_CODE: f"{what}; its row `{EVERY_OTHER}` decided"}
    return replace(draft, extensions=extensions), codes.otherwise.matter


def _dated(draft: Draft, received: datetime) -> Draft:
    """The draft with the received time in place of what its message does not name."""
    if draft.occurred_at is not ON_RECEIPT:
        return replace(draft, reported_at=received)
    return replace(draft, occurred_at=received, reported_at=received, claim=replace(draft.claim, at=received))


def _with_numbers_as_sent(draft: Draft, message: Any, text: bytes) -> Draft:
    unknown = getattr(message, "root", message).unknown()
    extensions = draft.extensions
    sent = {name: value for name, value in numbers_as_sent(unknown, text).items() if extensions[name] is unknown[name]}
    return replace(draft, extensions={**extensions, **sent}) if sent else draft


def _inside(network: Network, data: bytes | Rejection) -> tuple[Any, bytes] | Rejection:
    """Message and JSON of the report that was in an envelope."""
    if isinstance(data, Rejection):
        return data
    try:
        return network.read(data), data
    except ValidationError as error:
        return invalid(network, data, error)


def received_at(record: SourceRecord, *, history: bool = False) -> datetime:
    """When the intake received a record: its header `grid-received-at`, or Kafka's time of the record.

    Kafka's time counts when the header is missing or malformed, when it is later than Kafka's time, and when it is earlier
    by more than the 30 days that a network's topic keeps records. The last does not hold for redriven records.

    Args:
        record: of a network's topic.
        history: whether history is replayed; then the header may be as early as it likes.
    """
    return _received(record, history=history)[0]


def _received(record: SourceRecord, *, history: bool) -> tuple[datetime, str]:
    """The received time, and why that of the header does not count: `past`, `future`, or empty."""
    kafka_time = kafka_time_of(record)
    stamp = None
    for name, content in record.headers:
        if name == RECEIVED_AT:
            stamp = content
            break
    if not stamp:  # a header may lack a value
        return kafka_time, ""
    try:
        at = from_rfc3339(stamp.decode("ascii"))
        if at.tzinfo is not None and FIRST_YEAR <= at.year <= LAST_YEAR:
            if at > kafka_time:
                return kafka_time, "future" if at - TOLERANCE > kafka_time else ""
            if kafka_time - at > REPORTS_KEPT and not history and not is_redriven(record):
                return kafka_time, "past"
            return at.astimezone(UTC), ""
    except ValueError:
        pass
    return kafka_time, ""


def kafka_time_of(record: SourceRecord) -> datetime:
    """Kafka's time of a record, limited to the years that a report may have."""
    return _instant_of(record.timestamp)


@lru_cache(maxsize=1 << 10)
def _instant_of(timestamp: int) -> datetime:
    """Milliseconds since 1970 as an instant. Records of one batch mostly share a few of them."""
    return _EPOCH + timedelta(milliseconds=min(max(timestamp, 0), LAST_MS))


def is_redriven(record: SourceRecord) -> bool:
    """Whether the record was a dead letter before."""
    return REDRIVEN in [name for name, _ in record.headers]


def ruled_at(record: SourceRecord, *, history: bool = False) -> datetime:
    """The instant whose rules hold for a record: its received time.

    For a redriven record it is Kafka's time: a person repaired it under the rules of that day.
    """
    return kafka_time_of(record) if is_redriven(record) else received_at(record, history=history)


def _report(network: str, drafted: _Drafted, location: Location, rule_set: str) -> Report:
    """Build a report in two steps: a call with more than 15 arguments builds a dictionary, which costs more than the report."""
    record, draft, matter, received_at, _ = drafted
    report = Report(
        id=f"{network}:{draft.source_id}",
        network=network,
        source_id=draft.source_id,
        matter=matter,
        source_code=draft.codes[0],
        occurred_at=draft.occurred_at,
        reported_at=draft.reported_at,
        received_at=received_at,
        location=location,
        provenance=Provenance(topic=record.topic, partition=record.partition, offset=record.offset),
        status=draft.status,
        urgency=draft.urgency,
        severity=draft.severity,
        certainty=draft.certainty,
        source_code_version=draft.code_version,
    )
    return replace(
        report,
        component_id=draft.component_id,
        description=draft.description,
        reporter=draft.reporter,
        media=draft.media,
        address=draft.address,
        closed=draft.closed if draft.closed_at is None or draft.closed_at <= received_at else None,
        solved=draft.solved,
        extensions=storable(draft.extensions) if draft.extensions else {},
        rule_set=rule_set,
        masked=draft.masked,
    )
