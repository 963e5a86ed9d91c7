"""One real broker for a test session, in a folder and on ports of its own."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.broker import server
from router.wire.settings import Settings


@contextmanager
def session_broker(home: Path) -> Iterator[str]:
    """The address of a broker: the outside one if GRID_ROUTER_KAFKA names it, else an embedded one for this session."""
    outside = Settings().kafka
    if outside is not None:
        yield outside
        return
    settings = Settings(home=home, broker_port=free_ports(2))
    yield server.start(settings).address
    server.stop(settings)


def free_ports(count: int) -> int:
    """The first of `count` consecutive loopback ports that are free now; two sessions begin at different places."""
    begin = os.getpid() * 10 % 9000
    for first in (21000 + (begin + step) % 9000 for step in range(0, 9000, count)):
        probes = [socket.socket() for _ in range(count)]
        try:
            for offset, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + offset))
        except OSError:
            continue
        else:
            return first
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no free ports")
