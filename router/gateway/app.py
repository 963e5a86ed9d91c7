"""The routes of the gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from router import __version__
from router.domain.intake.charset import CONTENT_TYPE
from router.domain.intake.normalise import MAX_BYTES
from router.domain.networks.registry import NETWORKS
from router.gateway.answers import BatchAnswer, Receipt, ReportProgress
from router.gateway.authentication import Authenticator
from router.gateway.cap_routes import add_cap_route
from router.gateway.department_routes import add_department_routes, department_schemas
from router.gateway.departments import DepartmentService
from router.gateway.followers import Ended, Followers
from router.gateway.front_door import GEOREPORT, RECEIPTS, SAFE, defect, json_response, problem_response
from router.gateway.georeport_formats import format_of_path, georeport_problem
from router.gateway.georeport_routes import add_georeport_routes
from router.gateway.grants import Grant
from router.gateway.http_request import (
    EVENT_BATCH,
    JSON,
    STRUCTURED,
    BodyReader,
    checked_media_type,
    record_headers,
)
from router.gateway.intake import Intake, SubmittedReport, read_batch, read_events
from router.gateway.openapi import batch_body, described, problem_responses, report_body
from router.gateway.problems import ProblemError

MAX_BATCH_BYTES = 4 << 20
"""Most bytes of a batch."""
IDEMPOTENCY_KEY = "idempotency-key"
BATCH_PATH, REPORTS_PATH = "/v1/reports:batch", "/v1/reports/{network}"


def build_app(
    intake: Intake,
    departments: DepartmentService,
    authenticator: Authenticator,
    networks: list[str],
    ended: Ended = lambda _: None,
) -> FastAPI:
    """The application, without the front door that finds the token of each request.

    Args:
        intake: takes the reports.
        departments: serves those without Kafka.
        authenticator: whose files are followed.
        networks: that OpenAPI describes.
        ended: is called when something is followed no longer.
    """
    followed = {"rules": intake.rules.follow, "tokens": authenticator.follow}
    if intake.receipts is not None:
        followed["cases"] = intake.receipts.cases.follow
    followers = Followers(followed, ended)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        followers.start()
        try:
            yield
        finally:
            await followers.stop()
            await intake.publisher.close()
            await intake.rules.close()
            if intake.receipts is not None:
                await intake.receipts.cases.close()

    app = FastAPI(
        title="grid-router gateway",
        version=__version__,
        description="Reports of a city's networks over HTTP.",
        lifespan=running,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    bodies = BodyReader()
    _add_routes(app, _Routes(app, intake, bodies, followers), networks, receipts=intake.receipts is not None)
    add_department_routes(app, intake, departments, bodies)
    add_cap_route(app, intake, bodies)
    if intake.receipts is not None:
        add_georeport_routes(app, intake, intake.receipts, authenticator)
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(404, _not_found)
    app.add_exception_handler(405, _method_not_allowed)
    app.add_exception_handler(Exception, _defect)
    return app


class _Routes:
    """What each path does."""

    def __init__(self, app: FastAPI, intake: Intake, bodies: BodyReader, followers: Followers) -> None:
        self._app, self._intake, self._bodies, self._followers = app, intake, bodies, followers

    async def livez(self) -> Response:
        """The process answers."""
        return json_response({"status": "ok"})

    async def readyz(self) -> Response:
        """The rules are read, also the cases if the gateway answers receipts, and a broker answers."""
        intake = self._intake
        read = intake.rules.rule_sets is not None and (intake.receipts is None or intake.receipts.cases.ready)
        ready = self._followers.complete and read and await intake.publisher.answers()
        return json_response({"status": "ok" if ready else "not ready"}, 200 if ready else 503)

    async def receipt(self, token: str) -> Response:
        """How far the case of a report is, in plain words. The token of the receipt is enough."""
        if self._intake.receipts is None:
            raise ProblemError("not-found", "the gateway has no keys for receipts; ask its operator.")
        return json_response(self._intake.receipts.answer(token))

    async def metrics(self, request: Request) -> Response:
        """The metrics, as Prometheus reads them. The token needs the scope `metrics`."""
        request.state.grant.check_metrics()
        return Response(generate_latest(self._intake.metrics.registry), 200, SAFE, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def openapi(self) -> Response:
        """This description."""
        return json_response(described(self._app, department_schemas()))

    async def take_batch(self, request: Request) -> Response:
        """Take up to 100 reports of any networks. Each is answered by itself, in their order."""
        self._intake.check_rate(request.state.grant, 1)
        checked_media_type(request.headers.get("content-type", ""), [JSON])
        return await self._batch(request, read_batch(await self._bodies.read(request, MAX_BATCH_BYTES)), JSON)

    async def take(self, request: Request, network: str) -> Response:
        """Take one report of a network, or a batch of its events."""
        grant: Grant = request.state.grant
        self._intake.check_rate(grant, 1)
        request.state.network = network if network in NETWORKS else None
        kind = checked_media_type(request.headers.get("content-type", ""), [JSON, STRUCTURED, EVENT_BATCH])
        if kind == EVENT_BATCH:
            return await self._batch(
                request, read_events(await self._bodies.read(request, MAX_BATCH_BYTES), network), STRUCTURED
            )
        body = await self._bodies.read(request, MAX_BYTES)
        key = request.headers.get(IDEMPOTENCY_KEY)
        return json_response(
            await self._intake.take(
                grant, network, body, record_headers(request.state.fields, request.state.trace), key
            ),
            202,
        )

    async def _batch(self, request: Request, items: list[SubmittedReport | ProblemError], kind: str) -> Response:
        """The results of a batch whose first report has been counted."""
        grant: Grant = request.state.grant
        if len(items) > 1:
            self._intake.check_rate(grant, len(items) - 1)
        headers = [(CONTENT_TYPE, kind.encode()), *request.state.trace]
        return json_response({"results": await self._intake.take_batch(grant, items, headers)})

    def of_network(self, network: str) -> Callable[[Request], Awaitable[Response]]:
        """What the path of one network does."""

        async def take_one(request: Request) -> Response:
            """The network's own JSON, or CloudEvents that have it: in binary, structured or batch mode."""
            return await self.take(request, network)

        return take_one


