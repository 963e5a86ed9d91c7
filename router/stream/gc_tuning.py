"""Garbage-collector tuning: collect rarely, and pause while state is restored."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 50_000
"""Allocations between two collections of young objects. The objects of a batch of 4,000 records all live until its commit;
Python's default of 700 scans them dozens of times (measured: a quarter of the worker's time)."""
_pauses = 0


def tune_gc() -> None:
    """Exclude everything loaded so far (the city) from later collections, and collect about once a batch."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


@contextmanager
def gc_paused() -> Iterator[None]:
    """Collect nothing while state is restored, because all its objects stay. Several restores may overlap.

    Afterwards the objects are excluded from later collections: the next one would scan all of them at once.
    """
    global _pauses  # noqa: PLW0603 - the collector belongs to the process
    _pauses += 1
    gc.disable()
    try:
        yield
    finally:
        _pauses -= 1
        if not _pauses:
            gc.freeze()
            gc.enable()
