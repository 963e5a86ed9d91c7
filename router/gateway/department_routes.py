"""The routes of departments without Kafka."""

from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from router.domain.feedback.message import FeedbackMessage
from router.domain.feedback.reading import MAX_BYTES
from router.domain.model.task import Task
from router.gateway.answers import StoredFeedback
from router.gateway.departments import DEFAULT_WAIT_S, DepartmentService
from router.gateway.front_door import json_response
from router.gateway.grants import Grant
from router.gateway.http_request import JSON, STRUCTURED, BodyReader, checked_media_type, record_headers
from router.gateway.intake import Intake
from router.gateway.long_poll import LONGEST_WAIT_S, MOST
from router.gateway.openapi import COMPONENTS, problem_responses, sample
from router.wire.principal import with_principal
from router.wire.rejected_feedback_value import RejectedFeedback

TASKS, REJECTIONS, FEEDBACK = "/v1/tasks", "/v1/rejections", "/v1/tasks/{task}/feedback"
_READ_STATUSES = (400, 401, 403, 404, 410, 429, 503)
_ANSWER_STATUSES = (400, 401, 403, 404, 408, 413, 415, 422, 429, 503)


class _DepartmentRoutes:
    """What each path does."""

    def __init__(self, intake: Intake, departments: DepartmentService, bodies: BodyReader) -> None:
        self._intake, self._departments, self._bodies = intake, departments, bodies

    async def tasks(self, request: Request) -> Response:
        """The records of a department's tasks after a cursor, as soon as there are some."""
        grant, query = request.state.grant, request.query_params
        department = self._department(request)
        return json_response(await self._departments.tasks(grant, department, query, request.is_disconnected))

    async def rejections(self, request: Request) -> Response:
        """Which answers of a department changed nothing, and why, after a cursor."""
        grant, query = request.state.grant, request.query_params
        department = self._department(request)
        return json_response(await self._departments.rejections(grant, department, query, request.is_disconnected))

    async def feedback(self, request: Request, task: str) -> Response:
        """Say something about a task. Whether it changed something, the next record of the task says, or a rejection."""
        department = self._department(request)
        checked_media_type(request.headers.get("content-type", ""), [JSON, STRUCTURED])
        grant: Grant = request.state.grant
        body = await self._bodies.read(request, MAX_BYTES)
        carried = record_headers(request.state.fields, request.state.trace)
        headers = with_principal(carried, " ".join(grant.holder.split()))
        stored = await self._departments.answer(department, task, body, headers)
        request.state.task = stored["task"]
        return json_response(stored, 202)

    def _department(self, request: Request) -> str:
        """The department of a request, which is counted."""
        grant: Grant = request.state.grant
        self._intake.check_rate(grant, 1)
        found = request.state.department = self._departments.department(grant, request.query_params)
        return found


def add_department_routes(app: FastAPI, intake: Intake, departments: DepartmentService, bodies: BodyReader) -> None:
    """Add the routes to an application."""
    routes = _DepartmentRoutes(intake, departments, bodies)
    for path, route, member, kind in (
        (TASKS, routes.tasks, "tasks", Task.__name__),
        (REJECTIONS, routes.rejections, "rejections", RejectedFeedback.__name__),
    ):
        read = problem_responses(*_READ_STATUSES)
        read[200] = {"description": "Records, and the next cursor.", "content": {JSON: {"schema": _page(member, kind)}}}
        parameters = _READING if path == TASKS else [one for one in _READING if one["name"] != "unit"]
        app.add_api_route(
            path, route, methods=["GET"], tags=["departments"], responses=read, openapi_extra={"parameters": parameters}
        )
    app.add_api_route(
        FEEDBACK,
        routes.feedback,
        methods=["POST"],
        tags=["departments"],
        status_code=202,
        response_model=StoredFeedback,
        responses=problem_responses(*_ANSWER_STATUSES),
        openapi_extra={"requestBody": _feedback_body(), "parameters": [_DEPARTMENT]},
    )


def department_schemas() -> dict[str, Any]:
    """The schemas of what departments read and write, by name."""
    _, found = msgspec.json.schema_components([Task, RejectedFeedback], ref_template=f"{COMPONENTS}{{name}}")
    message = FeedbackMessage.model_json_schema(by_alias=True, ref_template=f"{COMPONENTS}{{model}}")
    return {**found, **message.pop("$defs", {}), FeedbackMessage.__name__: message}


def _page(member: str, kind: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [member, "next"],
        "properties": {
            member: {"type": "array", "maxItems": MOST, "items": {"$ref": COMPONENTS + kind}},
            "next": {"type": "string", "description": "Store it with what you have read, and send it as `after`."},
        },
    }


def _feedback_body() -> dict[str, Any]:
    schema, shown = {"$ref": COMPONENTS + FeedbackMessage.__name__}, sample("feedback", "feedback.v1")
    return {
        "required": True,
        "content": {JSON: {"schema": schema, **({} if shown is None else {"example": shown})}},
    }


def _parameter(name: str, about: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": about, "schema": schema}


_DEPARTMENT = _parameter(
    "department", "Id of the department; may be absent if the token is for one alone.", type="string"
)
_READING = [
    _DEPARTMENT,
    _parameter("after", "`next` of the last answer. Absent: from the beginning, or from `since`.", type="string"),
    _parameter("since", "Without a cursor: Kafka's time of the first record.", type="string", format="date-time"),
    _parameter("unit", "Only tasks of this unit.", type="string"),
    _parameter("limit", "Most records.", type="integer", minimum=1, maximum=MOST, default=MOST),
    _parameter(
        "wait",
        "Seconds to wait while there is nothing.",
        type="integer",
        minimum=0,
        maximum=LONGEST_WAIT_S,
        default=DEFAULT_WAIT_S,
    ),
]
