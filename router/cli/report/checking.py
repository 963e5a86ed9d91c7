"""Decides about records of a file as the first stage of the router would."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from router.domain.intake.admit import TranslationError, admit
from router.domain.intake.charset import CONTENT_TYPE
from router.domain.intake.dedup import DedupIndex
from router.domain.intake.source_ids import source_id_of
from router.domain.model.report import Report
from router.domain.model.source_record import PlainRecord, RecordHeaders
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.stream.engine.processor import POISON
from router.wire.errors import InputError
from router.wire.topic_names import Names

MAX_FILE_BYTES = 64 << 20
LINES = frozenset({".jsonl", ".ndjson"})
"""Ends of the names of files with one record a line."""
Charset = Literal["UTF-8", "GB18030"]


class Checked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the router would do with one record of a file."""

    record: int
    """Its line in the file, or its number, from 1."""
    outcome: Literal["accepted", "updated", "redelivered", "rejected"]
    id: str | None = None
    """The source's own id, as far as it can be read."""
    matter: str | None = None
    cell: str | None = None
    lead: str | None = None
    """The department that would act if the report opens a case now, with its unit: `department/unit`."""
    doubt: str | None = None
    """Why the cell is not sure."""
    code: str | None = None
    reason: str | None = None
    """Why it would be rejected, and what to send instead."""


def headers_of(charset: Charset) -> list[tuple[str, bytes]]:
    """The headers of a record whose value has this charset."""
    if charset == "UTF-8":
        return []
    return [(CONTENT_TYPE, f"application/json; charset={charset}".encode())]


def network_of(file: Path, named: str | None) -> str:
    """The network that is named, else the one whose name the file's name begins with. Raises InputError."""
    stem = file.name.removeprefix("reports.")
    begins = [name for name in NETWORKS if stem == name or stem.startswith((f"{name}.", f"{name}-", f"{name}_"))]
    name = named or max(begins, key=len, default=None)
    if name is not None and name in NETWORKS:
        return name
    what = "the file's name does not begin with a network" if named is None else f"there is no network {named[:60]!r}"
    raise InputError(
        what, where=str(file) if named is None else "--network", hint=f"choose one of {', '.join(NETWORKS)}"
    )


def records_of(file: Path) -> list[tuple[int, bytes]]:
    """Number and value of each record: every line that is not blank, or the whole file if it is one JSON value.

    Raises:
        InputError: the file cannot be read, is too large, or is empty.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"it cannot be read ({error.strerror})", where=str(file), hint="name a readable file"
        ) from None
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"it has more than {MAX_FILE_BYTES >> 20} MiB", where=str(file), hint="check it in parts")
    lines = [(number, line.strip(b"\r")) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise InputError("there is no record in it", where=str(file), hint="write one JSON object, or one a line")
    whole = file.suffix not in LINES and (len(lines) == 1 or not _is_json(lines[0][1]))
    return [(1, content.strip())] if whole else lines


def checked(
    network: str, records: Sequence[tuple[int, bytes]], headers: RecordHeaders, city: City
) -> Iterator[Checked]:
    """The decision of the first stage about each record, and the department for it.

    Args:
        network: whose records they are.
        records: number and value of each.
        headers: of every record.
        city: the rules.
    """
    rule_sets, dedup, now = RuleSets(city), DedupIndex(), int(time.time() * 1000)
    for number, value in records:
        id_ = source_id_of(NETWORKS[network], value, headers)
        record = PlainRecord(
            topic=Names().reports(network),
            partition=0,
            offset=number,
            timestamp=now,
            key=None if id_ is None else id_.encode(),  # a file has values only
            value=value,
            headers=headers,
        )
        try:
            admitted = admit(NETWORKS[network], [record], rule_sets, dedup)
        except TranslationError:
            yield Checked(record=number, outcome="rejected", id=id_, code=POISON.code, reason=POISON.reason)
            continue
        if admitted.rejections:
            rejection = admitted.rejections[0][1]
            yield Checked(record=number, outcome="rejected", id=id_, code=rejection.code, reason=rejection.reason)
        elif admitted.events:
            yield _accepted(number, admitted.events[0][0], city)
        else:
            yield Checked(record=number, outcome="redelivered", id=id_)


def _accepted(number: int, report: Report, city: City) -> Checked:
    route = city.catalogue.route(report.matter, report.location.cell, report.received_at)
    lead = next(one for one in route.assigned if one.role == "lead")
    return Checked(
        record=number,
        outcome="updated" if report.version > 1 else "accepted",
        id=report.source_id,
        matter=report.matter,
        cell=report.location.cell,
        lead=f"{lead.department}/{lead.unit}" if lead.unit else lead.department,
        doubt=report.location.doubt,
    )


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
