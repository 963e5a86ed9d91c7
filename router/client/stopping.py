"""The wish that a client stop: from any thread, and from a signal handler."""

import time

SLICE_S = 0.1


class StopRequest:
    """Set once, and then for good.

    No lock: `threading.Event` has one, and a signal handler that comes while the main thread holds it would wait for ever.
    """

    def __init__(self) -> None:
        self._requested = False

    def set(self) -> None:
        """Request the stop."""
        self._requested = True

    def is_set(self) -> bool:
        """Whether the client has to stop."""
        return self._requested

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the stop is requested."""
        until = time.monotonic() + seconds
        while not self._requested and (left := until - time.monotonic()) > 0:
            time.sleep(min(SLICE_S, left))
