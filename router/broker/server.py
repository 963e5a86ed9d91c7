"""The cluster in use: the outside cluster of the settings, or the embedded broker, started on demand."""

from typing import Literal

from msgspec import Struct

from router.broker import process
from router.broker.folder import Folder
from router.broker.jars import classpath
from router.broker.java import find_java
from router.broker.properties import HOST
from router.broker.reach import PatientAnswer, answers
from router.wire.errors import BrokerError
from router.wire.settings import Settings


class Status(Struct, frozen=True):
    """State of the cluster in use."""

    state: Literal["running", "stopped", "outside", "unreachable"]
    address: str
    pid: int | None = None
    log: str | None = None

    @property
    def running(self) -> bool:
        """Whether the cluster answers."""
        return self.state in {"running", "outside"}


def bootstrap(settings: Settings) -> str:
    """Address of the cluster in use: that of the outside cluster, or of the embedded broker."""
    return settings.kafka or f"{HOST}:{settings.broker_port}"


def status(settings: Settings) -> Status:
    """State of the cluster in use; changes nothing."""
    address = bootstrap(settings)
    if settings.kafka is not None:
        return Status("outside" if answers(address) else "unreachable", address)
    folder = Folder(settings)
    pid = folder.running_pid()
    if pid is None:
        return Status("stopped", address, log=str(folder.log))
    return Status("running" if answers(address) else "unreachable", address, pid, str(folder.log))


def ensure_running(settings: Settings) -> str:
    """Address of a cluster that answers; starts the embedded broker unless the settings name an outside cluster.

    Raises:
        BrokerError: the outside cluster does not answer, or the embedded one does not start.
    """
    if settings.kafka is None:
        return start(settings).address
    if not answers(settings.kafka):
        raise BrokerError(
            "no Kafka broker answers",
            where=settings.kafka,
            hint="start it, correct GRID_ROUTER_KAFKA, or unset that to use the embedded broker",
        )
    return settings.kafka


def start(settings: Settings) -> Status:
    """Start the embedded broker and wait until it answers; does nothing if it runs already.

    Raises:
        BrokerError: the settings name an outside cluster, a port is in use, Java or a jar is missing, or the broker
            ends; the sentence names its log.
    """
    if settings.kafka is not None:
        raise BrokerError(
            "GRID_ROUTER_KAFKA names an outside cluster",
            where=settings.kafka,
            hint="unset GRID_ROUTER_KAFKA to use the embedded broker",
        )
    folder, address, logged = Folder(settings), bootstrap(settings), 0
    with folder.one_at_a_time():
        pid = folder.running_pid()
        if pid is None:
            process.check_ports(settings.broker_port)
            java, jars = find_java().path, classpath()
            folder.write(settings.broker_port)
            process.format_data(folder, java, jars)
            logged = folder.logged()
            pid = process.spawn(folder, java, jars)
        elif folder.port() != settings.broker_port:
            raise BrokerError(
                f"the broker of this folder runs on port {folder.port()}, not on {settings.broker_port}",
                where=str(folder.root),
                hint=f"set GRID_ROUTER_BROKER_PORT={folder.port()}, or `grid-router broker stop` first",
            )
        process.await_answer(folder, pid, PatientAnswer(address), logged=logged)
    return Status("running", address, pid, str(folder.log))


def stop(settings: Settings) -> bool:
    """Shut down the embedded broker; False when it did not run."""
    folder = Folder(settings)
    if folder.running_pid() is None:
        return False
    with folder.one_at_a_time():
        pid = folder.running_pid()
        if pid is not None:
            process.end(folder, pid)
    return pid is not None
