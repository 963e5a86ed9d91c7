"""Limits repeated log messages. While a broker is down, Kafka's client logs thousands of lines a second, one a connection attempt."""

import logging
import time
from collections.abc import Callable

EVERY_SECONDS = 5.0
KINDS = 1000
"""Kinds that are kept at once. A message that is formatted before it is logged is a kind of its own."""
NOISY_LOGGERS = (
    "aiokafka",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
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


_ALL = RateLimitFilter()


def install() -> None:
    """Limit the noisy loggers. A second call changes nothing."""
    for name in NOISY_LOGGERS:
        logging.getLogger(name).addFilter(_ALL)  # adds a filter once only
