"""The contenders of the reference job: how each is installed and started, and its guarantee."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.reference.installed import kafka_streams, python_with

PACKAGE = "tests.bench.reference"
Prepared = Callable[[Path, Path], list[str]]
"""Gives the command line, from the folder of installed peers and the empty folder of the run."""


@dataclass(frozen=True)
class Contender:
    """One implementation of the job."""

    key: str
    """For `--only`."""
    name: str
    guarantee: str
    command: Prepared
    most: int | None = None
    """Maximum number of reports, for contenders that would take all day."""
    changelogs: Sequence[str] = ()
    """Its own topics that must exist before it starts, without the prefix of the run."""


def _ours(module: str, *arguments: str) -> Prepared:
    return lambda _bench, _run: [sys.executable, "-m", f"{PACKAGE}.{module}", *arguments]


def _streams(*arguments: str) -> Prepared:
    return lambda bench, _run: [*kafka_streams(bench), *arguments]


def _quix(bench: Path, _run: Path) -> list[str]:
    return [python_with("quix", bench), "-m", f"{PACKAGE}.quix_frames"]


def _bytewax(bench: Path, run: Path) -> list[str]:
    """Bytewax needs a recovery store before it starts."""
    python, recovery = python_with("bytewax", bench), run / "recovery"
    flow = f"{PACKAGE}.bytewax_flow:flow"
    make = f"mkdir -p {recovery} && {python} -m bytewax.recovery {recovery} 1"
    return ["sh", "-c", f"{make} && exec {python} -m bytewax.run {flow} -r {recovery} -s 5 -b 0"]


ALL = (
    Contender(
        "grid-router",
        "grid-router's engine",
        "exactly once",
        _ours("engine"),
        changelogs=("positions-normalise", "positions-merge"),
    ),
    Contender("streams", "Kafka Streams 4.1, memory", "exactly once", _streams("memory")),
    Contender("large", "Kafka Streams 4.1, large batches", "exactly once", _streams("memory", "large")),
    Contender("rocksdb", "Kafka Streams 4.1, RocksDB", "exactly once", _streams("rocksdb")),
    Contender("quix", "Quix Streams 3.28", "exactly once", _quix, most=400_000),
    Contender("aiokafka", "aiokafka loop, not durable", "at least once", _ours("aiokafka_loop"), most=400_000),
    Contender("bytewax", "Bytewax 0.21", "at least once", _bytewax, most=400_000),
    Contender(
        "faust",
        "plain Faust agents",
        "at least once",
        _ours("faust_agents", "worker", "-l", "warn", "--without-web"),
        most=50_000,
        changelogs=("faust-latest-changelog", "faust-seen-changelog"),
    ),
)
