"""The command `grid-router`: registers the commands and turns expected errors into their sentence and exit code 2.

The module of a command is imported when the command runs: `grid-router tail` loads no geometry library.
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
from router.cli.text.sanitize import sanitize
from router.wire.errors import InputError, RouterError
from router.wire.settings import PREFIX, misspelt, renamed_settings

COMMANDS = {
    "demo": "router.cli.demo:demo",
    "replay": "router.cli.replay:replay",
    "simulate": "router.cli.simulate:simulate",
    "serve": "router.cli.serve:serve",
    "worker": "router.cli.worker:worker",
    "gateway": "router.cli.gateway:gateway",
    "tokens": "router.cli.tokens:app",
    "top": "router.cli.top:top",
    "tail": "router.cli.tail:tail",
    "report": "router.cli.report.commands:app",
    "department": "router.cli.department.commands:app",
    "case": "router.cli.case.commands:app",
    "dead-letters": "router.cli.dead_letters.commands:app",
    "erase": "router.cli.erase.commands:erase",
    "figures": "router.cli.figures:app",
    "merge": "router.cli.merge:app",
    "catalogue": "router.cli.catalogue.commands:app",
    "cells": "router.cli.cells.commands:app",
    "schemas": "router.cli.schemas:app",
    "topics": "router.cli.topics:app",
    "access": "router.cli.access:app",
    "backup": "router.cli.backup:app",
    "restore": "router.cli.backup:restore",
    "broker": "router.cli.broker:app",
    "doctor": "router.cli.doctor:doctor",
}
"""Every command or group of commands, in the order of the help, and its module."""
RENAMED = {"run": "demo", "up": "serve", "catalogue editions": "catalogue rule-sets"}
"""Commands of earlier versions -> their names now; the old names work until 0.3, and the help does not list them."""


class Commands(TyperGroup):
    """Finds its commands in `COMMANDS`, and imports only the one that runs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = dict.fromkeys(COMMANDS)
        """Names only, for the suggestion when a command is mistyped."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, None when there is none."""
        del ctx
        cmd_name = _name_now(cmd_name)
        place = COMMANDS.get(cmd_name)
        return None if place is None else _load(cmd_name, place)


def _name_now(command: str) -> str:
    """The name of a command in this version; prints a sentence when it was renamed."""
    if command not in RENAMED:
        return command
    sys.stderr.write(f"`{command}` is now `{RENAMED[command]}`; the old name works until 0.3.\n")
    return RENAMED[command]


def _accept_old_names(group: Any) -> None:
    """Let a group find its commands by their old names, too."""
    find = group.get_command

    def get_command(ctx: Any, cmd_name: str) -> Any:
        return find(ctx, _name_now(f"{group.name} {cmd_name}").removeprefix(f"{group.name} "))

    group.get_command = get_command


def _load(name: str, place: str) -> Any:
    module, attribute = place.split(":")
    try:
        found: typer.Typer | Callable[..., None] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "router":
            raise
        found = _absent(name, error.name)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        found = single
    found.rich_markup_mode = None
    command = typer.main.get_command(found)
    command.name = name
    if isinstance(command, TyperGroup):
        _accept_old_names(command)
    return command


def _absent(name: str, package: str) -> typer.Typer:
    """A command in an installation that has only what a department needs."""
    hint = 'pip install "grid-router[router]"'
    absent = typer.Typer(add_completion=False)

    @absent.command(
        name,
        help=f"Not installed: {hint}",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )
    def reject() -> None:
        raise InputError(f"this installation lacks {package}, which the command needs", where=name, hint=hint)

    return absent


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"grid-router {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Merges the reports of many networks into cases, and routes each case to the department that must act."""
    del version  # its callback has ended the command
    for name, meant in misspelt().items():
        sys.stderr.write(f"{name} is no setting and changes nothing; did you mean {meant}?\n")
    for name, now in renamed_settings().items():
        sys.stderr.write(f"{name} changes nothing, because that setting is now {now}; rename the variable.\n")


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
    for line in sentence.split("\n"):
        sys.stderr.write(f"{sanitize(line)}\n")
    sys.exit(EXPECTED)


def _setting(error: ValidationError) -> str:
    """The sentence for a wrong environment variable."""
    first = error.errors()[0]
    name = f"{PREFIX}{'_'.join(map(str, first['loc'])).upper()}"
    return f"{name}={first['input']}: {first['msg'].removeprefix('Value error, ')}; correct or unset that environment variable."


if __name__ == "__main__":
    main()
