"""The command `grid-router`: registers the groups and turns expected errors into their sentence and exit code 2."""

import sys
from typing import Annotated

import typer

from router import __version__
from router.cli import broker, catalogue, cells, dead_letters, doctor, schemas, topics
from router.cli.exits import EXPECTED
from router.cli.replay import replay
from router.cli.run import run
from router.cli.tail import tail
from router.cli.worker import worker
from router.wire.errors import RouterError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Merges what many networks report about one street cell and routes each case to the department that must act.",
)
app.command()(run)
app.command()(replay)
app.command()(worker)
app.command()(tail)
app.command()(doctor.doctor)
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(cells.app, name="cells")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(topics.app, name="topics")
app.add_typer(broker.app, name="broker")
app.add_typer(schemas.app, name="schemas")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"grid-router {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Merges what many networks report about one street cell and routes each case to the department that must act."""


def main() -> None:
    """The entry point; an unexpected error keeps its traceback, because it is a defect."""
    try:
        app()
    except RouterError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXPECTED)
