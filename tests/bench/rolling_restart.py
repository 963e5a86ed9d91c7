"""Measures how long routing pauses while all workers are restarted one after the other.

`python -m tests.bench.rolling_restart --workers 3 --rate 200`: sends reports of Los Angeles at a constant
rate, runs `grid-router serve`, sends SIGHUP, and reads `grid.cases` under read_committed. It prints two times, before and
during the rolling restart: the longest pause without a new case in each partition, and the longest delay from a report's
acknowledgement to its case. Exit code 1 when a report is lost, duplicated, or later than a session timeout.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Self

from kafka import KafkaProducer, TopicPartition

from router.broker.admin import apply, delete
from router.broker.server import ensure_running
from router.cities.folder import city_folder, load_city
from router.kafka.blocking import PATIENT_MS, open_consumer
from router.simulator.scenario import history_of
from router.stream.faust_adapter.app import SESSION_SECONDS
from router.wire.codec import decode_case
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import environment

CITY = "los-angeles"
BEFORE_S, AFTER_S = 20.0, 10.0
"""Seconds that are measured before and after the rolling restart."""
LIMIT_S = 300.0


class Load:
    """Reports at a constant rate. `sent`: report -> when Kafka acknowledged it."""

    def __init__(self, settings: Settings, rate: int) -> None:
        self._settings, self._rate = settings, rate
        self.sent: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        messages = history_of(load_city(CITY), city_folder(CITY)).messages(10_000_000)
        topic = Names(self._settings.namespace).reports("hotline")
        producer = KafkaProducer(bootstrap_servers=self._settings.kafka, acks="all", linger_ms=5)
        begun, number = time.monotonic(), 0
        while not self._stop.is_set():
            message = next(messages)
            number += 1
            time.sleep(max(0.0, begun + number / self._rate - time.monotonic()))
            sending = producer.send(topic, value=message.value, key=message.source_id.encode())
            sending.add_callback(lambda _, report=message.report: self.sent.setdefault(report, time.monotonic()))
        producer.close()


class Reader:
    """Reads cases: when they become visible in each partition, and when and in which cases each report is first visible."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.arrivals: dict[int, list[float]] = {number: [] for number in range(settings.partitions)}
        self.visible: dict[str, float] = {}
        self.cases: dict[bytes, set[str]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        topic = Names(self._settings.namespace).cases
        with open_consumer(str(self._settings.kafka), connect_ms=PATIENT_MS) as consumer:
            consumer.assign([TopicPartition(topic, number) for number in self.arrivals])
            consumer.seek_to_beginning()
            while not self._stop.is_set():
                fetched = consumer.poll(timeout_ms=50)
                now = time.monotonic()
                for source, records in fetched.items():
                    self.arrivals[source.partition].append(now)
                    for record in records:
                        if record.value is None:
                            continue  # its case was archived with the reports that it had
                        reports = {report.id for report in decode_case(record.value).reports}
                        self.cases[record.key] = reports
                        for report in reports:
                            self.visible.setdefault(report, now)

    def duplicated(self) -> list[str]:
        """Reports that are in more than one case."""
        held = Counter(report for reports in self.cases.values() for report in reports)
        return [report for report, times in held.items() if times > 1]

    def gap(self, begin: float, end: float) -> dict[int, float]:
        """Partition -> the longest time between two arrivals in an interval."""
        return {
            number: max(
                (b - a for a, b in pairwise([begin, *(t for t in times if begin <= t < end), end])), default=0.0
            )
            for number, times in self.arrivals.items()
        }

    def delay(self, sent: dict[str, float], begin: float, end: float) -> float:
        """The longest delay from acknowledgement to visibility, for reports sent in an interval."""
        return max(
            (self.visible[r] - at for r, at in sent.items() if begin <= at < end and r in self.visible), default=0.0
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--rate", type=int, default=200, help="reports a second")
    arguments = parser.parse_args()
    settings = Settings()
    settings = settings.model_copy(update={"kafka": ensure_running(settings), "namespace": f"rolling-{os.getpid()}."})
    topics = topics_of(load_city(CITY), settings)
    apply(str(settings.kafka), topics)
    try:
        sys.exit(_measure(settings, arguments.workers, arguments.rate))
    finally:
        delete(str(settings.kafka), [topic.name for topic in topics])


def _measure(settings: Settings, workers: int, rate: int) -> int:
    log = settings.home / f"{settings.namespace}serve.log"
    command = [sys.executable, "-m", "router.cli.main", "serve", CITY, "--workers", str(workers), "--clock", "stream"]
    with log.open("wb") as out:
        service = subprocess.Popen(command, env=environment(settings), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        _await(lambda: log.read_text().count("is ok") >= workers)
        with Reader(settings) as reader:
            with Load(settings, rate) as load:
                _await(lambda: all(reader.arrivals.values()))
                steady = time.monotonic()
                time.sleep(BEFORE_S)
                rolling = time.monotonic()
                service.send_signal(signal.SIGHUP)
                _await(lambda: "rolling restart: done" in log.read_text())
                time.sleep(AFTER_S)
                end = time.monotonic()
            _await(lambda: len(reader.visible) >= len(load.sent))
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(40)
    print(
        f"{workers} workers, {rate} reports/s, {settings.partitions} partitions; rolling restart and {AFTER_S:.0f} s: {end - rolling:.0f} s"
    )
    for name, span in (("steady", (steady, rolling)), ("rolling restart", (rolling, end))):
        gaps = reader.gap(*span)
        each = ", ".join(f"{gap:.2f}" for gap in gaps.values())
        print(f"{name + ':':17} longest pause without a new case {max(gaps.values()):.2f} s (by partition {each}), "
              f"longest delay from report to case {reader.delay(load.sent, *span):.2f} s")  # fmt: skip
    lost, duplicated = set(load.sent) - set(reader.visible), reader.duplicated()
    print(
        f"session timeout {SESSION_SECONDS:.0f} s; {len(load.sent):,} reports, lost {len(lost)}, in two cases {len(duplicated)}"
    )
    late = reader.delay(load.sent, rolling, end) > SESSION_SECONDS
    return 1 if lost or duplicated or late else 0


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("the benchmark made no progress; see the log of `serve` and of the workers")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
