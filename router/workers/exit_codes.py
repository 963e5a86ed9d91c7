"""How a worker process ends, and how its end is called."""

import os
import signal
import threading
from collections.abc import Callable

IN_ORDER = 0
"""Asked to end, everything finished, partitions given back to the group."""
DEFECT = 1
"""An unexpected error; its traceback is in the log."""
INVALID = 2
"""Cannot work as things are, said in one sentence: no broker, a topic missing, the metrics port taken, ..."""
STUCK = 3
"""Ended itself because it got nowhere; its log says why."""
NOT_DRAINED = 4
"""Asked to end, and what it had in hand could not be finished in time; nothing is lost by that."""

LOG_TIMEOUT_S = 2.0
_CALLED = {
    IN_ORDER: "in order",
    DEFECT: "with an unexpected error (1)",
    INVALID: "because it cannot work as things are (2)",
    STUCK: "by itself, getting nowhere (3)",
    NOT_DRAINED: "before its work was finished (4)",
}


def exit_after_logging(code: int, tell: Callable[[], object], end: Callable[[int], None] = os._exit) -> None:
    """End this process at once, without cleaning up, after a last word.

    The word may fail or never end (a full disk, a reader of the log that does not read); the process ends all the same.
    """
    bound = threading.Timer(LOG_TIMEOUT_S, end, (code,))
    bound.daemon = True
    bound.start()
    try:
        tell()
    finally:
        bound.cancel()
        end(code)


def describe_exit(code: int) -> str:
    """An exit code of a process in words; negative is the signal that ended it.

    Example:
        >>> called(-9)
        'by SIGKILL'
    """
    if code < 0:
        try:
            return f"by {signal.Signals(-code).name}"
        except ValueError:
            return f"by signal {-code}"
    return _CALLED.get(code, f"with exit code {code}")
