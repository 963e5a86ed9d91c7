"""When Python's collector of cycles runs: seldom, and never while what lives long is being made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 50_000
"""Allocations between two collections of young objects. Python's 700 makes a batch of 4,000 records, whose objects all live
until its commit, be looked through dozens of times (measured: a quarter of the worker's time)."""
_restoring = 0


def tune_gc() -> None:
    """What is loaded (the city) never becomes garbage: take it out of every later collection, and collect by the batch."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


@contextmanager
def gc_paused() -> Iterator[None]:
    """While the objects of a state are made, which all stay, nothing is looked through. Several may be restored at once."""
    global _restoring  # noqa: PLW0603 - the collector is the process's
    _restoring += 1
    gc.disable()
    try:
        yield
    finally:
        _restoring -= 1
        if not _restoring:
            gc.enable()
