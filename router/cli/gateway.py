"""`grid-router gateway`: one gateway for apps in the foreground, as a service manager runs it."""

import asyncio
import signal
from contextlib import suppress
from typing import Annotated

import typer

from router.broker.server import bootstrap
from router.cities.folder import load_city
from router.cli.text.output import say
from router.gateway.server import bound_socket, serve
from router.kafka.rejection import rejection
from router.stream.gc_tuning import tune_gc
from router.stream.log_setup import log_to_stderr
from router.stream.processors.clock import ClockName
from router.tracing.setup import tracing_of
from router.wire.errors import InputError
from router.wire.settings import Settings
from router.workers.parent_watch import watch_parent


def gateway(
    city: Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `puyang`.")],
    *,
    clock: Annotated[
        ClockName,
        typer.Option(
            help="Received time: of the machine, or `stream`, of the latest case, beside a replay of history."
        ),
    ] = "wall",
    exit_with_parent: Annotated[bool, typer.Option("--exit-with-parent", hidden=True)] = False,
) -> None:
    """Take reports over HTTP and write them to the networks' topics, until SIGTERM or Ctrl-C. Several may run at once.

    The topics must exist. Logs one JSON line per request to stderr.

    Example: GRID_ROUTER_GATEWAY_TOKENS=tokens grid-router gateway puyang
    """
    settings = Settings()
    loaded = load_city(city, settings.cities)
    if clock == "stream" and settings.gateway_receipt_keys is None:
        hint = "name a file that `grid-router tokens receipt-keys` has made"
        raise InputError(
            "the cases are not read, so their time is unknown", where="GRID_ROUTER_GATEWAY_RECEIPT_KEYS", hint=hint
        )
    address = bootstrap(settings)
    if rejected := rejection(address):  # one that is away comes back, and one that rejects does not
        raise rejected
    if exit_with_parent:
        watch_parent()
    log_to_stderr(settings.log_format)
    tracing = tracing_of(settings, "grid-router-gateway")
    tune_gc()
    with bound_socket(settings.gateway_host, settings.gateway_port) as listening:
        host, port = listening.getsockname()[:2]
        say(f"{loaded.title}: the gateway takes reports at http://{host}:{port}/v1/reports and writes to {address}.")
        # uvicorn raises the signal again that has ended it
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            with suppress(KeyboardInterrupt):
                asyncio.run(serve(loaded, settings, address, listening, history=clock == "stream", tracing=tracing))
        finally:
            signal.signal(signal.SIGTERM, before)
    say("The gateway has ended.")
