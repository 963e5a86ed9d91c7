"""What every request passes first: the token, and the access log. `/livez`, `/readyz` and receipts need no token; Open311 looks for its own."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from fastapi import Response
from structlog.contextvars import bind_contextvars

from router.gateway.authentication import Authenticator
from router.gateway.grants import Grant
from router.gateway.http_request import trace_context
from router.gateway.problems import MEDIA_TYPE, ProblemError
from router.tracing.carrying import CARRYING, Tracing
from router.wire.gateway_metrics import GatewayMetrics
from router.wire.trace_context import trace_id

OPEN_PATHS = frozenset({"/livez", "/readyz"})
"""Paths that need no token. The access log leaves them out, because probes are frequent."""
RECEIPTS = "/v1/receipts/"
"""A receipt needs no token beside its own: who has it may read it."""
GEOREPORT = "/open311/v2/"
"""Paths of Open311: its routes look for the key themselves, because it may be an argument, and then call `let_in` of the request's state."""
SAFE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
log = structlog.get_logger(__name__)


def json_response(content: Any, status: int = 200) -> Response:
    """The answer with a JSON body."""
    return Response(orjson.dumps(content), status, SAFE, media_type="application/json")


def problem_response(problem: ProblemError) -> Response:
    """The answer of a problem."""
    return Response(
        orjson.dumps(problem.details()), problem.kind.status, {**SAFE, **problem.headers()}, media_type=MEDIA_TYPE
    )


def defect() -> ProblemError:
    """The problem of a request on which the gateway itself has failed."""
    detail = "the gateway failed on the request, which is a defect; keep the report and send it again later."
    return ProblemError("defect", detail)


def log_line(line: dict[str, Any]) -> None:
    """Write a line of the access log to stderr."""
    sys.stderr.write(f"{orjson.dumps(line).decode('ascii', 'replace')}\n")


class FrontDoor:
    """An ASGI application around another one.

    A line of the access log has time, method, route, status, milliseconds, the public name of the token's holder, network or
    department, and the ids of the task and of the trace. It has no address, no path as sent, no id of a report, and no text of one.

    Args:
        app: the application.
        authenticator: knows the tokens.
        metrics: count the requests.
        write: writes a line of the access log.
        tracing: of the gateway.
    """

    def __init__(
        self,
        app: Any,
        authenticator: Authenticator,
        metrics: GatewayMetrics,
        write: Callable[[dict[str, Any]], None] = log_line,
        *,
        tracing: Tracing = CARRYING,
    ) -> None:
        self._app, self._authenticator, self._metrics, self._write = app, authenticator, metrics, write
        self._tracing = tracing

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        begun, answered = time.monotonic(), _Answered(send)
        state = scope.setdefault("state", {})
        state["let_in"] = self._let_in
        try:
            fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
            state["fields"], state["trace"] = fields, trace_context(fields)
            try:
                if not scope["path"].startswith((RECEIPTS, GEOREPORT)):
                    said = [value for name, value in fields if name == "authorization"]
                    # of two, a proxy in front may have checked the other one
                    self._let_in(scope, self._authenticator.grant_of(said[0] if len(said) == 1 else None))
            except ProblemError as problem:
                await problem_response(problem)(scope, receive, answered)
                return
            await self._app(scope, receive, answered)
        except Exception:  # a defect, whatever it is
            log.exception("a request failed", route=_route(scope))
            if not answered.status:
                await problem_response(defect())(scope, receive, answered)
        finally:
            seconds = time.monotonic() - begun
            if "traced" in state:
                state["traced"].ended(_route(scope), answered.status)
            self._metrics.requests.labels(_route(scope), str(answered.status)).inc()
            self._metrics.request_seconds.labels(_route(scope)).observe(seconds)
            self._write(_line(scope, answered.status, seconds))

    def _let_in(self, scope: Any, grant: Grant) -> None:
        """Note who sends a request. Its trace begins here: a sender without a token causes no span."""
        state = scope["state"]
        state["grant"] = grant
        state["traced"] = traced = self._tracing.request(scope["method"], state["trace"])
        state["trace"] = traced.headers
        if traced.headers:
            bind_contextvars(trace=trace_id(traced.headers))


class _Answered:
    """Remembers the status of an answer."""

    def __init__(self, send: Any) -> None:
        self._send, self.status = send, 0

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _route(scope: Any) -> str:
    return str(getattr(scope.get("route"), "path", "none"))


def _line(scope: Any, status: int, seconds: float) -> dict[str, Any]:
    state = scope["state"]
    grant = state.get("grant")
    line = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "method": scope["method"] if scope["method"] in {"GET", "POST"} else "other",
        "route": _route(scope),
        "status": status,
        "ms": round(seconds * 1000, 1),
        "holder": grant.public_name if grant else None,
        "network": state.get("network"),
        "department": state.get("department"),
        "task": state.get("task"),
        "trace": trace_id(state["trace"]),
    }
    return {name: value for name, value in line.items() if value is not None}
