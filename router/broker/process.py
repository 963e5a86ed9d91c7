"""The embedded broker's process: format its data, start it in a session of its own, wait for it, end it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from pathlib import Path

from router.broker.folder import Folder
from router.broker.properties import HOST
from router.wire.errors import BrokerError

START_SECONDS = 60.0
STOP_SECONDS = 30.0
HEAP = "512m"
NAMESPACE = uuid.UUID("5f4c6d0a-6b1f-5c1e-9a3e-2d9a3c7b1f10")
"""Namespace of our cluster ids; an arbitrary constant."""


def check_ports(port: int) -> None:
    """Check that the broker's port and the next one, its controller's, are free.

    Raises:
        BrokerError: one of them is in use.
    """
    for number in (port, port + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, number))
            except (OSError, OverflowError) as error:
                raise BrokerError(
                    "the port is in use by another program, or is not permitted",
                    where=f"{HOST}:{number}",
                    hint="stop that program, or set GRID_ROUTER_BROKER_PORT to a free port whose next port is free, too",
                ) from error


def format_data(folder: Folder, java: Path, jars: str, features: Sequence[str] = ()) -> None:
    """Format a new data folder with a cluster id, which is derived from its path and never changes.

    Args:
        folder: of the broker, with its configuration.
        java: the Java command.
        jars: the class path.
        features: `name=level` of features (KIP-584) whose level is not the release's default.

    Raises:
        BrokerError: Kafka's storage tool fails.
    """
    if (folder.data / "meta.properties").exists():
        return
    tool = [
        *_java(folder, java, jars),
        "kafka.tools.StorageTool",
        "format",
        f"--cluster-id={cluster_id(folder)}",  # as one word: one id in 64 begins with a hyphen, like an option
        "-c",
        str(folder.properties),
        *(f"--feature={feature}" for feature in features),
    ]
    done = subprocess.run(tool, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise BrokerError(
            f"the data folder cannot be made ({_cause(done.stderr or done.stdout)})",
            where=str(folder.data),
            hint="check that the folder can be written to",
        )


def _cause(output: str) -> str:
    """The last line of a Java tool that is not part of a stack trace."""
    said = [line for line in output.splitlines() if line.strip() and not line[0].isspace()]
    return said[-1][:200] if said else "no output"


def cluster_id(folder: Folder) -> str:
    """The cluster id of a folder: 22 characters of base64, equal for equal paths."""
    return urlsafe_b64encode(uuid.uuid5(NAMESPACE, str(folder.data)).bytes).rstrip(b"=").decode()


def spawn(folder: Folder, java: Path, jars: str) -> int:
    """Start the broker in a session of its own, with its output in a file; returns its process id.

    Ctrl-C in our terminal must not reach it, because workers need the broker for a graceful shutdown.
    """
    with folder.out.open("wb") as out:
        process = subprocess.Popen(
            [*_java(folder, java, jars), "kafka.Kafka", str(folder.properties)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder.root,
            start_new_session=True,
        )
    folder.pid.write_text(str(process.pid), "ascii")
    return process.pid


def await_answer(folder: Folder, pid: int, answers: Callable[[], bool]) -> None:
    """Wait until the broker answers.

    Raises:
        BrokerError: it ended, or does not answer in time; the sentence names its log.
    """
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if _gone(pid):
            folder.pid.unlink(missing_ok=True)
            raise BrokerError(
                f"the broker ended during its start ({folder.last_line()})", where=str(folder.log), hint="read that log"
            )
        if time.monotonic() > deadline:
            raise BrokerError(
                f"the broker does not answer after {START_SECONDS:.0f} s", where=str(folder.log), hint="read that log"
            )
        time.sleep(0.1)


def end(folder: Folder, pid: int) -> None:
    """End the broker: SIGTERM first, so that it closes its logs, then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _ended(folder, pid):
            break
    folder.pid.unlink(missing_ok=True)


def _java(folder: Folder, java: Path, jars: str) -> list[str]:
    return [str(java), f"-Xmx{HEAP}", "-cp", jars, f"-Dlog4j2.configurationFile={folder.logging}"]


def _ended(folder: Folder, pid: int) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if _gone(pid) or folder.running_pid() is None:
            return True
        time.sleep(0.05)
    return False


def _gone(pid: int) -> bool:
    """Whether the process has ended; reaps it when it is our child."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