def _add_routes(app: FastAPI, routes: _Routes, networks: list[str], *, receipts: bool) -> None:
    app.add_api_route("/livez", routes.livez, methods=["GET"], tags=["probes"])
    away: dict[int | str, dict[str, Any]] = {503: {"description": "It does not take reports now."}}
    app.add_api_route("/readyz", routes.readyz, methods=["GET"], tags=["probes"], responses=away)
    app.add_api_route("/metrics", routes.metrics, methods=["GET"], include_in_schema=False)
    app.add_api_route("/openapi.json", routes.openapi, methods=["GET"], include_in_schema=False)
    if receipts:
        app.add_api_route(
            f"{RECEIPTS}{{token}}",
            routes.receipt,
            methods=["GET"],
            tags=["receipts"],
            response_model=ReportProgress,
            responses=problem_responses(404, 503),
        )
    post: dict[str, Any] = {"methods": ["POST"], "responses": problem_responses(), "tags": ["reports"]}
    app.add_api_route(
        BATCH_PATH, routes.take_batch, response_model=BatchAnswer, openapi_extra=batch_body(networks), **post
    )
    for network in networks:
        app.add_api_route(
            REPORTS_PATH.replace("{network}", network),
            routes.of_network(network),
            operation_id=f"send-{network}",
            summary=f"Take one report: {NETWORKS[network].title} ({NETWORKS[network].title_zh}).",
            status_code=202,
            response_model=Receipt,
            openapi_extra=report_body(network),
            **post | {"responses": problem_responses() | {200: {"model": BatchAnswer, "description": "Of a batch."}}},
        )
    # networks of rule sets that are published later
    app.add_api_route(REPORTS_PATH, routes.take, methods=["POST"], include_in_schema=False)


def _answer(request: Request, problem: ProblemError) -> Response:
    """The answer of a problem, in the form of the door."""
    path = request.url.path
    return georeport_problem(format_of_path(path), problem) if path.startswith(GEOREPORT) else problem_response(problem)


async def _problem(request: Request, problem: Exception) -> Response:
    if not isinstance(problem, ProblemError):
        raise problem
    return _answer(request, problem)


async def _defect(request: Request, __: Exception) -> Response:
    return _answer(request, defect())


async def _not_found(request: Request, __: Exception) -> Response:
    detail = f"there is nothing here; send reports to `{REPORTS_PATH}`."
    return _answer(request, ProblemError("not-found", detail))


async def _method_not_allowed(request: Request, __: Exception) -> Response:
    detail = "use POST for reports, and GET for everything else."
    return _answer(request, ProblemError("method-not-allowed", detail))
