"""The OpenAPI description: what FastAPI makes of the routes, and the schemas of the networks' reports.

Examples are the samples below `schemas/samples` of the source tree. An installation without the source tree has none.
"""

from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from router.domain.networks.registry import NETWORKS
from router.gateway.admission import LONGEST_KEY
from router.gateway.answers import ProblemDetails
from router.gateway.front_door import OPEN_PATHS, RECEIPTS
from router.gateway.http_request import EVENT_BATCH, JSON, STRUCTURED
from router.gateway.intake import MAX_BATCH
from router.gateway.problems import MEDIA_TYPE, PROBLEM_KINDS, REJECTED

SAMPLES = Path(__file__).parents[2] / "schemas" / "samples"
COMPONENTS = "#/components/schemas/"
_UNDOCUMENTED = {404, 405, 410, 500}
"""Statuses that no operation on reports lists: another path, another method, another cursor, a defect."""
_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvent 1.0; the report is its `data`.",
    "required": ["specversion", "id", "source", "type", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1},
        "type": {"type": "string", "minLength": 1},
    },
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What an operation may answer beside its success, by status.

    Args:
        statuses: that it may answer; none: those that every operation may.
    """
    titles: dict[int | str, list[str]] = {}
    for kind in PROBLEM_KINDS.values():
        titles.setdefault(kind.status, []).append(kind.title)
    titles[REJECTED] = ["The router would reject the report."]
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{COMPONENTS}{ProblemDetails.__name__}"}}}
    return {
        status: {"description": " ".join(said), "content": content}
        for status, said in sorted(titles.items())
        if (status in statuses if statuses else status not in _UNDOCUMENTED)
    }


def report_body(network: str) -> dict[str, Any]:
    """The request of one report."""
    schema = {"$ref": COMPONENTS + network}
    event = {"allOf": [_EVENT, {"properties": {"data": schema}}]}
    shown = sample("reports", network)
    examples = {} if shown is None else {"example": shown}
    wrapped = {"specversion": "1.0", "id": "1", "source": "/apps/example", "type": "example.report", "data": shown}
    content = {
        JSON: {"schema": schema, **examples},
        STRUCTURED: {"schema": event, **({} if shown is None else {"example": wrapped})},
        EVENT_BATCH: {
            "schema": {"type": "array", "maxItems": MAX_BATCH, "items": event},
            **({} if shown is None else {"example": [wrapped]}),
        },
    }
    return {"requestBody": {"required": True, "content": content}, "parameters": [_IDEMPOTENCY_KEY, _TRACE_PARENT]}


def batch_body(networks: list[str]) -> dict[str, Any]:
    """The request of a batch."""
    items = [
        {
            "type": "object",
            "required": ["network", "report"],
            "additionalProperties": False,
            "properties": {
                "network": {"const": network},
                "report": {"$ref": COMPONENTS + network},
                "idempotency_key": {"type": ["string", "null"], "minLength": 1, "maxLength": LONGEST_KEY},
            },
        }
        for network in networks
    ]
    schema = {
        "type": "object",
        "required": ["reports"],
        "additionalProperties": False,
        "properties": {"reports": {"type": "array", "maxItems": MAX_BATCH, "items": {"oneOf": items}}},
    }
    samples = [{"network": one, "report": shown} for one in networks if (shown := sample("reports", one)) is not None]
    examples = {"example": {"reports": samples}} if samples else {}
    content = {JSON: {"schema": schema, **examples}}
    return {"requestBody": {"required": True, "content": content}, "parameters": [_TRACE_PARENT]}


def described(app: FastAPI, more: dict[str, Any]) -> dict[str, Any]:
    """The description of an application. It is made once.

    Args:
        app: the application.
        more: schemas that its routes refer to, by name.
    """
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, summary=app.summary
        )
        components = made.setdefault("components", {})
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "api_key": {"type": "apiKey", "in": "query", "name": "api_key"},
        }
        components.setdefault("schemas", {}).update(_problem_schemas() | _report_schemas() | more)
        made["security"] = [{"token": []}]
        for path, operations in made["paths"].items():
            if path in OPEN_PATHS or path.startswith(RECEIPTS):
                operations["get"]["security"] = []
        app.openapi_schema = made
    return app.openapi_schema


def _problem_schemas() -> dict[str, Any]:
    schema = ProblemDetails.model_json_schema(ref_template=f"{COMPONENTS}{{model}}")
    return {**schema.pop("$defs", {}), ProblemDetails.__name__: schema}


def _report_schemas() -> dict[str, Any]:
    """The schemas of all networks. The names of their parts begin with the network, because networks share some."""
    found: dict[str, Any] = {}
    for network in NETWORKS.values():
        schema = network.schema.model_json_schema(
            by_alias=True, mode="validation", ref_template=f"{COMPONENTS}{network.name}.{{model}}"
        )
        found |= {f"{network.name}.{name}": part for name, part in schema.pop("$defs", {}).items()}
        found[network.name] = schema
    return found


def sample(kind: str, name: str) -> Any:
    """A sample of the source tree; None in an installation without it."""
    file = SAMPLES / kind / f"{name}.json"
    return orjson.loads(file.read_bytes()) if file.exists() else None


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Of a report without an id: it makes the id. A retry with the same key is the same report.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!#-~]+$"},
}
_TRACE_PARENT = {
    "name": "traceparent",
    "in": "header",
    "required": False,
    "description": "W3C trace context. The record has it as a header.",
    "schema": {"type": "string"},
}
