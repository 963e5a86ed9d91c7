"""One real broker for a test process, with its own folder and ports."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

from router.broker import server
from router.wire.settings import Settings

HOST = "127.0.0.1"
FIRST, LAST = 21_000, 31_000
"""Ports for tests: below the range from which operating systems choose ports by themselves."""
BLOCK = 100


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


class PortBlock:
    """A block of ports that belongs to this process until it ends.

    The process holds the first port of the block. A second process cannot bind it, and takes another block. So two test
    sessions never choose the same port, even if a port is bound long after it was chosen.

    Raises:
        RuntimeError: every block is taken.
    """

    def __init__(self) -> None:
        for first in range(FIRST, LAST, BLOCK):
            self._claim = socket.socket()
            try:
                self._claim.bind((HOST, first))
            except OSError:
                self._claim.close()
            else:
                self._ports = range(first + 1, first + BLOCK)
                self._turn = count()
                return
        raise RuntimeError(f"every block of ports from {FIRST} to {LAST} is taken; end other test sessions")

    def take(self, number: int) -> int:
        """The first of `number` consecutive ports of the block that are free now; each comes once before any comes twice.

        Raises:
            RuntimeError: the block has no such ports.
        """
        for _ in range(2 * len(self._ports)):
            first = self._ports[next(self._turn) % len(self._ports)]
            if first + number <= self._ports.stop and all(map(_free, range(first, first + number))):
                for _ in range(number - 1):
                    next(self._turn)
                return first
        raise RuntimeError(f"no {number} consecutive free ports in {self._ports}")


@cache
def _block() -> PortBlock:
    return PortBlock()


def free_ports(number: int) -> int:
    """The first of `number` consecutive loopback ports that are free, and that no other test session uses."""
    return _block().take(number)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
