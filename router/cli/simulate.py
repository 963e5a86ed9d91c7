"""`grid-router simulate`: writes the reports of a synthetic city and their truth into a folder, or lives them with departments."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import msgspec
import typer

from router.cities.folder import city_folder, load_city
from router.cli.simulated_life import live_through
from router.cli.text.output import Output, json_out, say, table_out
from router.simulator.departments.life import LifePlan
from router.simulator.synthetic.file_writer import TRUTH, write_files
from router.simulator.synthetic.stream import message_batches, read_simulation
from router.wire.settings import Settings


def simulate(
    city: Annotated[
        str,
        typer.Argument(
            help="Name of the city's folder, e.g. `puyang`; it has a simulation.yaml, or with --run a history."
        ),
    ],
    *,
    days: Annotated[
        float, typer.Option(min=0.001, max=3660, help="Number of days, from `first_day` of simulation.yaml.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same bytes.")] = 1,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.000001, max=1000, help="Mean number of reports per second; default: the city's own volumes."
        ),
    ] = None,
    noise: Annotated[
        float,
        typer.Option(min=0, max=20, help="Noise of the reports: 0 none, 1 as in simulation.yaml, 2 twice as much."),
    ] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Output folder; default: simulated/<city>-<seed> in GRID_ROUTER_HOME.")
    ] = None,
    run: Annotated[
        bool,
        typer.Option(
            "--run", help="Send them through a router with topics of its own, whose tasks departments answer, instead."
        ),
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="With --run: number of worker processes.")] = 2,
    keep: Annotated[bool, typer.Option("--keep", help="With --run: keep the topics.")] = False,
    output: Output = "text",
) -> None:
    """Write the messages of a synthetic city's networks. The truth goes to truth.csv, which the router never reads.

    With --run, departments, inspectors and supervisors answer the tasks by event time, and a summary says what came of it. A city with a
    recorded history has its reports, and its departments answer when the file says that a request was closed or a response cleared.

    Example: grid-router simulate puyang --days 3 --seed 7 --out puyang-3
    """
    settings = Settings()
    if run:
        live_through(
            LifePlan(city=city, days=days, seed=seed, rate=rate, noise=noise, workers=workers, keep=keep), output
        )
        return
    folder = out or settings.home / "simulated" / f"{city}-{seed}"
    loaded, simulation = load_city(city, settings.cities), read_simulation(city_folder(city, settings.cities))
    started = perf_counter()
    generator, batches = message_batches(loaded, simulation, days=days, seed=seed, noise=noise, rate=rate)
    done = write_files(generator, batches, folder)
    seconds = perf_counter() - started
    if output == "json":
        json_out({"folder": str(folder), **msgspec.to_builtins(done), "seconds": round(seconds, 3)})
        return
    table_out(("network", "messages"), [(name, f"{number:,}") for name, number in done.networks.items()])
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in done.kinds.items())
    say(f"{done.messages:,} messages about {done.incidents:,} incidents ({kinds}), {done.bytes / 1e6:,.1f} MB.")
    say(f"{seconds:.2f} s, {done.messages / seconds:,.0f} messages/s. In {folder}; the truth is in {TRUTH}.")
