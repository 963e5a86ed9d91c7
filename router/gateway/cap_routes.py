"""The route of alerts in CAP 1.2."""

from typing import Any

from fastapi import FastAPI, Request, Response

from router.domain.intake.charset import CONTENT_TYPE
from router.domain.intake.normalise import MAX_BYTES
from router.gateway.answers import Receipt
from router.gateway.cap_xml import NETWORK, cap_value
from router.gateway.front_door import json_response
from router.gateway.grants import Grant
from router.gateway.http_request import JSON, BodyReader, checked_media_type
from router.gateway.intake import Intake
from router.gateway.openapi import problem_responses

ALERTS = "/v1/alerts"
CAP_TYPES = ("application/cap+xml", "application/xml", "text/xml")
EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>2026-11-30-0007</identifier>
  <sender>duty@weather.example.org</sender>
  <sent>2026-11-30T08:00:00-08:00</sent>
  <status>Actual</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <category>Met</category>
    <event>Flood</event>
    <urgency>Immediate</urgency>
    <severity>Severe</severity>
    <certainty>Observed</certainty>
    <headline>The underpass is under water</headline>
    <area>
      <areaDesc>Underpass at Pike Street</areaDesc>
      <circle>47.6097,-122.3331 0.1</circle>
    </area>
  </info>
</alert>
"""


class _CapRoutes:
    """What the path does."""

    def __init__(self, intake: Intake, bodies: BodyReader) -> None:
        self._intake, self._bodies = intake, bodies

    async def take(self, request: Request) -> Response:
        """Take one message of a chain: an alert, its update or its cancel. The receipt is that of every report."""
        grant: Grant = request.state.grant
        self._intake.check_rate(grant, 1)
        request.state.network = NETWORK
        grant.check_network(NETWORK)
        checked_media_type(request.headers.get("content-type", ""), CAP_TYPES)
        value = cap_value(await self._bodies.read(request, MAX_BYTES))
        headers = [(CONTENT_TYPE, JSON.encode()), *request.state.trace]
        return json_response(await self._intake.take(grant, NETWORK, value, headers, None), 202)


def add_cap_route(app: FastAPI, intake: Intake, bodies: BodyReader) -> None:
    """Add the route to an application."""
    schema: dict[str, Any] = {"type": "string", "description": "An `alert` of OASIS CAP 1.2, at most 256 KiB."}
    content = {media: {"schema": schema, "example": EXAMPLE} for media in CAP_TYPES}
    app.add_api_route(
        ALERTS,
        _CapRoutes(intake, bodies).take,
        methods=["POST"],
        tags=["alerts"],
        status_code=202,
        response_model=Receipt,
        responses=problem_responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        openapi_extra={"requestBody": {"required": True, "content": content}},
    )
