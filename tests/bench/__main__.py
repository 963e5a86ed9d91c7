"""`make bench`: reports/s of one worker on one core through both hops, beside a plain Faust agent with the same domain work."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import orjson

from router.broker.admin import apply, delete
from router.broker.server import ensure_running, status
from router.cities.folder import city_folder, load_city
from router.simulator.feed import Feed
from router.simulator.scenario import history_of, input_of
from router.stream.fleet import environment
from router.wire.settings import Settings
from router.wire.topics import Names, topics_of
from tests.bench.measure import Expected, Figure, measure

CITY, SYNTHETIC = "los-angeles", "puyang"
BETWEEN_ROUNDS = timedelta(days=14)
"""Longer than any merge window, so that a round of the history does not merge with the next."""


@dataclass(frozen=True)
class Contender:
    """Who is measured, on the reports of which city, and how it is started."""

    name: str
    city: str
    command: Sequence[str]


def _router(city: str) -> list[str]:
    return [sys.executable, "-m", "router.stream", city, "--clock", "stream"]


RECORDED = Contender("grid-router, Los Angeles", CITY, _router(CITY))
MADE = Contender("grid-router, Puyang", SYNTHETIC, _router(SYNTHETIC))
PLAIN = Contender(
    "plain Faust, Los Angeles",
    CITY,
    [sys.executable, "-m", "tests.bench.plain_faust", CITY, "worker", "-l", "warn", "--without-web"],
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=200_000, help="reports for the router")
    parser.add_argument("--plain-reports", type=int, default=10_000, help="reports for plain Faust; 0 leaves it out")
    parser.add_argument("--synthetic", action=argparse.BooleanOptionalAction, default=True, help="Puyang too")
    parser.add_argument("--runs", type=int, default=3, help="runs of the router; the median counts")
    parser.add_argument("--partitions", type=int, default=8, help="of every topic keyed by place")
    parser.add_argument("--json", type=Path, default=Path(".grid-router/bench.json"))
    arguments = parser.parse_args()
    settings = Settings()
    settings = settings.model_copy(
        update={"kafka": ensure_running(settings), "metrics_port": 0, "partitions": arguments.partitions}
    )
    _pin_everything_to_core_0()
    figures: list[Figure] = []
    made: list[Figure] = []
    plain: list[Figure] = []
    for run in range(arguments.runs):
        figures.append(_contend(RECORDED, f"r{run}", settings, arguments.reports))
        if arguments.synthetic:
            made.append(_contend(MADE, f"s{run}", settings, arguments.reports))
        if run == 0 and arguments.plain_reports:
            plain.append(_contend(PLAIN, "p", settings, arguments.plain_reports))
    _print([*map(_median, filter(None, (figures, made))), *plain], arguments.runs)
    figures += made
    rows = [asdict(figure) | {"rate": figure.rate, "per_cpu_second": figure.per_cpu_second} for figure in figures]
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    sys.exit(0 if all(figure.correct for figure in figures) else 1)


def _median(figures: list[Figure]) -> Figure:
    return sorted(figures, key=lambda figure: figure.rate)[len(figures) // 2]


def _contend(contender: Contender, run: str, settings: Settings, reports: int) -> Figure:
    """One run of one contender on topics of its own."""
    own = settings.model_copy(update={"namespace": f"bench-{os.getpid()}-{run}."})
    bootstrap, prefix = str(own.kafka), own.namespace
    topics = topics_of(load_city(contender.city), own)
    apply(bootstrap, topics)
    try:
        ids = _fill(own, contender.city, reports)
        with tempfile.TemporaryDirectory() as folder:
            env = environment(own) | {"FAUST_DATADIR": folder}
            own.home.mkdir(parents=True, exist_ok=True)
            log = own.home / f"{prefix}log"
            expected = Expected(ids=ids, sent=reports)
            figure = measure(contender.name, contender.command, expected, env=env, log=log, settings=own)
    finally:
        delete(bootstrap, [topic.name for topic in topics])
    log.unlink()
    print(f"{figure.name}: {figure.rate:,.0f} reports/s", file=sys.stderr, flush=True)
    return figure


def _fill(settings: Settings, name: str, reports: int) -> set[str]:
    """So many records on the networks' topics; the ids that must be in a case."""
    city, folder = load_city(name), city_folder(name)
    feed = Feed(str(settings.kafka), Names(settings.namespace), settings.partitions, None)
    if name == CITY:
        feed.run(history_of(city, folder).messages(reports, apart=BETWEEN_ROUNDS))
    else:
        feed.run(input_of(city, folder).messages(reports=reports, seed=1, companion=False, noise=1.0))
    return {sent.report for sent in feed.sent if sent.kind != "malformed"}


def _pin_everything_to_core_0() -> None:
    """This process and the embedded broker; the contender alone gets core 1."""
    for pid in (os.getpid(), status(Settings()).pid):
        if pid is not None:
            subprocess.run(["taskset", "-apc", "0", str(pid)], check=True, stdout=subprocess.DEVNULL)


def _print(figures: list[Figure], runs: int) -> None:
    print(f"both hops, one core, median of {runs} (plain Faust: 1 run)")
    print(f"{'':36}{'reports':>10}{'reports/s':>12}{'per CPU-s':>12}{'MiB':>7}  every id in one case")
    for f in figures:
        print(
            f"{f.name:36}{f.reports:>10,}{f.rate:>12,.0f}{f.per_cpu_second:>12,.0f}{f.peak_mib:>7}  {'yes' if f.correct else 'NO'}"
        )
    for f in figures[1:]:
        print(
            f"{figures[0].name} to {f.name}: {figures[0].rate / f.rate:.1f}, per CPU second {figures[0].per_cpu_second / f.per_cpu_second:.1f}"
        )


if __name__ == "__main__":
    main()
