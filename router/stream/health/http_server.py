"""The HTTP server of a worker: `/metrics` for Prometheus, `/health` for people, load balancers and the supervisor.

It runs in its own threads, so a worker whose event loop hangs still answers.
"""

import http.client
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import make_server

import orjson
from prometheus_client import CollectorRegistry, make_wsgi_app

from router.stream.health.bounded_server import BoundedHandler, BoundedServer
from router.stream.health.verdict import HealthReport, HealthSnapshot
from router.wire.errors import BrokerError

OK, UNAVAILABLE = "200 OK", "503 Service Unavailable"
REQUEST_TIMEOUT_S = 1.0
Health = Callable[[], tuple[HealthSnapshot, HealthReport]]
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def serve(registry: CollectorRegistry, health: Health, host: str, port: int) -> BoundedServer:
    """Serve both paths in the background.

    Raises:
        BrokerError: the port is taken.
    """
    try:
        server = make_server(host, port, _application(make_wsgi_app(registry), health), BoundedServer, BoundedHandler)
    except OSError as error:
        raise BrokerError(
            f"the metrics port is taken ({error.strerror})",
            where=f"{host}:{port}",
            hint="stop the program that listens there, or set GRID_ROUTER_METRICS_PORT (0 switches metrics off)",
        ) from error
    threading.Thread(target=server.serve_forever, name="http server", daemon=True).start()
    return server


def _application(metrics: Wsgi, health: Health) -> Wsgi:
    def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/health":
            return metrics(environ, start_response)
        snapshot, report = health()
        body = orjson.dumps(health_json(snapshot, report), option=orjson.OPT_APPEND_NEWLINE)
        status = OK if report.status == "ok" else UNAVAILABLE
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return respond


def health_json(snapshot: HealthSnapshot, report: HealthReport) -> dict[str, Any]:
    """The content of `/health`; ages in seconds."""
    return {
        "status": report.status,
        "reasons": list(report.reasons),
        "generation": snapshot.generation,
        "partitions": {"assigned": snapshot.assigned, "restoring": snapshot.restoring},
        "seconds": {
            "oldest_uncommitted": round(snapshot.commit.seconds, 1),
            "since_event_loop": round(snapshot.loop.seconds, 1),
            "since_broker": round(snapshot.broker.seconds, 1),
            "in_rebalance": round(snapshot.rebalance.seconds, 1),
            "longest_restore": round(snapshot.restore.seconds, 1),
            "longest_unread": round(snapshot.fetch.seconds, 1),
        },
    }


def fetch_health(host: str, port: int) -> dict[str, Any] | None:
    """A worker's `/health`, whatever its status; None while nothing answers."""
    connection = http.client.HTTPConnection(host, port, timeout=REQUEST_TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        page = orjson.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, orjson.JSONDecodeError):
        return None
    finally:
        connection.close()
    return page if isinstance(page, dict) else None
