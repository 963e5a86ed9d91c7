"""The order in which records of several partitions are read: by Kafka's time, and each partition in the order of its log.

Time may run back within a partition. Who sorted by time alone would take a later record first, and go on behind it after an interruption:
the earlier one would be lost.
"""

import heapq
from collections.abc import Iterable, Iterator
from typing import Any


def by_time(partitions: Iterable[Iterable[Any]]) -> Iterator[Any]:
    """The records of several partitions, merged by their field `timestamp`."""
    return heapq.merge(*partitions, key=lambda record: record.timestamp)
