"""Every private name of kafka-python that the router uses, in one file. It loads no aiokafka: a department's client needs it, too.

Read in kafka-python 3.0.12. A test checks that the name exists, so that an upgrade of the lock fails there and not in production.
"""

from typing import Any

from kafka.consumer.fetcher import Fetcher

IN_LINE = "_next_partition_records"
"""The partition of a fetcher whose records are given out now."""
_theirs = Fetcher.fetched_records


def go_on_after_pauses() -> None:
    """Make every consumer of this process go on with a partition that was paused and resumed.

    kafka-python 3.0 parks what it has fetched of a paused partition. It takes that up again only while no other partition is in line, and
    leaves one in line that it has read to the end. Then the resumed partition stops for ever, and is not fetched either.
    """
    Fetcher.fetched_records = _fetched_records


def _fetched_records(fetcher: Any, *options: Any, **named: Any) -> Any:
    in_line = getattr(fetcher, IN_LINE, None)
    if in_line is not None and not in_line:
        setattr(fetcher, IN_LINE, None)
    return _theirs(fetcher, *options, **named)
