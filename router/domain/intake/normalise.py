"""From a network's own records to canonical reports: parse, draft, find the matter, find the cells of a whole batch.

Pure and total. One bad record becomes one rejection with a code and a sentence and never takes its batch along. Sentences
name the field and the hint but no foreign text beyond a few dozen printable characters.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from router.domain.catalogue.code_tables import CodeTable
from router.domain.intake.charset import utf8
from router.domain.intake.coordinate_systems import on_the_ground
from router.domain.intake.rejections import defect, empty, invalid, too_large, unknown_code
from router.domain.model.rejection import Rejection
from router.domain.model.report import Location, Provenance, Report
from router.domain.model.source_record import SourceRecord
from router.domain.networks.schema.extensions import storable
from router.domain.networks.schema.fields import FIRST_YEAR, LAST_YEAR
from router.domain.networks.schema.network import Draft, Network
from router.domain.rules.city import City

MAX_BYTES = 256 << 10
"""A report is text; photos come by reference."""
RECEIVED_AT = "grid-received-at"
"""Header with the instant at which an intake took the record (RFC 3339)."""
REDRIVEN = "grid-redriven"
"""Header of a redriven record: the id of its dead letter."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MS = int(datetime(LAST_YEAR, 12, 31, tzinfo=UTC).timestamp() * 1000)
"""Later timestamps of Kafka are no times."""
_NO_CODES = CodeTable("", ())


class Normalised(Struct, frozen=True):
    """What became of a batch: every record is in exactly one of the two, in the order of the batch."""

    reports: list[Report]
    sources: list[SourceRecord]
    """Of the reports, one each."""
    rejections: list[tuple[SourceRecord, Rejection]]


_Kept = tuple[SourceRecord, Draft, str, datetime]
"""A record that will be a report as soon as its cell is known: the record, its draft, matter and received time."""


def normalise(network: Network, batch: Sequence[SourceRecord], city: City) -> Normalised:
    """Translate a batch of one network's records. Never raises: whatever a record does, only it is rejected.

    Args:
        network: whose records they are.
        batch: in the order of the topic.
        city: its code tables, cells and zone.
    """
    codes = city.codes.get(network.name, _NO_CODES)
    kept: list[_Kept] = []
    rejections: list[tuple[SourceRecord, Rejection]] = []
    for record in batch:
        try:
            outcome = _read(network, record, codes, city.zone)
        except Exception as failure:  # noqa: BLE001 - a translator's defect must cost one record, not its batch
            outcome = defect(network, failure)
        if isinstance(outcome, Rejection):
            rejections.append((record, outcome))
        else:
            kept.append(outcome)
    locations = city.cells.resolve(on_the_ground([draft.claim for _, draft, _, _ in kept]))
    name, rule_set = network.name, city.rule_set
    reports = [_report(name, one, at, rule_set) for one, at in zip(kept, locations, strict=True)]
    return Normalised(reports, [record for record, _, _, _ in kept], rejections)


def _read(network: Network, record: SourceRecord, codes: CodeTable, zone: tzinfo) -> _Kept | Rejection:
    value = record.value
    if not value:
        return empty()
    if len(value) > MAX_BYTES:
        return too_large(len(value), MAX_BYTES)
    if record.headers:
        text = utf8(value, record.headers)
        if isinstance(text, Rejection):
            return text
        value = text
    try:
        # what `model_validate_json` calls, without the tenth of the time that its options cost
        message = network.schema.__pydantic_validator__.validate_json(value)
    except ValidationError as error:
        return invalid(network, value, error)
    draft = network.draft(message, zone)
    for code in draft.codes:
        matter = codes.matter(code, draft.code_version)
        if matter is not None:
            return record, draft, matter, received_at(record)
    return unknown_code(network, draft, codes)


def received_at(record: SourceRecord) -> datetime:
    """What the intake says, unless it cannot tell the time or took the record after Kafka had it: then Kafka's own time."""
    kept = kept_at(record)
    said = b""
    for name, content in record.headers:
        if name == RECEIVED_AT:
            said = content or b""  # a header may lack a value
            break
    try:
        at = datetime.fromisoformat(said.decode("ascii"))
        if at.tzinfo is not None and FIRST_YEAR <= at.year <= LAST_YEAR:
            return at.astimezone(UTC) if at <= kept else kept
    except ValueError:
        pass
    return kept


def kept_at(record: SourceRecord) -> datetime:
    """Kafka's time of a record, within the years that a report may have."""
    timestamp = record.timestamp
    ms = timestamp if 0 <= timestamp <= LAST_MS else min(max(timestamp, 0), LAST_MS)
    return _EPOCH + timedelta(0, 0, 0, ms)  # a keyword would double the cost


def ruled_at(record: SourceRecord, *, redriven: bool) -> datetime:
    """The instant whose rules hold for a record.

    Args:
        record: of a network.
        redriven: it was rejected and is redriven: the rules of today hold, under which it was repaired.
    """
    return kept_at(record) if redriven else received_at(record)


def _report(network: str, kept: _Kept, location: Location, rule_set: str) -> Report:
    """In two steps: a call with more than 15 arguments makes a dictionary of them, which costs more than the report."""
    record, draft, matter, received_at = kept
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
        extensions=storable(draft.extensions) if draft.extensions else {},
        rule_set=rule_set,
    )
