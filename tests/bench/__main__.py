"""`make bench`: reports/s of one worker on one core through both hops, beside a plain Faust agent with the same domain work."""

import argparse
import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import orjson

from router.broker.admin import apply, delete
from router.broker.server import ensure_running
from router.cities.folder import city_folder, load_city
from router.simulator.feed import Feed
from router.simulator.scenario import history_of
from router.wire.settings import Settings
from router.wire.topics import Names, Topic, declared
from tests.bench.measure import Figure, measure

CITY = "los-angeles"
BETWEEN_ROUNDS = timedelta(days=14)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=200_000, help="reports for the router")
    parser.add_argument("--plain-reports", type=int, default=20_000, help="reports for plain Faust")
    parser.add_argument("--runs", type=int, default=3, help="runs of the router; the median counts")
    parser.add_argument("--json", type=Path, default=Path(".grid-router/bench.json"))
    arguments = parser.parse_args()
    settings = Settings()
    bootstrap = ensure_running(settings)
    _pin_everything_to_core_0()
    figures = [_router(settings, bootstrap, arguments.reports, run) for run in range(arguments.runs)]
    median = sorted(figures, key=lambda figure: figure.rate)[len(figures) // 2]
    plain = _plain(settings, bootstrap, arguments.plain_reports)
    _print([median, plain], arguments.runs)
    rows = [
        {
            "name": f.name,
            "reports": f.reports,
            "rate": f.rate,
            "per_cpu_second": f.per_cpu_second,
            "peak_mib": f.peak_mib,
            "correct": f.correct,
        }
        for f in (*figures, plain)
    ]
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    sys.exit(0 if all(row["correct"] for row in rows) else 1)


def _router(settings: Settings, bootstrap: str, reports: int, run: int) -> Figure:
    command = [sys.executable, "-m", "router.stream", CITY, "--clock", "stream"]
    return _contend("grid-router, exactly once", f"bench-{os.getpid()}-r{run}.", command, settings, bootstrap, reports)


def _plain(settings: Settings, bootstrap: str, reports: int) -> Figure:
    command = [sys.executable, "-m", "tests.bench.plain_faust", CITY, "worker", "-l", "warn", "--without-web"]
    return _contend(
        "plain Faust agents, at least once", f"bench-{os.getpid()}-p.", command, settings, bootstrap, reports
    )


def _contend(name: str, prefix: str, command: list[str], settings: Settings, bootstrap: str, reports: int) -> Figure:
    names = Names(prefix)
    topics = _topics(names, settings)
    apply(bootstrap, topics)
    try:
        ids = _fill(bootstrap, names, settings, reports)
        with tempfile.TemporaryDirectory() as folder:
            env = os.environ | {
                "GRID_ROUTER_KAFKA": bootstrap,
                "GRID_ROUTER_NAMESPACE": prefix,
                "GRID_ROUTER_METRICS_PORT": "0",
                "FAUST_DATADIR": folder,
            }
            settings.home.mkdir(parents=True, exist_ok=True)
            log = settings.home / f"{prefix}log"
            figure = measure(name, command, env=env, log=log, bootstrap=bootstrap, prefix=prefix, ids=ids)
    finally:
        delete(bootstrap, [topic.name for topic in topics])
    print(f"{figure.name}: {figure.rate:,.0f} reports/s", file=sys.stderr, flush=True)
    return figure


def _topics(names: Names, settings: Settings) -> list[Topic]:
    city = load_city(CITY)
    return declared(names, networks=city.codes, departments=city.catalogue.departments, partitions=settings.partitions)


def _fill(bootstrap: str, names: Names, settings: Settings, reports: int) -> set[str]:
    history = history_of(load_city(CITY), city_folder(CITY))
    feed = Feed(bootstrap, names, settings.partitions, None)
    feed.run(history.messages(reports, apart=BETWEEN_ROUNDS))
    return {sent.report for sent in feed.sent}


def _pin_everything_to_core_0() -> None:
    """This process and the embedded broker; the contender alone gets core 1."""
    subprocess.run(["taskset", "-apc", "0", str(os.getpid())], check=True, stdout=subprocess.DEVNULL)
    for pid in subprocess.run(
        ["pgrep", "-f", "kafka.Kafka"], check=False, capture_output=True, text=True
    ).stdout.split():
        subprocess.run(["taskset", "-apc", "0", pid], check=False, stdout=subprocess.DEVNULL)


def _print(figures: list[Figure], runs: int) -> None:
    print(f"both hops, one core, median of {runs} (plain Faust: 1 run)")
    print(f"{'':36}{'reports':>10}{'reports/s':>12}{'per CPU-s':>12}{'MiB':>7}  every id in one case")
    for f in figures:
        print(
            f"{f.name:36}{f.reports:>10,}{f.rate:>12,.0f}{f.per_cpu_second:>12,.0f}{f.peak_mib:>7}  {'yes' if f.correct else 'NO'}"
        )
    print(f"ratio {figures[0].rate / figures[1].rate:.1f}")


if __name__ == "__main__":
    main()
