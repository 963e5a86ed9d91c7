"""Kafka's client says the same thing for every attempt of every connection: thousands of lines a second while a broker is away."""

import logging
import time
from collections.abc import Callable

EVERY_SECONDS = 5.0
KINDS = 1000
"""Kinds that are remembered at once; a message that is filled in before it is logged is a kind of its own."""
NOISY_LOGGERS = (
    "aiokafka",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
)


class RateLimitFilter(logging.Filter):
    """Lets one message of a kind through every few seconds, with the number of those left out since.

    Messages are of a kind when their text is the same before anything is filled in.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}
        """Logger and text -> when it was let through last, and how often it was not since."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let it through."""
        kind, now = (record.name, str(record.msg)), self._clock()
        at, left_out = self._said.get(kind, (now - EVERY_SECONDS, 0))
        if now - at < EVERY_SECONDS:
            self._said[kind] = at, left_out + 1
            return False
        if len(self._said) >= KINDS:
            self._said.clear()
        self._said[kind] = now, 0
        if left_out:
            record.msg = f"{record.msg} ({left_out} more of this kind)"
        return True


_ALL = RateLimitFilter()


def install() -> None:
    """Let the talkative say everything once in a while; doing it twice changes nothing."""
    for name in NOISY_LOGGERS:
        logging.getLogger(name).addFilter(_ALL)  # a filter that is there is not added again
