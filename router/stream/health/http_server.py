"""What a worker serves over HTTP: `/metrics` for Prometheus, `/health` for people, balancers and the supervisor.

From threads of its own, so that a worker whose event loop hangs still says so.
"""

import http.client
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import orjson
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from router.stream.health.verdict import HealthReport, HealthSnapshot
from router.wire.errors import BrokerError

OK, UNAVAILABLE = "200 OK", "503 Service Unavailable"
ASK_SECONDS = 1.0
Health = Callable[[], tuple[HealthSnapshot, HealthReport]]
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def serve(registry: CollectorRegistry, health: Health, host: str, port: int) -> ThreadingWSGIServer:
    """Serve both pages in the background.

    Raises:
        BrokerError: the port is taken.
    """
    try:
        server = make_server(host, port, _pages(make_wsgi_app(registry), health), ThreadingWSGIServer, _Silent)
    except OSError as error:
        raise BrokerError(
            f"the metrics port is taken ({error.strerror})",
            where=f"{host}:{port}",
            hint="stop what listens there or set GRID_ROUTER_METRICS_PORT (0 switches metrics off)",
        ) from error
    threading.Thread(target=server.serve_forever, name="pages", daemon=True).start()
    return server


def _pages(metrics: Wsgi, health: Health) -> Wsgi:
    def page(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/health":
            return metrics(environ, start_response)
        seen, verdict = health()
        body = orjson.dumps(health_json(seen, verdict), option=orjson.OPT_APPEND_NEWLINE)
        status = OK if verdict.status == "ok" else UNAVAILABLE
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return page


def health_json(seen: HealthSnapshot, verdict: HealthReport) -> dict[str, Any]:
    """The page `/health`; ages in seconds."""
    return {
        "status": verdict.status,
        "reasons": list(verdict.reasons),
        "generation": seen.generation,
        "partitions": {"assigned": seen.assigned, "restoring": seen.restoring},
        "seconds": {
            "oldest_uncommitted": round(seen.commit.seconds, 1),
            "since_event_loop": round(seen.loop.seconds, 1),
            "since_broker": round(seen.broker.seconds, 1),
            "in_rebalance": round(seen.rebalance.seconds, 1),
            "longest_opening": round(seen.restore.seconds, 1),
            "longest_unread": round(seen.fetch.seconds, 1),
        },
    }


def fetch_health(host: str, port: int) -> dict[str, Any] | None:
    """What a worker's `/health` says, whatever its status; None while nothing answers."""
    connection = http.client.HTTPConnection(host, port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", "/health")
        page = orjson.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, orjson.JSONDecodeError):
        return None
    finally:
        connection.close()
    return page if isinstance(page, dict) else None


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - wsgiref's signature
        """Nothing: requests are no news."""
