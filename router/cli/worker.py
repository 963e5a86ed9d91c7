"""`grid-router worker`: one worker in the foreground, as a service manager runs it."""

from typing import Annotated, Literal

import typer

from router.broker.server import bootstrap
from router.stream.worker import main
from router.wire.settings import Settings


def worker(
    city: Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `los-angeles`.")],
    *,
    number: Annotated[
        int, typer.Option(min=0, max=999, help="Number of the worker on this machine; added to the metrics port.")
    ] = 0,
    clock: Annotated[
        Literal["wall", "stream"], typer.Option(help="Clock of the timers; `stream` for a replay of history.")
    ] = "wall",
) -> None:
    """Run one worker until SIGTERM or Ctrl-C; run one per core. The topics must exist.

    Example: GRID_ROUTER_KAFKA=kafka-1:9092 grid-router worker los-angeles --number 0
    """
    main(city, number=number, clock=clock, bootstrap=bootstrap(Settings()))
