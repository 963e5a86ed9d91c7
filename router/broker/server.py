"""The embedded broker as a process: start it, ask for it, stop it. Its folder is `<home>/kafka`."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Literal

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from msgspec import Struct

from router.broker.jars import classpath
from router.broker.java import find_java
from router.broker.properties import HOST, log_properties, server_properties
from router.wire.errors import BrokerError
from router.wire.settings import Settings

START_SECONDS = 60.0
STOP_SECONDS = 30.0
ANSWER_MS = 2_000
HEAP = "512m"
NAMESPACE = uuid.UUID("5f4c6d0a-6b1f-5c1e-9a3e-2d9a3c7b1f10")


class Status(Struct, frozen=True):
    """What is known of the cluster in use."""

    state: Literal["running", "stopped", "outside", "unreachable"]
    address: str
    pid: int | None = None
    log: str | None = None

    @property
    def running(self) -> bool:
        """Whether the cluster answers."""
        return self.state in {"running", "outside"}


class Folder:
    """The files of an embedded broker."""

    def __init__(self, settings: Settings) -> None:
        self.root = settings.home.absolute() / "kafka"
        self.data, self.log, self.out = self.root / "data", self.root / "kafka.log", self.root / "kafka.out"
        self.properties, self.logging = self.root / "server.properties", self.root / "log4j2.properties"
        self.pid = self.root / "kafka.pid"

    def write(self, port: int) -> None:
        """Write the configuration; the data is left as it is."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.properties.write_text(server_properties(port, self.data), "utf-8")
        self.logging.write_text(log_properties(self.log), "utf-8")

    def running_pid(self) -> int | None:
        """The process id of this folder's broker, None when it does not run (or another process has its number)."""
        try:
            pid = int(self.pid.read_text("ascii"))
            command = (
                Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc").is_dir() else str(self.properties).encode()
            )
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid if str(self.properties).encode() in command else None


def bootstrap(settings: Settings) -> str:
    """Address of the cluster in use: the outside one if named, else where the embedded broker listens."""
    return settings.kafka or f"{HOST}:{settings.broker_port}"


def answers(address: str) -> bool:
    """Whether a Kafka broker answers a real request there."""
    if not any(_listens(one) for one in address.split(",")):
        return False  # kafka-python leaves its sockets open when it cannot even connect
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=address, request_timeout_ms=ANSWER_MS, bootstrap_timeout_ms=ANSWER_MS
        )
    except (KafkaError, OSError, ValueError):
        return False
    try:
        admin.list_topics()
    except (KafkaError, OSError):
        return False
    finally:
        admin.close()
    return True


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), ANSWER_MS / 1000).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def status(settings: Settings) -> Status:
    """What is known of the cluster in use, without changing anything."""
    address = bootstrap(settings)
    if settings.kafka is not None:
        return Status("outside" if answers(address) else "unreachable", address)
    folder = Folder(settings)
    pid = folder.running_pid()
    if pid is None:
        return Status("stopped", address, log=str(folder.log))
    return Status("running" if answers(address) else "unreachable", address, pid, str(folder.log))


def ensure_running(settings: Settings) -> str:
    """Address of a cluster that answers; starts the embedded broker when no outside one is named.

    Raises:
        BrokerError: the outside cluster does not answer, or the embedded one does not start.
    """
    if settings.kafka is None:
        return start(settings).address
    if not answers(settings.kafka):
        raise BrokerError(
            "no Kafka broker answers",
            where=settings.kafka,
            cure="start it, correct GRID_ROUTER_KAFKA, or unset that to use the embedded broker",
        )
    return settings.kafka


def start(settings: Settings) -> Status:
    """Start the embedded broker and wait until it answers; does nothing when it runs.

    Raises:
        BrokerError: an outside cluster is named, a port is taken, Java or a jar is missing, or the broker dies (its log is named).
    """
    if settings.kafka is not None:
        raise BrokerError(
            "an outside cluster is named",
            where=settings.kafka,
            cure="unset GRID_ROUTER_KAFKA to use the embedded broker",
        )
    folder, address = Folder(settings), bootstrap(settings)
    pid = folder.running_pid()
    if pid is None:
        _check_ports(settings.broker_port)
        folder.write(settings.broker_port)
        java, jars = find_java().path, classpath()
        _format(folder, java, jars)
        pid = _spawn(folder, java, jars)
    _wait(folder, pid, address)
    return Status("running", address, pid, str(folder.log))


def stop(settings: Settings) -> bool:
    """Stop the embedded broker in good order; False when it did not run."""
    folder = Folder(settings)
    pid = folder.running_pid()
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    if not _ended(folder, pid, STOP_SECONDS):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _ended(folder, pid, STOP_SECONDS)
    folder.pid.unlink(missing_ok=True)
    return True


def _check_ports(port: int) -> None:
    for number in (port, port + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, number))
            except OSError as error:
                raise BrokerError(
                    "the port is in use by another program",
                    where=f"{HOST}:{number}",
                    cure="stop that program, or set GRID_ROUTER_BROKER_PORT to a free port",
                ) from error


def _format(folder: Folder, java: Path, jars: str) -> None:
    """Give a new data folder its cluster id (of its own path, so that it never changes)."""
    if (folder.data / "meta.properties").exists():
        return
    cluster = urlsafe_b64encode(uuid.uuid5(NAMESPACE, str(folder.data)).bytes).rstrip(b"=").decode()
    command = [java, "-cp", jars, f"-Dlog4j2.configurationFile={folder.logging}", "kafka.tools.StorageTool", "format"]
    done = subprocess.run(
        [*command, "-t", cluster, "-c", folder.properties],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise BrokerError(
            f"the data folder cannot be made ({last[0][:200]})",
            where=str(folder.data),
            cure="check that the folder can be written to",
        )


def _spawn(folder: Folder, java: Path, jars: str) -> int:
    command = [
        java,
        f"-Xmx{HEAP}",
        "-Xms256m",
        "-XX:+UseG1GC",
        "-cp",
        jars,
        f"-Dlog4j2.configurationFile={folder.logging}",
    ]
    with folder.out.open("wb") as out:
        process = subprocess.Popen(
            [*command, "kafka.Kafka", folder.properties],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder.root,
            start_new_session=True,
        )
    folder.pid.write_text(str(process.pid), "ascii")
    return process.pid


def _wait(folder: Folder, pid: int, address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(address):
        if _gone(pid):
            folder.pid.unlink(missing_ok=True)
            raise BrokerError(
                f"the broker died while starting ({_last_line(folder)})", where=str(folder.log), cure="read that log"
            )
        if time.monotonic() > deadline:
            raise BrokerError(
                f"the broker does not answer after {START_SECONDS:.0f} s", where=str(folder.log), cure="read that log"
            )
        time.sleep(0.1)


def _gone(pid: int) -> bool:
    """Whether the process has ended; reaps it when it is our child."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _ended(folder: Folder, pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if _gone(pid) or folder.running_pid() is None:
            return True
        time.sleep(0.05)
    return False


def _last_line(folder: Folder) -> str:
    for file in (folder.log, folder.out):
        lines = file.read_text("utf-8", errors="replace").splitlines() if file.exists() else []
        if lines:
            return lines[-1][:200]
    return "no word in its log"
