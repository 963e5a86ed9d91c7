"""Exit codes of a worker process, and their descriptions."""

import os
import signal
import threading
from collections.abc import Callable

IN_ORDER = 0
"""Asked to stop; everything is committed and the partitions are released."""
DEFECT = 1
"""An unexpected error; its traceback is in the log."""
INVALID = 2
"""The worker cannot run as things are: no broker, a missing topic, a taken metrics port. Its log says so in one sentence."""
STALLED = 3
"""The watchdog ended the worker because it made no progress; its log says why."""
NOT_DRAINED = 4
"""Asked to stop, and could not commit in time what it had in flight; nothing is lost by that."""

LOG_TIMEOUT_S = 2.0
_DESCRIPTIONS = {
    IN_ORDER: "in order",
    DEFECT: "with an unexpected error (1)",
    INVALID: "because it cannot run as things are (2)",
    STALLED: "because it made no progress (3)",
    NOT_DRAINED: "before its work was committed (4)",
}


def exit_after_logging(code: int, write: Callable[[], object], end: Callable[[int], None] = os._exit) -> None:
    """Write a last log line, then end this process at once and without clean-up.

    Writing may fail or block (a full disk, a log reader that does not read). The process ends within `LOG_TIMEOUT_S` anyway.
    """
    bound = threading.Timer(LOG_TIMEOUT_S, end, (code,))
    bound.daemon = True
    bound.start()
    try:
        write()
    finally:
        bound.cancel()
        end(code)


def describe_exit(code: int) -> str:
    """How a process ended, in words.

    Args:
        code: its exit code; negative for the signal that ended it.

    Example:
        >>> describe_exit(-9)
        'by SIGKILL'
    """
    if code < 0:
        try:
            return f"by {signal.Signals(-code).name}"
        except ValueError:
            return f"by signal {-code}"
    return _DESCRIPTIONS.get(code, f"with exit code {code}")
