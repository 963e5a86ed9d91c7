"""The brokers of a run: embedded ones with a second listener each, which advertises the address of a proxy.

Kafka clients follow the address that a listener advertises, so a client that connects through the proxy keeps using it.
"""

import os
import shutil
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest

from router.broker import process, server
from router.broker.admin import connected
from router.broker.credentials import Credentials
from router.broker.folder import Folder
from router.broker.jars import classpath
from router.broker.java import find_java
from router.broker.properties import HOST, log_properties, server_properties
from router.broker.reach import answers
from router.wire.private_files import private_folder
from router.wire.security import EMBEDDED_ADMIN
from router.wire.settings import PREFIX, Settings
from tests.chaos.small_disk import SmallDisk
from tests.support.broker import free_ports
from tests.support.secured import with_proxied_listener


class Cluster:
    """One broker, or three, that can be killed and frozen; a context manager.

    Args:
        home: folder of the data; the caller creates it.
        features: levels other than those of the Kafka release, such as `transaction.version=0`.
        brokers: 1 or 3.
        small_disk: whether the last broker has a disk of its own that can be filled.
        secured: TLS, users and access rights, as `broker start --secure` has them. Clients of this process connect as `admin`.
    """

    def __init__(
        self, home: Path, *features: str, brokers: int = 1, small_disk: bool = False, secured: bool = False
    ) -> None:
        self._features, self.numbers, self.secured = features, range(1, brokers + 1), secured
        self._patch = pytest.MonkeyPatch()
        self._first = free_ports(4 * brokers)
        self.settings = Settings(home=home, broker_port=self._first, kafka=None)
        self._folders = dict(zip(self.numbers, server.folders(self.settings, brokers), strict=True))
        self.address, self.behind_proxy, self.proxy = (
            ",".join(self._addresses(first)) for first in (None, 2 * brokers, 3 * brokers)
        )
        self.disk = SmallDisk(self._folders[brokers].data) if small_disk else None
        """The disk of the last broker."""

    def __enter__(self) -> Self:
        if self.secured:
            self._credentials.make(datetime.now(UTC))
            for name, value in self.connection(EMBEDDED_ADMIN).items():
                self._patch.setenv(f"{PREFIX}{name.upper()}", str(value))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        server.stop(self.settings)
        self._patch.undo()
        if self.disk is not None:
            self.disk.unmount()

    @property
    def _credentials(self) -> Credentials:
        return self._folders[1].credentials

    @property
    def passwords(self) -> Path:
        """The folder of the users' passwords; that of the administrator is in the one above."""
        return self._credentials.folder / "users"

    def connection(self, user: str) -> dict[str, Any]:
        """The settings with which a user connects; none without security."""
        if not self.secured:
            return {}
        folder = self._credentials.folder if user == EMBEDDED_ADMIN else self.passwords
        return {
            "kafka_protocol": "SASL_SSL",
            "kafka_user": user,
            "kafka_password_file": (folder / f"{user}.password").absolute(),
            "kafka_ca": self._credentials.ca.absolute(),
        }

    def start(self) -> None:
        """Start those brokers that do not run; returns when every one answers."""
        java, jars, started = find_java().path, classpath(), []
        for folder in self._folders.values():
            if folder.running_pid() is None:
                private_folder(folder.root)
                folder.properties.write_text(self._properties(folder), "utf-8")
                folder.logging.write_text(log_properties(folder.log), "utf-8")
                if self.disk is not None and folder.data == self.disk.folder:
                    self.disk.mount()
                process.format_data(folder, java, jars, self._features)
                started.append((folder, process.spawn(folder, java, jars)))
        for folder, pid in started:
            process.await_answer(folder, pid, partial(answers, self._own(folder)))

    def kill(self, number: int = 1) -> None:
        """Send SIGKILL to a broker; returns when its process has ended."""
        pid = self.pid_of(number)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def freeze(self, number: int = 1) -> None:
        """Send SIGSTOP to a broker: its connections stay open and it answers nothing."""
        self._signal(signal.SIGSTOP, [number])

    def thaw(self) -> None:
        """Send SIGCONT to every broker."""
        self._signal(signal.SIGCONT, self.numbers)

    def wipe(self, number: int) -> None:
        """Delete the data of a broker that does not run; the folder stays, as it may be a disk of its own."""
        for path in self._folders[number].data.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def leader(self, topic: str, partition: int) -> int:
        """The broker that leads a partition."""
        with connected(self.address) as admin:
            (described,) = admin.describe_topics([topic])
        return next(int(one["leader_id"]) for one in described["partitions"] if one["partition_index"] == partition)

    def controller(self) -> int:
        """The broker whose controller is active."""
        with connected(self.address) as admin:
            (topic,) = admin.describe_metadata_quorum()["topics"]
        return int(topic["partitions"][0]["leader_id"])

    @property
    def pid(self) -> int | None:
        """Process id of the first broker; None when it does not run."""
        return self.pid_of(1)

    def pid_of(self, number: int) -> int | None:
        """Process id of a broker; None when it does not run."""
        return self._folders[number].running_pid()

    def _signal(self, kind: int, numbers: Sequence[int]) -> None:
        for number in numbers:
            pid = self.pid_of(number)
            if pid is not None:
                os.kill(pid, kind)

    def _properties(self, folder: Folder) -> str:
        secured, number = self._credentials.properties(folder.root) if self.secured else {}, folder.node.number - 1
        text = server_properties(self._first, folder.data, folder.node, secured)
        return with_proxied_listener(text, self.behind_proxy.split(",")[number], self.proxy.split(",")[number])

    def _own(self, folder: Folder) -> str:
        return f"{HOST}:{folder.node.port(self._first)}"

    def _addresses(self, shift: int | None) -> list[str]:
        """Their own addresses, or those from the first port of the cluster plus `shift`."""
        if shift is None:
            return [self._own(folder) for folder in self._folders.values()]
        return [f"{HOST}:{self._first + shift + number}" for number in range(len(self.numbers))]
