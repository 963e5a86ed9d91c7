"""The routes of the gateway."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response

from router import __version__
from router.domain.intake.normalise import MAX_BYTES
from router.domain.networks.registry import NETWORKS
from router.gateway.answers import BatchAnswer, Receipt
from router.gateway.authentication import Authenticator
from router.gateway.front_door import SAFE, problem_response
from router.gateway.grants import Grant
from router.gateway.http_request import JSON, STRUCTURED, check_media_type, read_body, record_headers, trace_context
from router.gateway.intake import Intake, read_batch
from router.gateway.openapi import batch_body, described, problem_responses, report_body
from router.gateway.problems import ProblemError

MAX_BATCH_BYTES = 4 << 20
"""Most bytes of a batch."""
IDEMPOTENCY_KEY = "idempotency-key"
BATCH_PATH, REPORTS_PATH = "/v1/reports:batch", "/v1/reports/{network}"


def build_app(intake: Intake, authenticator: Authenticator, networks: list[str]) -> FastAPI:
    """The application, without the front door that finds the token of each request.

    Args:
        intake: takes the reports.
        authenticator: whose files are followed.
        networks: that OpenAPI describes.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        followers = [asyncio.create_task(intake.rules.follow()), asyncio.create_task(authenticator.follow())]
        try:
            yield
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)
            await intake.publisher.close()
            await intake.rules.close()

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
    _add_probes(app, intake)
    _add_reports(app, intake, networks)
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(404, _not_found)
    app.add_exception_handler(405, _method_not_allowed)
    return app


def _add_probes(app: FastAPI, intake: Intake) -> None:
    async def livez() -> Response:
        """The process answers."""
        return _json({"status": "ok"})

    async def readyz() -> Response:
        """The rules are read, and a broker answers."""
        ready = intake.rules.rule_sets is not None and await intake.publisher.answers()
        return _json({"status": "ok" if ready else "not ready"}, 200 if ready else 503)

    async def openapi() -> Response:
        """This description."""
        return _json(described(app))

    for probe in (livez, readyz):
        app.add_api_route(f"/{probe.__name__}", probe, methods=["GET"], tags=["probes"])
    app.add_api_route("/openapi.json", openapi, methods=["GET"], include_in_schema=False)


def _add_reports(app: FastAPI, intake: Intake, networks: list[str]) -> None:
    async def take_batch(request: Request) -> Response:
        """Take up to 100 reports of any networks. Each is answered by itself, in their order."""
        grant: Grant = request.state.grant
        intake.check_rate(grant, 1)
        check_media_type(request.headers.get("content-type", ""), [JSON])
        items = read_batch(await read_body(request, MAX_BATCH_BYTES))
        if len(items) > 1:
            intake.check_rate(grant, len(items) - 1)
        headers = [("content-type", JSON.encode()), *trace_context(request.state.fields)]
        return _json({"results": await intake.take_batch(grant, items, headers)})

    async def take(request: Request, network: str) -> Response:
        """Take one report: the network's own JSON, or a CloudEvent that has it."""
        grant: Grant = request.state.grant
        intake.check_rate(grant, 1)
        request.state.network = network if network in NETWORKS else None
        check_media_type(request.headers.get("content-type", ""), [JSON, STRUCTURED])
        body = await read_body(request, MAX_BYTES)
        key = request.headers.get(IDEMPOTENCY_KEY)
        return _json(await intake.take(grant, network, body, record_headers(request.state.fields), key), 202)

    app.add_api_route(
        BATCH_PATH,
        take_batch,
        methods=["POST"],
        response_model=BatchAnswer,
        responses=problem_responses(),
        openapi_extra=batch_body(networks),
        tags=["reports"],
    )
    for network in networks:
        app.add_api_route(
            REPORTS_PATH.replace("{network}", network),
            _of_network(take, network),
            methods=["POST"],
            operation_id=f"send-{network}",
            summary=f"Take one report: {NETWORKS[network].title} ({NETWORKS[network].title_zh}).",
            status_code=202,
            response_model=Receipt,
            responses=problem_responses(),
            openapi_extra=report_body(network),
            tags=["reports"],
        )
    # networks of rule sets that are published later
    app.add_api_route(REPORTS_PATH, take, methods=["POST"], include_in_schema=False)


def _of_network(
    take: Callable[[Request, str], Awaitable[Response]], network: str
) -> Callable[..., Awaitable[Response]]:
    async def take_one(request: Request) -> Response:
        """The network's own JSON, or a CloudEvent that has it in binary or structured mode."""
        return await take(request, network)

    return take_one


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, SAFE, media_type=JSON)


async def _problem(_: Request, problem: Exception) -> Response:
    if not isinstance(problem, ProblemError):
        raise problem
    return problem_response(problem)


async def _not_found(_: Request, __: Exception) -> Response:
    return problem_response(ProblemError("not-found", f"there is nothing here; send reports to `{REPORTS_PATH}`."))


async def _method_not_allowed(_: Request, __: Exception) -> Response:
    return problem_response(ProblemError("method-not-allowed", "use POST for reports, and GET for everything else."))
