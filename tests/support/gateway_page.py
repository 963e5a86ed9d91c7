"""A gateway process that the commands of a documentation page make and start."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from router.wire.topic_names import Names
from tests.support.broker import free_ports
from tests.support.patience import PATIENCE_S
from tests.support.repository import ROOT
from tests.unit.docs.markdown import code_blocks

PORT = "19180"
"""The port that the pages name."""


class GatewayOfPage(NamedTuple):
    """A gateway that runs as a page says."""

    token: str
    port: int
    log: Path
    blocks: list[str]
    """The page's commands after those that make and start it."""
    environment: dict[str, str]
    folder: Path

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def shell(self, block: str, **more: str) -> str:
        """What a block of any page prints; keywords are variables. The page's port is that of the gateway."""
        environment = {**self.environment, "TOKEN": self.token, **more}
        return _shell(block.replace(PORT, str(self.port)), environment, ROOT)


@contextmanager
def gateway_of_page(page: Path, kafka: str, names: Names, folder: Path) -> Iterator[GatewayOfPage]:
    """Run the page's first block, which prints a token, and its second one until the context ends with SIGTERM.

    Args:
        page: with the commands.
        kafka: address of the broker, which has the topics.
        names: of the topics.
        folder: for tokens, keys and the log.
    """
    make, start, *blocks = code_blocks(page, "sh")
    port, log = free_ports(1), folder / "log"
    settings = {
        "KAFKA": kafka, "NAMESPACE": names.namespace, "GATEWAY_PORT": str(port), "GATEWAY_TOKENS": str(folder / "tokens"),
        "GATEWAY_RECEIPT_KEYS": str(folder / "receipt-keys"),
    }  # fmt: skip
    environment = {**os.environ, **{f"GRID_ROUTER_{name}": value for name, value in settings.items()}}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    token = _shell(make, environment, folder).strip()
    with (
        log.open("wb") as written,
        subprocess.Popen(["bash", "-ec", f"exec {start}"], env=environment, cwd=ROOT, stderr=written) as running,
    ):
        try:
            gateway = GatewayOfPage(token, port, log, blocks, environment, folder)
            deadline = time.monotonic() + PATIENCE_S
            while not _is_ready(gateway.url):
                assert running.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield gateway
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(PATIENCE_S) == 0, log.read_text()


def _shell(block: str, environment: dict[str, str], cwd: Path) -> str:
    done = subprocess.run(["bash", "-ec", block], env=environment, cwd=cwd, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False
