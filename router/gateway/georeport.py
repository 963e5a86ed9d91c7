"""Open311 GeoReport v2: the form of a request as the value of a record, and what is said of services and requests.

Nothing here decides about a request: the value goes the way of every report, and the translation of the network `open311` answers.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

import orjson
from msgspec import Struct

from router.domain.catalogue.code_tables import Code, CodeTable
from router.domain.explanation.progress import CaseProgress
from router.domain.networks.open311 import ATTRIBUTES, GeoReportRequest
from router.domain.rules.city import City
from router.gateway.problems import ProblemError
from router.gateway.receipts import FoundReport, department_name, said_of

NETWORK = "open311"
ID_FIELD = "service_request_id"
ARGUMENTS = tuple(name for name in GeoReportRequest.model_fields if name not in {*ATTRIBUTES, ID_FIELD})
"""Arguments of the standard that say something of the request."""
CONTACT = ("email", "device_id", "account_id", "first_name", "last_name", "phone")
"""Arguments of the standard about a person. They are read and not kept."""
MAX_ARGUMENTS = 200
ENVELOPE = "specversion"
"""No attribute: with this member the router would take the value for an envelope (CloudEvents), and read the report that is packed in it."""
_NUMBERS = ("lat", "long")
_number = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?").fullmatch
"""A number of JSON (RFC 8259, 6)."""
_attribute = re.compile(r"attribute\[([^\[\]]{1,100})\](\[\])?").fullmatch
_DATATYPES = {"occurred_at": "datetime", "kind": "singlevaluelist"}
_KINDS = {"actual": "It is meant", "exercise": "Part of an exercise", "test": "A test of a program"}
NOT_KEPT = "The city keeps no name, number or address of a person: ask by the token."
UNSEEN_PHOTO = "Departments do not see the photo without attribute[media_sha256]."
CLOSED = {"closed", "not-filed"}
"""Stages of a case that are `closed` in GeoReport; all others are `open`."""


class RequestForm(Struct, frozen=True):
    """What an app has sent, decoded."""

    arguments: Mapping[str, str]
    """By name, without blank ones."""
    attributes: Mapping[str, str | list[str]]
    """By code; a list of those that were sent as one."""

    @property
    def value(self) -> bytes:
        """The value of the record: equal forms make equal bytes, whatever the order of their arguments."""
        said: dict[str, Any] = {name: self.arguments[name] for name in ARGUMENTS if name in self.arguments}
        for name in _NUMBERS:
            if name in said and _number(said[name]):
                said[name] = float(said[name])
        return orjson.dumps(said | {name: self.attributes[name] for name in sorted(self.attributes)})

    @property
    def notice(self) -> str:
        """What the sender should know of a request that was taken; empty if there is nothing."""
        said = [NOT_KEPT] if any(name in self.arguments for name in CONTACT) else []
        if "media_url" in self.arguments and "media_sha256" not in self.attributes:
            said.append(UNSEEN_PHOTO)
        return " ".join(said)


def read_form(body: bytes) -> RequestForm:
    """The form of a request: `application/x-www-form-urlencoded` in UTF-8.

    Raises:
        ProblemError: it is no form, an argument occurs twice, an attribute may be none, or a number is too large.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=MAX_ARGUMENTS,
            encoding="utf-8",
            errors="strict",
        )
    except ValueError:
        detail = f"the body is no form of at most {MAX_ARGUMENTS} arguments in UTF-8; encode it as application/x-www-form-urlencoded."
        raise ProblemError("malformed", detail) from None
    arguments: dict[str, str] = {}
    attributes: dict[str, str | list[str]] = {}
    for name, text in pairs:
        found = _attribute(name)
        if found is None:
            _put(arguments, name, text.strip())
        elif found[1] in GeoReportRequest.model_fields and found[1] not in ATTRIBUTES:
            raise ProblemError("malformed", f"`{found[1]}` is no attribute; send it as an argument.")
        elif found[1] == ENVELOPE:
            raise ProblemError("malformed", f"`{ENVELOPE}` is no attribute; leave it out.")
        elif found[2]:
            attributes.setdefault(found[1], [])
            known = attributes[found[1]]
            if not isinstance(known, list):
                raise _twice(found[1])
            known.append(text)
        else:
            _put(attributes, found[1], text.strip())
    for name in _NUMBERS:
        if _number(arguments.get(name, "")) and not isfinite(float(arguments[name])):
            raise ProblemError("malformed", f"`{name}` is too large for a number; send degrees, such as 47.6097.")
    return RequestForm(_without_blanks(arguments), _without_blanks(attributes))


