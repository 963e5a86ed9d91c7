"""`grid-router top`: the live screen of any running deployment, from the metrics of its workers alone."""

import time
from typing import Annotated

import typer

from router.cli.live_view.deployment import Address, Deployment, address, find_workers
from router.cli.live_view.screen import FRAME_S, show_until
from router.cli.live_view.top_view import TopView
from router.cli.session import interruptible
from router.cli.text.output import lines_out
from router.wire.errors import InputError
from router.wire.settings import Settings


def top(
    workers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[HOST:PORT]...",
            help="Metrics addresses of workers; default: those of this machine, from GRID_ROUTER_METRICS_PORT on.",
        ),
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Print one line and end.")] = False,
    live: Annotated[
        bool,
        typer.Option(
            help="Show the live screen; without it, or without a terminal, print a line when something changed."
        ),
    ] = True,
) -> None:
    """Show what the workers of a running deployment do: rates, cases, tasks, lag, health. Ctrl-C ends the screen only.

    It reads the workers' `/metrics` and nothing else, so it needs no Kafka, no city and no rights. Counts are since the start of each worker.

    Example: grid-router top worker-0.city.internal:19100 worker-1.city.internal:19100
    """
    settings = Settings()
    if not workers and not settings.metrics_port:
        raise InputError(
            "the workers of this machine have no metrics",
            where="GRID_ROUTER_METRICS_PORT=0",
            hint="set it to their port, or name the workers as HOST:PORT",
        )
    first = Address(settings.metrics_host, settings.metrics_port)
    addresses = list(dict.fromkeys(map(address, workers))) if workers else find_workers(first)
    title = settings.namespace.removesuffix(".") or str(addresses[0])
    deployment = Deployment(view=TopView(title), addresses=addresses, finds_more=not workers)
    if once:
        _print_once(deployment)
        return
    with interruptible() as stop_requested:
        show_until(stop_requested, deployment, live=live)


def _print_once(deployment: Deployment) -> None:
    """Two polls make a rate."""
    deployment.poll(time.monotonic())
    time.sleep(FRAME_S)
    deployment.poll(time.monotonic())
    lines_out(deployment.view.line())
