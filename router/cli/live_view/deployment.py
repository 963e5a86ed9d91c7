"""Polls the workers of any running deployment through their metrics pages, and nothing else."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from router.cli.live_view.metrics_poller import fetch_metrics, parse_metrics
from router.cli.live_view.top_view import TopView
from router.wire.errors import InputError

AT_ONCE = 16
"""Pages that are fetched at the same time, so that a silent machine delays only itself."""
LAST_PORT = 65_535
MOST = 64
"""Workers that are found on one machine at most; `serve` starts no more."""


class Address(NamedTuple):
    """Where a worker serves its metrics."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def address(text: str) -> Address:
    """Read `HOST:PORT`.

    Raises:
        InputError: it is none.
    """
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if not parts.hostname or not port or parts.path or parts.query or parts.username is not None:
        raise InputError("this is no HOST:PORT", where=text, hint="write for example 127.0.0.1:19100, or [::1]:19100")
    return Address(parts.hostname, port)


class Deployment(Struct, kw_only=True):
    """The workers to poll, and the view that shows them."""

    view: TopView
    addresses: list[Address]
    """Of workers 0, 1, ...; more are found if `finds_more` is set."""
    finds_more: bool = False
    """Whether the port after the last one may be that of another worker."""

    def poll(self, now: float) -> None:
        """Read the metrics page of every worker once."""
        asked = [*self.addresses, *self._next()]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            pages = list(pool.map(lambda one: fetch_metrics(one.host, one.port), asked))
        if len(asked) > len(self.addresses) and pages[-1] is not None:
            self.addresses.append(asked[-1])
        for number, (one, page) in enumerate(zip(self.addresses, pages, strict=False)):
            self.view.update(number, str(one), None if page is None else _samples(page))
        self.view.rates.add_sample(now)

    def finished(self, now: float) -> bool:
        """Whether the screen may end by itself: never."""
        del now
        return False

    def _next(self) -> Sequence[Address]:
        last = self.addresses[-1]
        if not self.finds_more or len(self.addresses) >= MOST or last.port >= LAST_PORT:
            return []
        return [Address(last.host, last.port + 1)]


def _samples(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float] | None:
    """The samples of a page; None if it is none of a worker."""
    try:
        return parse_metrics(page) or None
    except ValueError:
        return None


def find_workers(first: Address) -> list[Address]:
    """The workers of a machine: those that answer from a port on, up to the first that does not.

    Raises:
        InputError: none answers.
    """
    found: list[Address] = []
    for port in range(first.port, min(first.port + MOST, LAST_PORT + 1)):
        page = fetch_metrics(first.host, port)
        if page is None or _samples(page) is None:
            break
        found.append(Address(first.host, port))
    if not found:
        raise InputError(
            "no worker answers there",
            where=str(first),
            hint="start one with `grid-router serve`, set GRID_ROUTER_METRICS_PORT, or name the workers as HOST:PORT",
        )
    return found
