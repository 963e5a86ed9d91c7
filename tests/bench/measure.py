"""Runs one contender: fresh topics, one pinned process, the time between first and last record, and a check of every id."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from router.wire.codec import decode_case
from router.wire.settings import Settings

POLL_SECONDS = 0.05
QUIET_SECONDS = 4.0
LIMIT_SECONDS = 600.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figure:
    """What was measured of one contender."""

    name: str
    reports: int
    seconds: float
    cpu_seconds: float
    peak_mib: int
    correct: bool

    @property
    def rate(self) -> float:
        return self.reports / self.seconds

    @property
    def per_cpu_second(self) -> float:
        return self.reports / max(self.cpu_seconds, 0.01)


@dataclass(frozen=True)
class Expected:
    """What must come out of it."""

    ids: set[str]
    """Of reports, each of which must be in exactly one case."""
    sent: int
    """Records on the networks' topics: corrections, redeliveries and malformed ones too."""


def measure(
    name: str, command: Sequence[str], expected: Expected, *, env: dict[str, str], log: Path, settings: Settings
) -> Figure:
    """Start the contender on core 1 and wait until its cases are complete and quiet."""
    ids, prefix = expected.ids, settings.namespace
    watcher = KafkaConsumer(
        bootstrap_servers=settings.kafka, isolation_level="read_committed", enable_auto_commit=False
    )
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["taskset", "-c", "1", *command], env=env, stdout=out, stderr=out, start_new_session=True
        )
    try:
        first, last, before, after = _watch(process, watcher, prefix, ids)
        peak = _peak_mib(process.pid)
        correct = _ids(watcher, f"{prefix}grid.cases") == sorted(ids)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        watcher.close()
    return Figure(name, expected.sent, last - first, after - before, peak, correct)


def _watch(
    process: subprocess.Popen[bytes], watcher: KafkaConsumer, prefix: str, ids: set[str]
) -> tuple[float, float, float, float]:
    begun = time.monotonic()
    first = last = None
    before = after = 0.0
    end = 0
    while time.monotonic() - begun < LIMIT_SECONDS and process.poll() is None:
        now = time.monotonic()
        if first is None and _end(watcher, f"{prefix}grid.events"):
            first, before = now, _cpu(process.pid)
        cases = _end(watcher, f"{prefix}grid.cases")
        if cases > end:
            end, last, after = cases, now, _cpu(process.pid)
        if first and last and now - last > QUIET_SECONDS and len(_ids(watcher, f"{prefix}grid.cases")) >= len(ids):
            return first, last, before, after
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"the contender did not finish: exit code {process.poll()}, {end} case records; see its log")


def _partitions(watcher: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in sorted(watcher.partitions_for_topic(topic) or ())]


def _end(watcher: KafkaConsumer, topic: str) -> int:
    return sum(watcher.end_offsets(_partitions(watcher, topic)).values())


def _ids(watcher: KafkaConsumer, topic: str) -> list[str]:
    """Every report id of the last state of every case, sorted; an id in two cases stands twice."""
    sources = _partitions(watcher, topic)
    watcher.assign(sources)
    watcher.seek_to_beginning(*sources)
    ends = watcher.end_offsets(sources)
    cases: dict[bytes, bytes] = {}
    while any(watcher.position(source) < ends[source] for source in sources):
        for records in watcher.poll(timeout_ms=500, max_records=20_000).values():
            cases.update((record.key, record.value) for record in records)
    return sorted(report.id for value in cases.values() for report in decode_case(value).reports)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found


def _cpu(pid: int) -> float:
    total = 0
    for member in _tree(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _peak_mib(pid: int) -> int:
    lines = [line for member in _tree(pid) for line in Path(f"/proc/{member}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
