"""The routes of Open311 GeoReport v2. They exist if the gateway answers receipts: a token of GeoReport is the token of a receipt."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response

from router.domain.intake.charset import CONTENT_TYPE
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSetError
from router.gateway.authentication import Authenticator
from router.gateway.front_door import GEOREPORT
from router.gateway.georeport import (
    ID_FIELD,
    NETWORK,
    definition_of,
    read_form,
    request_of,
    services_of,
    token_of,
)
from router.gateway.georeport_formats import FORMATS, format_of_path, georeport_response
from router.gateway.georeport_openapi import described_route
from router.gateway.grants import Grant
from router.gateway.http_request import JSON, BodyReader, checked_media_type
from router.gateway.intake import Intake
from router.gateway.problems import RETRY_AFTER_S, ProblemError
from router.gateway.receipts import Receipts

FORM = "application/x-www-form-urlencoded"
MAX_FORM = 64 << 10
"""Most bytes of a form."""
FORMS_BYTES = 4 << 20
"""Bytes of all forms that arrive at once: their key is in them, so who sends them is known only afterwards."""
MOST_IDS = 50
"""Requests that are asked for at once."""
IDEMPOTENCY_KEY = "idempotency-key"
NO_KEY = "there is no api_key; send it as an argument, or `Authorization: Bearer TOKEN`."
NO_LIST = f"the city does not list the requests of others; name at most {MOST_IDS} with `?service_request_id=`."


class _GeoReportRoutes:
    """What each path does."""

    def __init__(self, intake: Intake, receipts: Receipts, authenticator: Authenticator) -> None:
        self._intake, self._receipts, self._authenticator = intake, receipts, authenticator
        self._bodies = BodyReader(FORMS_BYTES)

    async def services(self, request: Request) -> Response:
        """What may be reported. No key is needed."""
        return self._answer(request, "services", services_of(self._city(request.query_params)))

    async def definition(self, request: Request, service_code: str) -> Response:
        """The attributes of a service. No key is needed."""
        city = self._city(request.query_params)
        return self._answer(request, "service_definition", definition_of(city, service_code))

    async def take(self, request: Request) -> Response:
        """Take one request. Its token says later how far it is, like that of every receipt."""
        checked_media_type(request.headers.get("content-type", ""), [FORM])
        form = read_form(await self._bodies.read(request, MAX_FORM))
        grant = self._grant(request, form.arguments)
        self._intake.check_rate(grant, 1)
        self._city(form.arguments)
        key = request.headers.get(IDEMPOTENCY_KEY) or secrets.token_hex(20)
        headers = [(CONTENT_TYPE, JSON.encode()), *request.state.trace]
        receipt = await self._intake.take(grant, NETWORK, form.value, headers, key)
        taken = {"token": receipt["receipt_token"], "service_notice": form.notice}
        return self._answer(request, "service_requests", [taken])

    async def requests(self, request: Request) -> Response:
        """How far the requests of some ids are."""
        self._check_reader(request)
        ids = [one.strip() for one in request.query_params.get(ID_FIELD, "").split(",") if one.strip()]
        if not 0 < len(ids) <= MOST_IDS:
            raise ProblemError("malformed", NO_LIST)
        found = [self._request(request, one) for one in dict.fromkeys(ids)]
        return self._answer(request, "service_requests", [one for one in found if one is not None])

    async def request(self, request: Request, service_request_id: str) -> Response:
        """How far a request is, without a text, a place or a person."""
        self._check_reader(request)
        found = self._request(request, service_request_id)
        if found is None:
            detail = (
                "the city has no request of this id, or its case was finished long ago; ask for the id by the token."
            )
            raise ProblemError("not-found", detail)
        return self._answer(request, "service_requests", [found])

    async def token(self, request: Request, token: str) -> Response:
        """The id of a request by its token, which is enough; without one as long as no case has the request."""
        self._city(request.query_params)
        return self._answer(request, "service_requests", [token_of(self._receipts.found(token), token)])

    def _request(self, request: Request, id_: str) -> dict[str, Any] | None:
        city, progress = self._receipts.city(), self._receipts.cases.index.of_case(id_)
        chinese = request.headers.get("accept-language", "").strip().lower().startswith("zh")
        return None if progress is None else request_of(city, id_, progress, chinese=chinese)

    def _check_reader(self, request: Request) -> None:
        grant = self._grant(request, {})
        self._intake.check_rate(grant, 1)
        grant.check_network(NETWORK)
        self._city(request.query_params)

    def _grant(self, request: Request, arguments: Mapping[str, str]) -> Grant:
        """What the key of a request allows: of its header, of its address, or of its form."""
        said = request.headers.getlist("authorization")
        if len(said) > 1:
            raise ProblemError("unauthorized", NO_KEY)  # of two, a proxy in front may have checked the other one
        authorization = said[0] if said else None
        key = request.query_params.get("api_key") or arguments.get("api_key")
        if authorization is None and not key:
            raise ProblemError("unauthorized", NO_KEY)
        grant = self._authenticator.grant_of(authorization or f"Bearer {key}")
        request.state.let_in(request.scope, grant)
        request.state.network = NETWORK
        return grant

    def _city(self, arguments: Mapping[str, str]) -> City:
        """The rules in effect for the network. Raises ProblemError if it is not the city that a request is for."""
        rule_sets = self._intake.rules.rule_sets
        if rule_sets is None:
            raise _not_ready()
        try:
            city = rule_sets.for_network(datetime.now(UTC), NETWORK)
        except RuleSetError:
            detail = "the city has no code table of Open311, so nothing can be reported here; ask its operator."
            raise ProblemError("unknown-network", detail) from None
        if arguments.get("jurisdiction_id") not in {None, "", city.name}:
            raise ProblemError(
                "not-found", f"this gateway has no such jurisdiction_id; leave it out, or send {city.name}."
            )
        return city

    @staticmethod
    def _answer(request: Request, root: str, content: Any) -> Response:
        return georeport_response(format_of_path(request.url.path), root, content)


def _not_ready() -> ProblemError:
    detail = "the gateway has not read the rules of the city yet; send it again."
    return ProblemError("not-ready", detail, retry_after_s=RETRY_AFTER_S)


def add_georeport_routes(app: FastAPI, intake: Intake, receipts: Receipts, authenticator: Authenticator) -> None:
    """Add the routes to an application, each in both formats."""
    routes = _GeoReportRoutes(intake, receipts, authenticator)
    paths: list[tuple[str, str, Callable[..., Awaitable[Response]]]] = [
        ("GET", "services", routes.services),
        ("GET", "services/{service_code:path}", routes.definition),
        ("POST", "requests", routes.take),
        ("GET", "requests", routes.requests),
        ("GET", "requests/{service_request_id}", routes.request),
        ("GET", "tokens/{token}", routes.token),
    ]
    for method, path, route in paths:
        for form in FORMATS:
            app.add_api_route(
                f"{GEOREPORT}{path}.{form}",
                route,
                methods=[method],
                tags=["open311"],
                **described_route(method, path, form),
            )
