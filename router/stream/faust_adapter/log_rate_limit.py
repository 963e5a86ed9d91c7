"""Limits repeated log messages. While a broker is down, Kafka's client logs thousands of lines a second, one a connection attempt."""

import logging
import time
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

EVERY_SECONDS = 5.0
KINDS = 1000
"""Kinds that are kept at once. A message that is formatted before it is logged is a kind of its own."""
BURST, BURST_SECONDS = 20, 60.0
"""Events of one name that the router's own log passes in an interval. Names are constants of the code, so there are few."""
LONGEST_TEXT = 8000
"""Characters of one text in the router's own log."""
NOISY_LOGGERS = (
    "aiokafka",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
)


class RateLimitFilter(logging.Filter):
    """Passes one message of a kind every few seconds, with the number of those left out since.

    Two messages are of one kind when they have the same logger and the same text before formatting.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._last: dict[tuple[str, str], tuple[float, int]] = {}
        """Logger and text -> when one passed last, and how many were left out since."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the message passes."""
        kind, now = (record.name, str(record.msg)), self._clock()
        at, left_out = self._last.get(kind, (now - EVERY_SECONDS, 0))
        if now - at < EVERY_SECONDS:
            self._last[kind] = at, left_out + 1
            return False
        if len(self._last) >= KINDS:
            self._last.clear()
        self._last[kind] = now, 0
        if left_out:
            record.msg = f"{record.msg} ({left_out} more of this kind)"
        return True


class BurstLimit:
    """A structlog processor that drops all but a few events of a name in each interval. The next one counts what was left out.

    A network can send any number of records at which the router fails. Each is a dead letter, but not each a line of the log.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: dict[str, float] = {}
        self._counts: Counter[str] = Counter()

    def __call__(self, _logger: Any, _method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Pass or drop an event. Raises DropEvent."""
        name, now = str(event_dict.get("event")), self._clock()
        if now - self._begun.get(name, -BURST_SECONDS) >= BURST_SECONDS:
            left_out = self._counts[name] - BURST
            self._begun[name], self._counts[name] = now, 0
            if left_out > 0:
                event_dict["left_out"] = left_out
        self._counts[name] += 1
        if self._counts[name] > BURST:
            raise structlog.DropEvent
        return event_dict


def cut_long_texts(_logger: Any, _method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that keeps both ends of a long text. A traceback ends with its error, which may quote a record."""
    for name, value in event_dict.items():
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            half = LONGEST_TEXT // 2
            event_dict[name] = f"{value[:half]} ... {len(value) - 2 * half} characters left out ... {value[-half:]}"
    return event_dict


_ALL = RateLimitFilter()


def install() -> None:
    """Limit the noisy loggers. A second call changes nothing."""
    for name in NOISY_LOGGERS:
        logging.getLogger(name).addFilter(_ALL)  # adds a filter once only
