"""The process of an embedded broker: format its data, start it in a session of its own, wait for it, end it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from router.broker.folder import Folder, last_causes
from router.broker.progress import Patience, work_of
from router.broker.properties import HOST
from router.wire.errors import BrokerError
from router.wire.private_files import UMASK, open_private, write_private
from router.wire.settings import PREFIX

STOP_SECONDS = 30.0
HEAP, HEAP_OF_SEVERAL = "512m", "384m"
"""Of a broker alone, and of each of three: together they fit a machine of 4 GiB."""
MARK = "grid.router.properties"
"""A property that Kafka ignores. By its value, `Folder.running_pid` knows the process of this folder."""
PASSWORD = f"{PREFIX}KAFKA_PASSWORD"
NAMESPACE = uuid.UUID("5f4c6d0a-6b1f-5c1e-9a3e-2d9a3c7b1f10")
"""Namespace of our cluster ids; an arbitrary constant."""


def check_ports(ports: Iterable[int]) -> None:
    """Check that the ports of a broker, or of several, are free.

    Raises:
        BrokerError: one of them is in use.
    """
    for number in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, number))
            except (OSError, OverflowError) as error:
                raise BrokerError(
                    "the port is in use by another program, or is not permitted",
                    where=f"{HOST}:{number}",
                    hint="stop that program, or set GRID_ROUTER_BROKER_PORT to a free port whose next port is free, too "
                    "(the next five, for three brokers)",
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
    if folder.formatted:
        return
    tool = [
        *_java(folder, java, jars),
        "kafka.tools.StorageTool",
        "format",
        f"--cluster-id={cluster_id(folder)}",  # as one word: one id in 64 begins with a hyphen, like an option
        "-c",
        folder.properties.name,
        *(f"--feature={feature}" for feature in features),
    ]
    with _hidden(folder, tool, folder.credentials.scram_users() if folder.credentials else []) as command:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
            cwd=folder.root,
            env=_environment(),
            umask=UMASK,
        )
    if done.returncode != 0:
        raise BrokerError(
            f"the data folder cannot be made ({last_causes(done.stderr or done.stdout) or 'no output'})",
            where=str(folder.data),
            hint="check that the folder can be written to",
        )


def cluster_id(folder: Folder) -> str:
    """The cluster id of a folder: 22 characters of base64, equal for equal paths and for the brokers of one cluster."""
    named = folder.data if folder.node.of == 1 else folder.root.parent
    return urlsafe_b64encode(uuid.uuid5(NAMESPACE, str(named)).bytes).rstrip(b"=").decode()


def spawn(folder: Folder, java: Path, jars: str) -> int:
    """Start the broker in a session of its own, with its output in a file; returns its process id.

    Ctrl-C in our terminal must not reach it, because workers need the broker for a graceful shutdown.
    """
    with open_private(folder.out, "wb") as out:
        process = subprocess.Popen(
            [*_java(folder, java, jars), "kafka.Kafka", folder.properties.name],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder.root,
            env=_environment(),
            umask=UMASK,
            start_new_session=True,
        )
    write_private(folder.pid, str(process.pid).encode())
    return process.pid


def await_answer(folder: Folder, pid: int, answers: Callable[[], bool], *, logged: int = 0) -> None:
    """Wait until the broker answers, as long as it makes progress.

    Args:
        folder: of the broker.
        pid: its process.
        answers: whether it answers now.
        logged: size of its log before its start; what was written before says nothing about this start.

    Raises:
        BrokerError: it ended, does nothing, or is not ready within the outer limit; the sentence names its log.
    """
    patience = Patience(lambda: work_of([pid], [folder.log, folder.out]))
    while not answers():
        if _gone(pid):
            folder.pid.unlink(missing_ok=True)
            log, words = folder.last_words(logged)
            raise BrokerError(f"the broker ended during its start ({words})", where=str(log), hint="read that log")
        if why := patience.exhausted():
            raise BrokerError(
                f"the broker does not answer: its process {pid} {why}",
                where=str(folder.log),
                hint="read that log; `grid-router broker start` waits again, `grid-router broker stop` ends it",
            )
        time.sleep(0.1)


def end(running: Sequence[tuple[Folder, int]]) -> None:
    """End the broker, or all brokers of a cluster: SIGTERM first, so that they close their logs, then SIGKILL.

    All get SIGTERM at once, because a broker hands its partitions over with the help of a majority of the controllers. One
    that is ended after the others waits for a majority that does not come back.

    Args:
        running: folder and process of each.
    """
    left = list(running)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for _, pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        left = [one for one in left if not _ended(*one, deadline)]
    for folder, _ in running:
        folder.pid.unlink(missing_ok=True)


def _java(folder: Folder, java: Path, jars: str) -> list[str]:
    return [
        str(java),
        f"-Xmx{HEAP if folder.node.of == 1 else HEAP_OF_SEVERAL}",
        "-cp",
        jars,
        "-Dfile.encoding=UTF-8",
        f"-Dlog4j2.configurationFile={folder.logging.name}",
        f"-D{MARK}={folder.properties}",
    ]


@contextlib.contextmanager
def _hidden(folder: Folder, tool: Sequence[str], secret: Sequence[str]) -> Iterator[Sequence[str]]:
    """A command whose secret arguments are in a file for the time that it runs: every user sees those of a process."""
    if not secret:
        yield tool
        return
    java, *arguments = tool
    lines = "".join(_quoted(argument) for argument in (*arguments, *secret))
    write_private(folder.arguments, lines.encode(sys.getfilesystemencoding(), "surrogateescape"))
    try:
        yield [java, f"@{folder.arguments.name}"]
    finally:
        folder.arguments.unlink()


def _quoted(argument: str) -> str:
    """A line of an argument file, as the `java` command reads it (JDK tool reference, "java @argfiles")."""
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"\n'


def _environment() -> dict[str, str]:
    """Our environment without our secrets, with a locale in which Java decodes paths as this process encodes them.

    Java decodes the working folder by the locale. In the locale C every Chinese character in it becomes a question mark,
    and no file is found; Python uses UTF-8 there.
    """
    own = {name: value for name, value in os.environ.items() if name.upper() != PASSWORD}
    return {**own, "LC_ALL": "C.UTF-8"} if sys.getfilesystemencoding() == "utf-8" else own


def _ended(folder: Folder, pid: int, deadline: float) -> bool:
    while time.monotonic() < deadline:
        if _gone(pid) or folder.running_pid() is None:
            return True
        time.sleep(0.05)
    return False


def _gone(pid: int) -> bool:
    """Whether the process has ended; reaps it when it is our child.

    Its command line does not decide: Linux shows none for a moment while a program is loaded.
    """
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    try:
        os.kill(pid, 0)
        return (
            Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
        )  # its parent has not reaped it
    except ProcessLookupError:
        return True
    except OSError:  # no /proc on this system
        return False
