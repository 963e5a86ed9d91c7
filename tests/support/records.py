"""Source records for tests, and the report or rejection of one message."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Raw
from msgspec.json import decode
from msgspec.structs import replace as replace_struct

from router.domain.catalogue.code_tables import CodeTable, load_codes
from router.domain.intake.normalise import normalise
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.model.source_record import PlainRecord, RecordHeaders
from router.domain.networks.registry import NETWORKS
from router.domain.networks.schema.network import Draft
from router.domain.rules.city import City
from tests.support.driver import tiny

SHIPPED = Path(__file__).parents[2] / "deploy" / "cities" / "los-angeles" / "codes"

ALARM = {"jjdbh": "J1", "bjlxdm": "1204", "bjsj": "20180101080009"}
PROBLEM = {
    "taskNum": "T1",
    "eventCode": "4109020102",
    "codeVersion": "GB/T 30428.2-2013",
    "reportTime": "2018-01-01 08:00:09",
}
READING = {
    "kind": "reading",
    "id": "R1",
    "stationId": "s-7",
    "pollutant": "H2S",
    "value": 0.09,
    "limit": 0.06,
    "unit": "mg/m3",
    "observedAt": "2018-01-01T08:00:09+08:00",
    "longitude": 115.0305,
    "latitude": 35.7605,
}
COMPLAINT = {"kind": "complaint", "id": "C1", "category": "odour", "reportedAt": "2018-01-01T08:00:09+08:00"}
NEED = {"id": "N1", "matterCode": "RS01", "communityCode": "410902001001", "reportedAt": "2018-01-01 08:00:09"}
REQUEST = {"SRNumber": "1-1", "CreatedDate": "01/01/2018 08:00:09 AM", "RequestType": "Graffiti Removal"}
LEAST: Sequence[tuple[str, dict[str, Any]]] = (
    ("policing", ALARM),
    ("urban-management", PROBLEM),
    ("environment", READING),
    ("environment", COMPLAINT),
    ("social-security", NEED),
    ("hotline", REQUEST),
)
"""Network and the required fields of each kind of message; all at 2018-01-01 08:00:09 in Shanghai."""


class Record(PlainRecord, frozen=True, kw_only=True):
    """A source record with defaults."""

    value: bytes | None
    offset: int = 0
    topic: str = "reports.test"
    partition: int = 3
    timestamp: int = 1_514_793_609_000
    """2018-01-01 08:00:09 UTC."""
    key: bytes | None = None
    headers: RecordHeaders = ()


def written(message: Any) -> Any:
    """A message as JSON bytes; bytes and None stay as they are."""
    return message if message is None or isinstance(message, bytes) else json.dumps(message).encode()


def table(text: str, name: str = "codes.csv") -> CodeTable:
    """A code table of valid rows, given without their header line."""
    read = load_codes(f"code,version,matter,name\n{text}", name)
    assert isinstance(read, CodeTable), [str(finding) for finding in read]
    return read


@cache
def shipped_codes() -> dict[str, CodeTable]:
    """The code tables of Los Angeles by network."""
    tables = {path.stem: load_codes(path.read_text("utf-8"), path.name) for path in sorted(SHIPPED.glob("*.csv"))}
    return {name: one for name, one in tables.items() if isinstance(one, CodeTable)}


def city(**codes: CodeTable) -> City:
    """Four cells in Shanghai's zone with the code tables of Los Angeles. A keyword replaces a table, with `_` for `-`."""
    return replace(_tiny(), codes=shipped_codes() | {name.replace("_", "-"): one for name, one in codes.items()})


@cache
def _tiny() -> City:
    return tiny()


def draft(network: str, message: Any, zone: tzinfo) -> Draft:
    """The draft that a network's translator makes of a valid message."""
    translator = NETWORKS[network]
    return translator.draft(translator.schema.model_validate_json(written(message)), zone)


def outcome(network: str, message: Any, of: City) -> Report | Rejection:
    """The report or rejection of one message."""
    translated = normalise(NETWORKS[network], [Record(value=written(message))], of)
    (one,) = (*translated.reports, *(rejection for _, rejection in translated.rejections))
    return one


def report(network: str, message: Any, of: City | None = None) -> Report:
    """The report of a valid message."""
    result = outcome(network, message, of or city())
    assert isinstance(result, Report), result
    return result


def rejection(network: str, message: Any, of: City | None = None) -> Rejection:
    """The rejection of an invalid message."""
    result = outcome(network, message, of or city())
    assert isinstance(result, Rejection), result
    return result


def as_read(made: Report) -> Report:
    """The report as a reader of its event has it: numbers that were kept as they were sent are floats or integers."""
    return replace_struct(made, extensions=_plain(made.extensions))


def _plain(value: Any) -> Any:
    if isinstance(value, Raw):
        return decode(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
