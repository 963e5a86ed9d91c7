"""The cluster in use: the outside cluster of the settings, or the embedded broker, started on demand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Literal

from msgspec import Struct

from router.broker import process
from router.broker.folder import Folder
from router.broker.jars import classpath
from router.broker.java import find_java
from router.broker.properties import HOST, BrokerNode
from router.broker.reach import PatientAnswer, answers
from router.kafka.rejection import rejection
from router.wire.errors import BrokerError, InputError
from router.wire.offset_signing import make_offset_keys
from router.wire.private_files import private_folder
from router.wire.security import security_for
from router.wire.settings import Settings

SEVERAL = 3
"""Brokers of an embedded cluster: the fewest of which one may fail while two hold each acknowledged record."""


class NodeStatus(Struct, frozen=True):
    """One broker of an embedded cluster of three."""

    node: int
    address: str
    pid: int | None
    """None: it does not run."""
    log: str


class Status(Struct, frozen=True):
    """State of the cluster in use."""

    state: Literal["running", "stopped", "outside", "unreachable"]
    address: str
    pid: int | None = None
    """Of the embedded broker; of a cluster, that of its first broker that runs."""
    log: str | None = None
    nodes: Sequence[NodeStatus] = ()
    """The brokers of an embedded cluster of three."""

    @property
    def running(self) -> bool:
        """Whether the cluster answers."""
        return self.state in {"running", "outside"}


def folders(settings: Settings, brokers: int) -> list[Folder]:
    """The folders of an embedded broker alone, or of each broker of a cluster."""
    return [Folder(settings, BrokerNode(number, brokers)) for number in range(1, brokers + 1)]


def folders_in_use(settings: Settings) -> list[Folder]:
    """The folders of the embedded broker or cluster that runs, or that ran last; of a broker alone, if none ever did."""
    alone, several = folders(settings, 1), folders(settings, SEVERAL)
    for found in (several, alone):
        if _pids(found):
            return found
    return max(alone, several, key=lambda found: max(folder.started_at() for folder in found))


def ports(settings: Settings, found: Sequence[Folder]) -> list[int]:
    """The ports that these brokers and their controllers take."""
    return list(chain.from_iterable(folder.node.ports(settings.broker_port) for folder in found))


def bootstrap(settings: Settings) -> str:
    """Addresses of the cluster in use, `host:port[,host:port]`: the outside one, or the embedded one."""
    return settings.kafka or _address(settings, folders_in_use(settings))


def status(settings: Settings) -> Status:
    """State of the cluster in use; changes nothing."""
    if settings.kafka is not None:
        return Status(
            "outside" if answers(settings.kafka, security=security_for(settings.kafka, settings)) else "unreachable",
            settings.kafka,
        )
    found = folders_in_use(settings)
    address, pids = _address(settings, found), _pids(found)
    if not pids:
        return Status("stopped", address, log=str(found[0].log))
    return _status(
        "running" if answers(address, security=security_for(address, settings)) else "unreachable", settings, found
    )


def ensure_running(settings: Settings) -> str:
    """Address of a cluster that answers; starts the embedded broker unless the settings name an outside cluster.

    Raises:
        BrokerError: the outside cluster does not answer, or the embedded one does not start.
    """
    if settings.kafka is None:
        return start(settings).address
    security = security_for(settings.kafka, settings)
    if not answers(settings.kafka, security=security):
        raise rejection(settings.kafka, security) or BrokerError(
            "no Kafka broker answers",
            where=settings.kafka,
            hint="start it, correct GRID_ROUTER_KAFKA, or unset that to use the embedded broker",
        )
    return settings.kafka


def start(settings: Settings, brokers: int | None = None, *, secure: bool = False) -> Status:
    """Start the embedded broker, or a cluster of three, and wait until each of them answers; those that run stay.

    Args:
        settings: of the deployment.
        brokers: 1 or 3; None: as many as the cluster has that runs or ran last, else 1.
        secure: clients authenticate, connections are encrypted. A home that was started so stays so.

    Raises:
        InputError: another number of brokers, or a home with data of brokers without security.
        BrokerError: the settings name an outside cluster, a port is in use, Java or a jar is missing, or a broker
            ends; the sentence names its log.
    """
    if brokers not in {None, 1, SEVERAL}:
        raise InputError(
            f"{brokers} brokers are no cluster that keeps its promises when one fails", hint="use --brokers 1 or 3"
        )
    if settings.kafka is not None:
        raise BrokerError(
            "GRID_ROUTER_KAFKA names an outside cluster",
            where=settings.kafka,
            hint="unset GRID_ROUTER_KAFKA to use the embedded broker",
        )
    with Folder(settings).one_at_a_time():
        found = folders_in_use(settings)
        if brokers not in {None, len(found)}:
            if _pids(found):
                raise _other_size(found)
            found = folders(settings, brokers or 1)
        if secure:
            _secure(settings)
        _start(settings, found)
    return _status("running", settings, found)


def stop(settings: Settings) -> bool:
    """Shut down the embedded brokers; False when none ran."""
    if not _pids(folders_in_use(settings)):
        return False
    with Folder(settings).one_at_a_time():
        running = [(folder, pid) for folder in folders_in_use(settings) if (pid := folder.running_pid()) is not None]
        process.end(running)
    return bool(running)


def _secure(settings: Settings) -> None:
    """Make the secrets of this home. What was written without security stays without: its users could not be known."""
    own = Folder(settings).credentials
    formatted = [folder for size in (1, SEVERAL) for folder in folders(settings, size) if folder.formatted]
    if not own and formatted:
        raise InputError(
            "the broker of this folder has data, and was made without security",
            where=str(formatted[0].data),
            hint="set GRID_ROUTER_HOME to another folder, or start it without --secure",
        )
    try:
        own.make(datetime.now(UTC))
    except OSError as error:
        raise BrokerError(
            f"the certificates cannot be written ({error.strerror})",
            where=str(own.folder),
            hint="correct its permissions, or set GRID_ROUTER_HOME to another folder",
        ) from error


def _start(settings: Settings, found: Sequence[Folder]) -> None:
    """Start those that do not run, and wait for all."""
    for folder in found:
        if folder.running_pid() is not None and folder.port() != folder.node.port(settings.broker_port):
            raise _other_port(folder, settings)
    pids = {folder: pid for folder in found if (pid := folder.running_pid()) is not None}
    missing = [folder for folder in found if folder not in pids]
    logged = {folder: folder.logged() for folder in missing}
    if missing:
        make_offset_keys(Folder(settings).offset_keys, datetime.now(UTC))
        process.check_ports(ports(settings, missing))
        java, jars = find_java().path, classpath()
        for folder in missing:
            private_folder(folder.root)
            folder.write(settings.broker_port)
            process.format_data(folder, java, jars)
        for folder in missing:
            pids[folder] = process.spawn(folder, java, jars)
    for folder in found:
        address = _address(settings, [folder])
        answer = PatientAnswer(address, security_for(address, settings))
        process.await_answer(folder, pids[folder], answer, logged=logged.get(folder, 0))


def _status(state: Literal["running", "unreachable"], settings: Settings, found: Sequence[Folder]) -> Status:
    address, log = _address(settings, found), str(found[0].log)
    nodes = [
        NodeStatus(folder.node.number, _address(settings, [folder]), folder.running_pid(), str(folder.log))
        for folder in found
    ]
    pid = next((node.pid for node in nodes if node.pid is not None), None)
    return Status(state, address, pid, log, nodes if len(nodes) > 1 else ())


def _address(settings: Settings, found: Sequence[Folder]) -> str:
    return ",".join(f"{HOST}:{folder.node.port(settings.broker_port)}" for folder in found)


def _pids(found: Sequence[Folder]) -> list[int]:
    return [pid for folder in found if (pid := folder.running_pid()) is not None]


def _other_size(running: Sequence[Folder]) -> BrokerError:
    number = "a broker alone runs" if len(running) == 1 else f"a cluster of {len(running)} brokers runs"
    return BrokerError(
        f"{number} in this folder, and each has data of its own",
        where=str(running[0].root),
        hint="`grid-router broker stop` first",
    )


def _other_port(folder: Folder, settings: Settings) -> BrokerError:
    first = (folder.port() or 0) - 2 * (folder.node.number - 1)
    return BrokerError(
        f"the broker of this folder runs on port {folder.port()}, not on {folder.node.port(settings.broker_port)}",
        where=str(folder.root),
        hint=f"set GRID_ROUTER_BROKER_PORT={first}, or `grid-router broker stop` first",
    )
