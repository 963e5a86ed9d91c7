"""`python -m tests.chaos.skewed_worker --hours N CITY ...`: a worker whose clock is wrong by N hours.

The other arguments are those of `python -m router.stream`. All three clocks are wrong: Python's, the one for timers, and
the one from which Kafka's client takes timestamps.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any


def main() -> None:
    at = sys.argv.index("--hours")
    hours = float(sys.argv[at + 1])
    del sys.argv[at : at + 2]
    real_time = time.time
    time.time = lambda: real_time() + hours * 3600  # before the import of modules that bind it
    _skew_timestamps()

    from router.stream import __main__
    from router.stream.processors import clock as timers

    class Skewed(timers.WallClock):
        """The wall clock of that machine."""

        def now(self, received: datetime | None) -> datetime | None:
            del received
            return datetime.now(UTC) + timedelta(hours=hours)

    timers.CLOCKS["wall"] = Skewed
    sys.exit(__main__._run())


def _skew_timestamps() -> None:
    """The compiled batch builder reads the machine's clock unless it gets a timestamp."""
    from aiokafka.producer.message_accumulator import BatchBuilder

    append = BatchBuilder.append

    def stamped(builder: BatchBuilder, *, timestamp: int | None, **record: Any) -> Any:
        return append(builder, timestamp=int(time.time() * 1000) if timestamp is None else timestamp, **record)

    BatchBuilder.append = stamped


if __name__ == "__main__":
    main()
