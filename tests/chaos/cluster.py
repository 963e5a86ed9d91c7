"""The broker of a run: the embedded broker with a second listener, which advertises the address of a proxy.

Kafka clients follow the address that a listener advertises, so a client that connects through the proxy keeps using it.
"""

import os
import signal
from pathlib import Path
from typing import Self

from router.broker import process, server
from router.broker.folder import Folder
from router.broker.jars import classpath
from router.broker.java import find_java
from router.broker.properties import HOST, log_properties, server_properties
from router.broker.reach import answers
from router.wire.private_files import private_folder
from router.wire.settings import Settings
from tests.support.broker import free_ports


class Cluster:
    """One broker that can be killed and frozen; a context manager.

    Args:
        home: folder of its data; the caller creates it.
        features: levels other than those of the Kafka release, such as `transaction.version=0`.
    """

    def __init__(self, home: Path, *features: str) -> None:
        self._features = features
        port = free_ports(4)
        self.settings = Settings(home=home, broker_port=port, kafka=None)
        self.address, self.behind_proxy, self.proxy = (f"{HOST}:{port + shift}" for shift in (0, 2, 3))
        self._port, self._folder = port, Folder(self.settings)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        server.stop(self.settings)

    def start(self) -> None:
        """Start or restart the broker; returns when it answers."""
        folder, java, jars = self._folder, find_java().path, classpath()
        private_folder(folder.root)
        folder.properties.write_text(self._properties(), "utf-8")
        folder.logging.write_text(log_properties(folder.log), "utf-8")
        process.format_data(folder, java, jars, self._features)
        pid = process.spawn(folder, java, jars)
        process.await_answer(folder, pid, lambda: answers(self.address))

    def kill(self) -> None:
        """Send SIGKILL; returns when the process has ended."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def freeze(self) -> None:
        """Send SIGSTOP: connections stay open and the broker answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Send SIGCONT."""
        self._signal(signal.SIGCONT)

    @property
    def pid(self) -> int | None:
        """Process id of the broker; None when it does not run."""
        return self._folder.running_pid()

    def _signal(self, number: int) -> None:
        pid = self.pid
        if pid is not None:
            os.kill(pid, number)

    def _properties(self) -> str:
        lines = dict(line.split("=", 1) for line in server_properties(self._port, self._folder.data).splitlines())
        lines["listeners"] += f",PROXIED://{self.behind_proxy}"
        lines["advertised.listeners"] += f",PROXIED://{self.proxy}"
        lines["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
        return "".join(f"{name}={value}\n" for name, value in lines.items())
