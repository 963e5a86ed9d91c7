"""`python -m tests.bench latency`: milliseconds from an acknowledged report to a task that its department can read.

An open loop: reports are sent on a schedule. Reports that join a case make no task and are left out.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import orjson

from router.simulator.replay.feed import Feed
from router.wire.codec import decode_case
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.bench.figures import percentile
from tests.bench.generator import ReplayPlan, Shot, messages, send
from tests.bench.latency_reader import read_tasks
from tests.bench.product import RECORDED, SYNTHETIC, deployed, members
from tests.bench.stopwatch import until_quiet
from tests.bench.topics import ends, read

WARM_REPORTS = 5_000
"""Reports sent at full speed before, so that the worker has used every topic."""
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


@dataclass(frozen=True)
class Latency:
    """Latencies at one rate, in ms."""

    city: str
    rate: int
    reports: int
    tasks: int
    """Reports that opened a case; the latency is that of its first task."""
    acknowledged: dict[str, float]
    """Counted from the acknowledgement of the broker."""
    scheduled: dict[str, float]
    """Counted from the scheduled time."""
    generator_late: dict[str, float]
    """Delay of the generator. It is part of the scheduled latencies, and not caused by the router."""
    right: bool
    """Whether every valid report is in exactly one case, and the first task of every case was read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--rate", type=int, nargs="*", default=[100, 1_000, 5_000], help="reports a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="duration of each rate")
    parser.add_argument("--city", choices=[RECORDED, SYNTHETIC], default=RECORDED)


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure each rate on separate topics, print, write. Returns 1 when a report is not in exactly one case."""
    found = []
    print(f"{'ms':28}{'':>8}{'from acknowledgement':>27}{'from schedule':>27}{'generator':>11}")
    print(
        f"{'city':14}{'reports/s':>10}{'tasks':>10}  "
        + f"{'p50':>8}{'p99':>9}{'p99.9':>10}" * 2
        + f"{'p99':>11}  correct"
    )
    for rate in arguments.rate:
        one = measure(arguments.city, rate, arguments.seconds, settings)
        found.append(one)
        shown = "".join(
            f"{of['p50']:>8.1f}{of['p99']:>9.1f}{of['p99.9']:>10.1f}" for of in (one.acknowledged, one.scheduled)
        )
        late = f"{one.generator_late['p99']:>11.1f}"
        print(f"{one.city:14}{rate:>10,}{one.tasks:>10,}  {shown}{late}  {'yes' if one.right else 'NO'}", flush=True)
    path = settings.home / "bench" / f"latency-{arguments.city}.json"
    path.write_bytes(orjson.dumps([asdict(one) for one in found], option=orjson.OPT_INDENT_2))
    return 0 if all(one.right for one in found) else 1


def measure(city: str, rate: int, seconds: float, settings: Settings) -> Latency:
    """Measure one rate on a warm worker."""
    with ExitStack() as stack:
        own, _ = stack.enter_context(deployed(city, settings))
        bootstrap, names = str(own.kafka), Names(own.namespace)
        committed = stack.enter_context(ends(bootstrap))
        ids = _warm(city, own)

        def complete() -> bool:
            return len(members(bootstrap, names)) >= len(ids)

        until_quiet(committed, names.cases, complete)
        reader = stack.enter_context(_process(read_tasks, own, city))
        generator = stack.enter_context(
            _process(send, own, ReplayPlan(city, WARM_REPORTS, round(rate * seconds), rate))
        )
        generator.send("go")
        shots: list[Shot] = generator.recv()
        ids |= {shot.report for shot in shots if shot.sound}
        until_quiet(committed, names.cases, complete)
        reader.send("stop")
        seen: dict[bytes, float] = reader.recv()
        found = members(bootstrap, names)
        openers = read(bootstrap, names.cases, _opener)
    once = sorted(found) == sorted(ids)
    return _latency(city, rate, shots, {report: seen.get(case) for case, report in openers if report is not None}, once)


def _opener(record: Any) -> tuple[bytes, str | None]:
    """Case id and the report that opened it; None for the tombstone of an archived case."""
    return record.key, None if record.value is None else decode_case(record.value).reports[0].id


def _latency(city: str, rate: int, shots: Sequence[Shot], opened: dict[str, float | None], once: bool) -> Latency:
    """Latencies of the reports that opened a case. The result is wrong when a task was never read."""
    waited_for = [(shot, opened[shot.report]) for shot in _first_versions(shots) if shot.report in opened]
    answered = [(shot, at) for shot, at in waited_for if at is not None]
    right = once and len(answered) == len(waited_for)
    return Latency(
        city,
        rate,
        len(shots),
        len(answered),
        _shares([at - shot.acknowledged for shot, at in answered]),
        _shares([at - shot.scheduled for shot, at in answered]),
        _shares([shot.handed - shot.scheduled for shot in shots]),
        right,
    )


def _first_versions(shots: Sequence[Shot]) -> list[Shot]:
    """The shots without redeliveries and corrections, which open no case."""
    return list({shot.report: shot for shot in reversed(shots)}.values())


def _shares(seconds: Sequence[float]) -> dict[str, float]:
    return {name: percentile(seconds, share) * 1000 for name, share in SHARES.items()}


def _warm(city: str, settings: Settings) -> set[str]:
    """Send reports at full speed; returns the ids of the valid ones."""
    feed = Feed(str(settings.kafka), Names(settings.namespace), settings.partitions, None)
    feed.run(message for message, _ in zip(messages(city), range(WARM_REPORTS), strict=False))
    return {sent.report for sent in feed.sent if sent.kind != "malformed"}


class _process:  # noqa: N801 - reads as a function
    """Runs a function in a process on this core. The context value is a connection to it, once it is ready."""

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        context = get_context("spawn")
        self._connection, remote = context.Pipe()
        self._process = context.Process(target=work, args=(*arguments, remote), daemon=True)

    def __enter__(self) -> Connection:
        self._process.start()
        self._connection.recv()
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._process.join(10)
        self._process.kill()
