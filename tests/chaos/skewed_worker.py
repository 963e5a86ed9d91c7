"""`python -m tests.chaos.skewed_worker --hours N CITY ...`: a worker on a machine whose clock is N hours off.

The rest of the arguments are those of `python -m router.stream`. Both ways in which a clock enters are off: the timers'
own, and `time.time`, from which Kafka's client stamps what it writes.
"""

import sys
import time
from datetime import UTC, datetime, timedelta


def main() -> None:
    at = sys.argv.index("--hours")
    hours = float(sys.argv[at + 1])
    del sys.argv[at : at + 2]
    right = time.time
    time.time = lambda: right() + hours * 3600  # before anything is imported that keeps it

    from router.stream import __main__, timers

    class Skewed(timers.WallClock):
        """The wall of that machine."""

        def now(self, received: datetime | None) -> datetime | None:
            del received
            return datetime.now(UTC) + timedelta(hours=hours)

    timers.CLOCKS["wall"] = Skewed
    sys.exit(__main__._run())


if __name__ == "__main__":
    main()
