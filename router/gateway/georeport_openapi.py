"""What OpenAPI says of the routes of Open311 GeoReport v2."""

from typing import Any

from router.gateway.georeport import ARGUMENTS, CONTACT, ID_FIELD
from router.gateway.georeport_formats import FORMATS
from router.gateway.openapi import sample
from router.gateway.problems import PROBLEM_KINDS

FORM = "application/x-www-form-urlencoded"
_TEXT: dict[str, Any] = {"type": "string"}
_ABSENT: dict[str, Any] = {"type": ["string", "null"]}
_TIME: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}


def _object(needed: str, /, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": needed.split(), "properties": properties}


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


_SERVICE = _object(
    "service_code service_name type",
    service_code=_TEXT,
    service_name=_TEXT,
    description=_TEXT,
    metadata={"type": "boolean"},
    type={"const": "batch"},
    keywords=_TEXT,
    group=_TEXT,
)
_ATTRIBUTE = _object(
    "code datatype required",
    variable={"type": "boolean"},
    code=_TEXT,
    datatype={"enum": ["string", "datetime", "singlevaluelist"]},
    required={"type": "boolean"},
    datatype_description=_TEXT,
    order={"type": "integer"},
    description=_TEXT,
    values=_list(_object("key name", key=_TEXT, name=_TEXT)),
)
_REQUEST = _object(
    f"{ID_FIELD} status",
    **{ID_FIELD: _TEXT},
    status={"enum": ["open", "closed"]},
    status_notes=_TEXT,
    service_name=_ABSENT,
    service_code=_ABSENT,
    agency_responsible=_ABSENT,
    requested_datetime=_TIME,
    updated_datetime=_TIME,
    expected_datetime=_TIME,
)
_ERRORS = _list(_object("code description", code={"type": "integer"}, description=_TEXT))
_ANSWERS: dict[str, dict[str, Any]] = {
    "GET services": _list(_SERVICE),
    "GET services/{service_code:path}": _object(
        "service_code attributes", service_code=_TEXT, attributes=_list(_ATTRIBUTE)
    ),
    "POST requests": _list(_object("token", token=_TEXT, service_notice=_TEXT)),
    "GET requests": _list(_REQUEST),
    "GET requests/{service_request_id}": _list(_REQUEST),
    "GET tokens/{token}": _list(_object("token", token=_TEXT, **{ID_FIELD: _ABSENT})),
}
_STATUSES = {
    "GET services": (404, 503),
    "GET services/{service_code:path}": (404, 503),
    "POST requests": (400, 403, 404, 408, 413, 415, 429, 503),
    "GET requests": (400, 403, 404, 429, 503),
    "GET requests/{service_request_id}": (403, 404, 429, 503),
    "GET tokens/{token}": (404, 503),
}
_BY_KEY: list[dict[str, list[str]]] = [{"token": []}, {"api_key": []}]


def described_route(method: str, path: str, form: str) -> dict[str, Any]:
    """The arguments of a route for FastAPI, by which OpenAPI has its answers in its format.

    Args:
        method: of the request.
        path: behind `/open311/v2/`, without the format.
        form: `json` or `xml`.
    """
    name, media = f"{method} {path}", FORMATS[form].partition(";")[0]
    xml: dict[str, Any] = {"type": "string", "description": "The XML of GeoReport v2."}
    titles = {403: "The key is missing, invalid, or not for Open311.", 400: "The request is not valid."}
    responses: dict[int | str, dict[str, Any]] = {
        status: {
            "description": titles.get(status)
            or next(one.title for one in PROBLEM_KINDS.values() if one.status == status),
            "content": {media: {"schema": _ERRORS if form == "json" else xml}},
        }
        for status in _STATUSES[name]
    }
    responses[200] = {
        "description": "Answered.",
        "content": {media: {"schema": _ANSWERS[name] if form == "json" else xml}},
    }
    more: dict[str, Any] = {"security": _BY_KEY if "requests" in path else []}
    if method == "POST":
        more["requestBody"] = _form()
        more["parameters"] = [_IDEMPOTENCY_KEY]
    elif path == "requests":
        more["parameters"] = [_IDS]
    return {
        "responses": responses,
        "openapi_extra": more,
        "operation_id": f"open311-{method.lower()}-{path.partition(':')[0].replace('/{', '-').rstrip('}')}-{form}",
    }


def _form() -> dict[str, Any]:
    """The form of a request, by the sample of the network."""
    schema = _object("service_code", **dict.fromkeys((*ARGUMENTS, *CONTACT, "api_key", "jurisdiction_id"), _TEXT))
    schema["patternProperties"] = {r"^attribute\[.+\](\[\])?$": {}}
    shown = sample("reports", "open311")
    if shown is None:
        return {"required": True, "content": {FORM: {"schema": schema}}}
    example = {
        name if name in ARGUMENTS else f"attribute[{name}]": str(value)
        for name, value in shown.items()
        if name != ID_FIELD
    }
    return {"required": True, "content": {FORM: {"schema": schema, "example": example}}}


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A retry with the same key is the same request. Without one, each request is another one.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_IDS = {
    "name": ID_FIELD,
    "in": "query",
    "required": True,
    "description": "Ids with commas between them.",
    "schema": _TEXT,
}
