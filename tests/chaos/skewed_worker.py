"""`python -m tests.chaos.skewed_worker --hours N CITY ...`: a worker on a machine whose clock is N hours off.

The rest of the arguments are those of `python -m router.stream`. All three ways in which a clock enters are off: Python's
own, the timers', and that by which Kafka's client stamps what it writes.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any


def main() -> None:
    at = sys.argv.index("--hours")
    hours = float(sys.argv[at + 1])
    del sys.argv[at : at + 2]
    right = time.time
    time.time = lambda: right() + hours * 3600  # before anything is imported that keeps it
    _skew_stamps()

    from router.stream import __main__
    from router.stream.processors import clock as timers

    class Skewed(timers.WallClock):
        """The wall of that machine."""

        def now(self, received: datetime | None) -> datetime | None:
            del received
            return datetime.now(UTC) + timedelta(hours=hours)

    timers.CLOCKS["wall"] = Skewed
    sys.exit(__main__._run())


def _skew_stamps() -> None:
    """The compiled builder asks the machine itself unless it is told a time."""
    from aiokafka.producer.message_accumulator import BatchBuilder

    append = BatchBuilder.append

    def stamped(builder: BatchBuilder, *, timestamp: int | None, **record: Any) -> Any:
        return append(builder, timestamp=int(time.time() * 1000) if timestamp is None else timestamp, **record)

    BatchBuilder.append = stamped


if __name__ == "__main__":
    main()
