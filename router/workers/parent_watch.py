"""A worker's leash: its standard input is a pipe from the process that started it, and the end of that pipe means stop.

The pipe ends when the parent ends, however it ends (kill -9 too), on every Unix; so no worker outlives its fleet.
Only a worker that was started with `--exit-with-parent` looks at it, since a service's standard input is often /dev/null.
"""

import os
import signal
import threading

STDIN = 0
GRACE_S = 20.0


def watch_parent(descriptor: int = STDIN, grace_s: float = GRACE_S) -> threading.Thread:
    """Watch the leash in the background: at its end SIGTERM this process, and SIGKILL it `grace_s` seconds later."""
    ended = threading.Event()

    def watch() -> None:
        while os.read(descriptor, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        ended.wait(grace_s)  # nobody sets it: an orderly stop ends this daemon thread first
        os.kill(os.getpid(), signal.SIGKILL)

    thread = threading.Thread(target=watch, name="exit_with_parent", daemon=True)
    thread.start()
    return thread
