"""Parent watch: a worker stops when the process that started it ends.

The worker's standard input is a pipe from its parent. On every Unix the pipe closes when the parent ends, even by kill -9, so
no worker outlives its pool. Only a worker that was started with `--exit-with-parent` watches it, because the standard input of
a service is often /dev/null.
"""

import os
import signal
import threading

STDIN = 0
GRACE_S = 20.0


def watch_parent(descriptor: int = STDIN, grace_s: float = GRACE_S) -> threading.Thread:
    """Watch the pipe in the background. When it closes, send SIGTERM to this process, and SIGKILL `grace_s` seconds later."""

    def watch() -> None:
        while os.read(descriptor, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(grace_s)  # an orderly exit ends this daemon thread first
        os.kill(os.getpid(), signal.SIGKILL)

    thread = threading.Thread(target=watch, name="parent watch", daemon=True)
    thread.start()
    return thread
