"""The HTTP server of the gateway: uvicorn with bounds that slow, large or many requests cannot exceed."""

import asyncio
import logging
import socket
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry
from uvicorn.protocols.http.h11_impl import H11Protocol

from router.domain.rules.city import City
from router.gateway.app import build_app
from router.gateway.authentication import Authenticator
from router.gateway.clock import WALL, GatewayClock
from router.gateway.departments import DepartmentService
from router.gateway.followed_cases import FollowedCases
from router.gateway.followed_rules import FollowedRules
from router.gateway.front_door import FrontDoor
from router.gateway.intake import Intake
from router.gateway.long_poll import LongPolls
from router.gateway.publisher import LIMIT_S, Publisher
from router.gateway.rate_limit import RateLimit
from router.gateway.receipt_index import ReceiptIndex
from router.gateway.receipt_keys import read_receipt_keys
from router.gateway.receipts import Receipts
from router.rule_sets.store import RuleSetStore
from router.tracing.carrying import CARRYING, Tracing
from router.wire.errors import InputError, WorkerError
from router.wire.gateway_metrics import GatewayMetrics
from router.wire.settings import Settings
from router.wire.topic_names import Names

HEAD_BYTES = 16 << 10
"""Most bytes of a request's line and header fields together."""
HEAD_S = 10.0
"""How long a connection may be open before a request has begun, also the next one."""
WRITE_S, LEAST_BYTES = 10.0, 16 << 10
"""How many bytes of an answer an app must have taken after this time, while some wait for it."""
KEEP_ALIVE_S = 10
CONNECTIONS = 1000
DRAIN_S = int(LIMIT_S) + 2
"""How long requests may go on after SIGTERM."""
BACKLOG = 256


class BoundedProtocol(H11Protocol):
    """A connection that ends when it sends no whole head of a request in time, or does not take its answers.

    When there are too many, the one that has waited longest for its next request ends. An app's request takes milliseconds, so
    it is never that one.
    """

    _timer: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    waits_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_request()
        if len(self.connections) > CONNECTIONS:
            idle = [one for one in self.connections if isinstance(one, BoundedProtocol) and one.waits_for_request]
            min(idle, key=lambda one: one.waits_since, default=self).transport.abort()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        for timer in (self._timer, self._writing):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        """Begin to wait for an app that does not take its answers."""
        super().pause_writing()
        self._await_app()

    def resume_writing(self) -> None:
        """Stop waiting: it has taken them."""
        super().resume_writing()
        if self._writing is not None:
            self._writing.cancel()

    @property
    def waits_for_request(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _await_request(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.waits_since = self.loop.time()
        self._timer = self.loop.call_later(HEAD_S, self._end_idle, self.cycle)

    def _await_app(self) -> None:
        waiting: int = self.transport.get_write_buffer_size()
        self._writing = self.loop.call_later(WRITE_S, self._end_untaken, waiting)

    def _end_untaken(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < LEAST_BYTES:
            self.transport.abort()  # a close would wait for the app
        else:
            self._await_app()

    def _end_idle(self, cycle: object) -> None:
        if self.cycle is cycle and not self.transport.is_closing():
            self.transport.close()


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InputError when the address cannot be used."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
        )
    except OSError as error:
        raise InputError(
            f"the gateway cannot listen there ({error.strerror})",
            where=f"{host}:{port}",
            hint="stop the program that listens there, or set GRID_ROUTER_GATEWAY_HOST and GRID_ROUTER_GATEWAY_PORT",
        ) from None


async def serve(
    city: City,
    settings: Settings,
    bootstrap: str,
    listening: socket.socket,
    *,
    history: bool = False,
    tracing: Tracing = CARRYING,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish the requests that have begun.

    Args:
        city: as its folder has it.
        settings: of the gateway.
        bootstrap: `host:port` list of the cluster.
        listening: its socket.
        history: whether the city replays history, so that the time of the latest case counts. It needs keys of receipts.
        tracing: of the gateway.

    Raises:
        InputError: the tokens or the keys of receipts cannot be used.
        WorkerError: something that the gateway follows is followed no longer.
    """
    authenticator, names = Authenticator(settings), Names(settings.namespace)
    rules = FollowedRules(city, RuleSetStore(bootstrap, names.rule_sets))
    metrics, receipts, index = GatewayMetrics(CollectorRegistry()), None, ReceiptIndex()
    clock = GatewayClock(lambda: index.latest) if history else WALL
    if settings.gateway_receipt_keys is not None:
        keys = read_receipt_keys(settings.gateway_receipt_keys)
        cases = FollowedCases(bootstrap, names, lambda: _networks(rules, city), index)
        metrics.known_reports.set_function(lambda: len(index))
        receipts = Receipts(keys, cases, rules, clock)
    intake = Intake(
        rules, Publisher(bootstrap), RateLimit(settings.gateway_rate), names, metrics, receipts=receipts, clock=clock
    )
    polls = LongPolls(bootstrap)
    departments = DepartmentService(rules, polls, intake.publisher, names, metrics, clock=clock)
    lost: list[str] = []

    def end(what: str) -> None:
        lost.append(what)
        server.should_exit = True

    inside = build_app(intake, departments, authenticator, list(city.codes), end)
    app = FrontDoor(inside, authenticator, metrics, tracing=tracing)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a warning for each malformed request says nothing
    server = uvicorn.Server(configuration(app))
    polls.ending = lambda: server.should_exit
    await server.serve([listening])
    if lost:
        what = f"the gateway could not follow its {lost[0]} any longer"
        raise WorkerError(what, hint="start it again, and report the error in its log as a defect")


def _networks(rules: FollowedRules, city: City) -> list[str]:
    return list(city.codes) if rules.rule_sets is None else rules.rule_sets.networks


def configuration(app: Any) -> uvicorn.Config:
    """The configuration of the server."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
