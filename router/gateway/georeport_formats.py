"""The two formats of Open311 GeoReport v2: one tree, written as JSON or as XML in UTF-8."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import orjson
from fastapi import Response

from router.gateway.front_door import SAFE
from router.gateway.problems import ProblemError

FORMATS: Mapping[str, str] = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
"""Content type by the end of a path."""
MEMBERS = {
    "services": "service",
    "service_requests": "request",
    "errors": "error",
    "attributes": "attribute",
    "values": "value",
}
"""The element of XML for each member of a list, by the name of the list."""
STATUSES = {401: 403, 422: 400}
"""Statuses of problems for which the standard has another one: a missing or invalid key, a request that is not valid."""
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot write (2.2)."""


def georeport_response(form: str, root: str, content: Any, status: int = 200, headers: Any = None) -> Response:
    """An answer.

    Args:
        form: `json` or `xml`.
        root: name of the root element in XML; JSON has none.
        content: what it has.
        status: of the answer.
        headers: beside those that every answer has.
    """
    body = written_xml(root, content) if form == "xml" else orjson.dumps(content)
    return Response(body, status, {**SAFE, **(headers or {}), "Content-Type": FORMATS[form]})


def georeport_problem(form: str, problem: ProblemError) -> Response:
    """The answer of a problem. Its code is the status, its description the sentence that the router or the gateway has for it."""
    status = STATUSES.get(problem.kind.status, problem.kind.status)
    return georeport_response(
        form, "errors", [{"code": status, "description": problem.detail}], status, problem.headers()
    )


def format_of_path(path: str) -> str:
    """The format of a path by its end; XML is that of paths without one, because the standard requires it."""
    return "json" if path.endswith(".json") else "xml"


def written_xml(root: str, content: Any) -> bytes:
    """A tree as XML. What XML cannot write becomes U+FFFD."""
    made = ET.Element(root)
    _fill(made, root, content)
    written: bytes = ET.tostring(made, encoding="utf-8", xml_declaration=True)
    return written


def _fill(element: ET.Element, name: str, content: Any) -> None:
    if isinstance(content, Mapping):
        for key, inner in content.items():
            _fill(ET.SubElement(element, key), key, inner)
    elif isinstance(content, list):
        for inner in content:
            _fill(ET.SubElement(element, MEMBERS[name]), MEMBERS[name], inner)
    elif isinstance(content, bool):
        element.text = "true" if content else "false"
    elif content is not None:
        element.text = _NO_XML.sub("\ufffd", str(content))
