"""What `doctor` checks on this machine: Python, Java, ports, settings, keys, schemas, clock, disk and privacy."""

import platform
import shlex
import shutil
import socket
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from router.broker import server
from router.broker.java import find_java
from router.broker.process import check_ports
from router.cli.checks.cluster import newest_record
from router.cli.checks.outcome import Skipped, shown
from router.cli.schemas import DEFAULT, drifted, made
from router.wire.errors import InputError
from router.wire.offset_signing import offset_keys
from router.wire.private_files import open_to_others
from router.wire.settings import Settings, misspelt, renamed_settings

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 2 << 30
"""Kafka stops when its disk is full; the topics of the demo city use less than a tenth of this."""
WRITTEN = datetime(2026, 11, 24, tzinfo=UTC)
"""The day of this release; an earlier clock is wrong."""
AHEAD_SECONDS = 60.0
TRUSTED_AHEAD = timedelta(days=1)
"""How far ahead `trust-until` may be; `grid-router broker keys` writes an hour."""
OWN_FOLDERS = ("kafka", "logs", "faust")
"""Folders below GRID_ROUTER_HOME that hold records or logs."""


def python(version: tuple[int, ...] = sys.version_info[:3]) -> str:
    """Python is new enough."""
    text = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        raise InputError(f"Python {text} is too old", hint="create the environment again with Python 3.11 or newer")
    return f"{platform.python_implementation()} {text}"


def names_of_settings() -> str:
    """No environment variable is a misspelt setting, or one of an earlier version."""
    for name, now in renamed_settings().items():
        raise InputError(f"{name} changes nothing, because that setting is now {now}", hint="rename the variable")
    for name, meant in misspelt().items():
        raise InputError(
            f"{name} is no setting and changes nothing", hint=f"set {meant} if that is meant, and unset {name}"
        )
    return "every variable is a setting"


def signatures(settings: Settings, now: datetime | None = None) -> str:
    """The keys of stored offsets can be read, and offsets without a signature do not count for long."""
    keys, now = offset_keys(settings, server.bootstrap(settings)), now or datetime.now(UTC)
    if not keys:
        raise Skipped(
            "no keys, so a stored offset that another program wrote counts; GRID_ROUTER_OFFSET_KEYS names them, "
            "`grid-router broker keys FILE` makes them"
        )
    if keys.trust_until is None or keys.trust_until <= now:
        return "stored offsets are signed"
    until = shown(keys.trust_until.timestamp())
    if keys.trust_until > now + TRUSTED_AHEAD:
        raise InputError(
            f"stored offsets are signed, but what any program writes until {until} counts without a signature",
            hint="write an earlier `trust-until` into the file of all workers, end them all, and start them again",
        )
    return f"stored offsets are signed; until {until} those without a signature count, too"


def java(settings: Settings) -> str:
    """A Java runtime for the embedded broker."""
    if settings.kafka is not None:
        raise Skipped("an outside cluster is in use")
    found = find_java()
    return f"Java {found.version} ({found.origin}, {found.path})"


def ports(settings: Settings) -> str:
    """The ports are free, or in use by our own broker and workers."""
    parts = []
    if settings.kafka is None:
        taken = server.ports(settings, server.folders_in_use(settings))
        held = _holder(server.status(settings))
        if held is None:
            check_ports(taken)
        named = " and ".join(map(str, taken)) if len(taken) == 2 else f"{taken[0]} to {taken[-1]}"
        parts.append(f"{named} {'free' if held is None else f'in use by {held}'}")
    if settings.metrics_port:
        parts.append(f"{settings.metrics_port} {_metrics_port(settings)}")
    return ", ".join(parts) or "none needed"


def _holder(found: server.Status) -> str | None:
    """Our broker or brokers that run; None when none does."""
    pids = [str(node.pid) for node in found.nodes if node.pid is not None]
    if len(pids) > 1:
        return f"our brokers (processes {', '.join(pids)})"
    return None if found.pid is None else f"our broker (process {found.pid})"


def _metrics_port(settings: Settings) -> str:
    address = (settings.metrics_host, settings.metrics_port)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if _serves_our_metrics(address):
                return "in use by our worker"
            raise InputError(
                f"the metrics of the workers cannot be served ({error.strerror})",
                where=f"{address[0]}:{address[1]}",
                hint="stop the program that uses the port, or set GRID_ROUTER_METRICS_PORT (0 switches metrics off)",
            ) from error
    return "free"


def _serves_our_metrics(address: tuple[str, int]) -> bool:
    url = f"http://{address[0]}:{address[1]}/metrics"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return b"grid_reports" in answer.read()
    except (OSError, ValueError):
        return False


def schemas(folder: Path = DEFAULT) -> str:
    """The JSON Schemas in the source tree match the models."""
    if not folder.is_dir():
        raise Skipped("no source tree here")
    files = made()
    for path, what in drifted(folder, files).items():
        raise InputError(f"the schema {what}", where=str(folder / path), hint="run `make schemas`")
    return f"{len(files)} files as the models make them"


def clock(settings: Settings, now: float | None = None) -> str:
    """The clock is not before the day of this release, and not behind the newest record of the grid stream.

    There is no comparison with a time server, so the check does not notice a clock that is ahead.
    """
    seconds = time.time() if now is None else now
    hint = "set the clock of this machine, preferably by NTP"
    if seconds < WRITTEN.timestamp():
        raise InputError(f"it shows {shown(seconds)}, before the day of this release", hint=hint)
    newest = newest_record(settings)
    if newest is None:
        return f"{shown(seconds)}; plausible, there is no record to compare with"
    if newest > seconds + AHEAD_SECONDS:
        raise InputError(f"it shows {shown(seconds)}, but the newest record is from {shown(newest)}", hint=hint)
    return f"{shown(seconds)}; not behind the newest record ({shown(newest)}); not compared with a time server"


def disk(settings: Settings) -> str:
    """Free space for Kafka's data and the logs."""
    home = settings.home.absolute()
    parent = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(parent).free
    text = f"{free / (1 << 30):.1f} GiB free in {_relative(home)}"
    if free < LEAST_FREE_BYTES:
        raise InputError(text, hint="free some space, or set GRID_ROUTER_HOME to a folder on a larger disk")
    return text


def privacy(settings: Settings) -> str:
    """Kafka's data and the logs, which hold citizens' reports, are their user's alone."""
    folders = [settings.home.absolute() / name for name in OWN_FOLDERS]
    there = [folder for folder in folders if folder.exists()]
    if not there:
        raise Skipped("there are no data and no logs yet")
    for folder in open_to_others(*there):
        raise InputError(
            "other users of this machine may read it",
            where=_relative(folder),
            hint=f"`chmod -R go= {shlex.quote(_relative(folder))}`",
        )
    return f"only this user reads {', '.join(map(_relative, there))}"


def _relative(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