def _put(known: dict[str, Any], name: str, text: str) -> None:
    if name in known:
        raise _twice(name)
    known[name] = text


def _twice(name: str) -> ProblemError:
    shown = name if name.isascii() and name.isprintable() else "an argument"
    return ProblemError("malformed", f"`{shown[:60]}` occurs twice; send it once.")


def _without_blanks(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: text for name, text in known.items() if text not in ("", [])}


def services_of(city: City) -> list[dict[str, Any]]:
    """What may be reported: the rows of the city's code table, in its order.

    Args:
        city: with a code table of the network.
    """
    table, matters = city.codes[NETWORK], city.catalogue.matters
    found = []
    for code in _rows(table):
        matter = matters.get(code.matter)
        found.append(
            {
                "service_code": code.code,
                "service_name": code.name or code.code,
                "description": code.name if matter is None else " / ".join(filter(None, (matter.name, matter.name_zh))),
                "metadata": True,
                "type": "batch",
                "keywords": code.matter,
                "group": "" if matter is None else matter.group,
            }
        )
    return found


def definition_of(city: City, service_code: str) -> dict[str, Any]:
    """The attributes of a service, as the schema of the network has them. Raises ProblemError if the city has no such service."""
    if all(code.code != service_code for code in _rows(city.codes[NETWORK])):
        raise ProblemError("not-found", "the city has no service of this code; take one of /open311/v2/services.")
    return {"service_code": service_code, "attributes": _ATTRIBUTES}


def _described(order: int, name: str) -> dict[str, Any]:
    """An attribute of every service, as GeoReport describes it."""
    values = [{"key": key, "name": said} for key, said in _KINDS.items()] if name == "kind" else None
    return {
        "variable": True,
        "code": name,
        "datatype": _DATATYPES.get(name, "string"),
        "required": False,
        "datatype_description": "RFC 3339, with a zone" if name == "occurred_at" else "",
        "order": order,
        "description": GeoReportRequest.model_fields[name].description,
        **({} if values is None else {"values": values}),
    }


_ATTRIBUTES = [_described(order, name) for order, name in enumerate(ATTRIBUTES, 1)]
"""Made once: everybody may ask for them, without a key."""


def _rows(table: CodeTable) -> Iterable[Code]:
    """One row of each code that means one matter, whatever version a row names."""
    return {code.code: code for code in reversed(table.codes) if table.matter(code.code, None)}.values().__reversed__()


def token_of(found: FoundReport, token: str) -> dict[str, Any]:
    """The request of a token: its id is that of its case.

    Raises:
        ProblemError: no case will have the report any more, or none is known.
    """
    if found.known.case is None and found.stage in {"rejected", "unknown"}:
        said = said_of(found.city, found.stage, found.received_at, None, found.known.rejected)
        raise ProblemError("not-found", said.en)
    return {ID_FIELD: found.known.case, "token": token}


def request_of(city: City, case: str, progress: CaseProgress, *, chinese: bool = False) -> dict[str, Any]:
    """What is said of a request: how far its case is, without a text, a place or a person."""
    matter = city.catalogue.matters.get(progress.matter)
    table = city.codes.get(NETWORK)
    row = next((code for code in _rows(table) if code.matter == progress.matter), None) if table else None
    opened_at = progress.opened_at or progress.changed_at
    said = said_of(city, progress.stage, opened_at, progress)
    lead = None if progress.lead is None else department_name(city, progress.lead)
    name = None if matter is None else (matter.name_zh if chinese else None) or matter.name
    return {
        ID_FIELD: case,
        "status": "closed" if progress.stage in CLOSED else "open",
        "status_notes": said.zh if chinese else said.en,
        "service_name": name,
        "service_code": None if row is None else row.code,
        "agency_responsible": None if lead is None else lead.zh if chinese else lead.en,
        "requested_datetime": _time(city, opened_at),
        "updated_datetime": _time(city, progress.changed_at),
        "expected_datetime": _time(city, progress.due_at),
    }


def _time(city: City, at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(city.zone).isoformat(timespec="seconds")
