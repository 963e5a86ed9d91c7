"""The command `grid-router`: registers the commands and turns expected errors into their sentence and exit code 2.

A command's module is imported when the command is asked for: `grid-router tail` waits for no geometry library.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from router import __version__
from router.cli.exit_codes import EXPECTED
from router.wire.errors import RouterError
from router.wire.settings import PREFIX, misspelt

COMMANDS = {
    "demo": "router.cli.demo:demo",
    "replay": "router.cli.replay:replay",
    "simulate": "router.cli.simulate:simulate",
    "serve": "router.cli.serve:serve",
    "worker": "router.cli.worker:worker",
    "tail": "router.cli.tail:tail",
    "dead-letters": "router.cli.dead_letters.commands:app",
    "merge": "router.cli.merge:app",
    "catalogue": "router.cli.catalogue.commands:app",
    "cells": "router.cli.cells.commands:app",
    "schemas": "router.cli.schemas:app",
    "topics": "router.cli.topics:app",
    "broker": "router.cli.broker:app",
    "doctor": "router.cli.doctor:doctor",
}
"""Every command or group of commands, in the order of the help, and where it lives."""
RENAMED = {"run": "demo", "up": "serve"}
"""Names of 0.1, which still work in 0.2."""


class Commands(TyperGroup):
    """Looks its commands up in `COMMANDS`, and imports only what is asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = dict.fromkeys(COMMANDS)
        """Names only: what a mistyped command is compared with."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, None when there is none."""
        del ctx
        if cmd_name in RENAMED:
            sys.stderr.write(f"`{cmd_name}` is now `{RENAMED[cmd_name]}`; the old name works until 0.3.\n")
            cmd_name = RENAMED[cmd_name]
        place = COMMANDS.get(cmd_name)
        return None if place is None else _load(cmd_name, place)


def _load(name: str, place: str) -> Any:
    module, attribute = place.split(":")
    found: typer.Typer | Callable[..., None] = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        found = single
    found.rich_markup_mode = None
    command = typer.main.get_command(found)
    command.name = name
    return command


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


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
    del version  # has ended the command by now
    for name, meant in misspelt().items():
        sys.stderr.write(f"{name} is no setting and changes nothing; did you mean {meant}?\n")


def main() -> None:
    """The entry point; an unexpected error keeps its traceback, because it is a defect."""
    try:
        app()
    except RouterError as error:
        sentence = str(error)
    except ValidationError as error:
        if error.title != "Settings":
            raise
        sentence = _setting(error)
    sys.stderr.write(f"{sentence}\n")
    sys.exit(EXPECTED)


def _setting(error: ValidationError) -> str:
    """The sentence for a wrong environment variable."""
    first = error.errors()[0]
    name = f"{PREFIX}{'_'.join(map(str, first['loc'])).upper()}"
    return f"{name}={first['input']}: {first['msg'].removeprefix('Value error, ')}; correct or unset that environment variable."


if __name__ == "__main__":
    main()
