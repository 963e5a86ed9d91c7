"""`grid-router broker install|start|stop|status`: the embedded Apache Kafka."""

import time

import msgspec
import typer

from router.broker import server
from router.broker.jars import KAFKA_VERSION, classpath, lock_text
from router.broker.java import find_java
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Output, json_out, lines_out, say
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
def start() -> None:
    """Start the broker and wait until it answers; does nothing if it runs already.

    Example: GRID_ROUTER_BROKER_PORT=29092 grid-router broker start
    """
    begun = time.monotonic()
    found = server.start(Settings())
    say(
        f"Kafka answers at {found.address} (process {found.pid}, {time.monotonic() - begun:.1f} s); its log is {found.log}."
    )


@app.command()
def stop() -> None:
    """Shut down the broker; its data stays.

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
        process = f", process {found.pid}" if found.pid else ""
        lines_out(f"{found.state}: {found.address}{process}{f', log {found.log}' if found.log else ''}")
    if not found.running:
        raise typer.Exit(CHECK_FAILED)
