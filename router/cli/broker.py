"""`grid-router broker install|start|stop|status|keys`: the embedded Apache Kafka."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from router.broker import server
from router.broker.jars import KAFKA_VERSION, classpath, lock_text
from router.broker.java import find_java
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Output, json_out, lines_out, say
from router.wire.errors import InputError
from router.wire.offset_signing import make_offset_keys
from router.wire.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="The embedded Apache Kafka; GRID_ROUTER_KAFKA names an outside one instead."
)


@app.command()
def install() -> None:
    """Fetch the jars of the embedded broker and compare them with the lock; fast when they are present.

    Example: grid-router broker install
    """
    begun = time.monotonic()
    java, jars = find_java(), classpath().count(".jar")
    say(
        f"Apache Kafka {KAFKA_VERSION}: {jars} jars as locked, Java {java.version} ({java.origin}); {time.monotonic() - begun:.1f} s."
    )


@app.command()
def lock() -> None:
    """Print a new lock of Kafka's jars; maintainers use it to raise the version of Kafka.

    Example: grid-router broker lock > router/broker/kafka.lock
    """
    lines_out(*lock_text().splitlines())


@app.command()
def keys(
    file: Annotated[Path, typer.Argument(help="Where to write it; every worker needs the same file.")],
) -> None:
    """Make a file of keys with which workers sign stored offsets, for GRID_ROUTER_OFFSET_KEYS. The embedded broker has one already.

    Example: grid-router broker keys /etc/grid-router/offset-keys
    """
    try:
        made = make_offset_keys(file, datetime.now(UTC))
    except OSError as error:
        raise InputError(
            f"the file cannot be written ({error.strerror})",
            where=str(file),
            hint="choose a folder that exists and is yours",
        ) from error
    if not made:
        raise InputError(
            "the file exists", where=str(file), hint="choose another name; a new file trusts what is stored so far"
        )
    say(
        f"Wrote {file}. It trusts what is stored within the next hour: end all workers before the first one starts with it."
    )


@app.command()
def start(
    brokers: Annotated[
        int | None,
        typer.Option(help="Brokers of the cluster, 1 or 3; default: as many as at the last start, and 1 at the first."),
    ] = None,
    *,
    secure: Annotated[
        bool,
        typer.Option("--secure", help="With TLS, users and access rights, also at each later start. For a new home."),
    ] = False,
) -> None:
    """Start the broker, or a cluster of three, and wait until each answers; those that run already stay.

    Three brokers keep a copy of each record each, and lose nothing when one of them does. They need 2 GB of memory, and
    take the ports from GRID_ROUTER_BROKER_PORT to the fifth after it. Their data is apart from that of a broker alone.

    Example: grid-router broker start --brokers 3
    """
    begun = time.monotonic()
    found = server.start(Settings(), brokers, secure=secure)
    took = f"{time.monotonic() - begun:.1f} s"
    if found.nodes:
        say(f"Kafka answers at {found.address} ({len(found.nodes)} brokers, {took}).")
        for node in found.nodes:
            say(_line(node))
    else:
        say(f"Kafka answers at {found.address} (process {found.pid}, {took}); its log is {found.log}.")


@app.command()
def stop() -> None:
    """Shut down the broker, or all of the cluster; the data stays.

    Example: grid-router broker stop
    """
    say("Kafka stopped." if server.stop(Settings()) else "Kafka was not running.")


@app.command()
def status(output: Output = "text") -> None:
    """Show whether the cluster in use answers; exit code 1 when it does not.

    Example: grid-router broker status -o json
    """
    found = server.status(Settings())
    if output == "json":
        json_out(msgspec.to_builtins(found))
    else:
        process = f", process {found.pid}" if found.pid and not found.nodes else ""
        log = f", log {found.log}" if found.log and not found.nodes else ""
        lines_out(f"{found.state}: {found.address}{process}{log}", *map(_line, found.nodes))
    if not found.running:
        raise typer.Exit(CHECK_FAILED)


def _line(node: server.NodeStatus) -> str:
    state = f"process {node.pid}" if node.pid is not None else "does not run; `grid-router broker start` starts it"
    return f"  broker {node.node}: {node.address}, {state}, log {node.log}"
