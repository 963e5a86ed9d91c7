"""`grid-router tokens`: tokens of apps for the gateway, and the key of receipts."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from router.cli.text.output import Output, json_out, lines_out, say, table_out
from router.domain.networks.registry import NETWORKS
from router.gateway.grants import EVERY, write_scope
from router.gateway.receipt_keys import make_receipt_keys
from router.gateway.token_file import add_token, read_token_file
from router.wire.errors import InputError
from router.wire.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make and list the tokens of apps for the gateway.")
TokenFile = Annotated[
    Path | None, typer.Option(help="File of token hashes; default: GRID_ROUTER_GATEWAY_TOKENS.", show_default=False)
]


@app.callback()
def group() -> None:
    """Make and list the tokens of apps for the gateway."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the app, e.g. `inspector-app`; the access log has it.")],
    *,
    network: Annotated[
        list[str] | None,
        typer.Option(help="Network whose reports the app may send, or `*` for all; repeat it for several."),
    ] = None,
    area: Annotated[
        list[str] | None,
        typer.Option(
            help="First 2 to 15 digits of the cells that it may report in and whose tasks it sees; repeat it for several."
        ),
    ] = None,
    department: Annotated[
        list[str] | None,
        typer.Option(help="Department whose tasks the app may read and answer, or `*` for all; repeat it for several."),
    ] = None,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="The token may read `/metrics`, as Prometheus does.")
    ] = False,
    file: TokenFile = None,
) -> None:
    """Make a token and print it on stdout. The file gets its hash alone, so it cannot be printed again.

    Example: grid-router tokens add inspector-app --network urban-management --area 410902 --file tokens
    """
    unknown = next((one for one in network or [] if one != EVERY and one not in NETWORKS), None)
    if unknown is not None:
        hint = f"choose `*`, or some of {', '.join(NETWORKS)}"
        raise InputError(f"there is no network {unknown[:60]!r}", where="--network", hint=hint)
    path = _file(file)
    token = add_token(path, name, write_scope(network or [], area or [], department or [], metrics=metrics))
    lines_out(token)
    say(
        f"Only its hash is in {path}. Give the token to the app; a gateway that runs with this file knows it within a second."
    )


@app.command(name="list")
def list_(*, file: TokenFile = None, output: Output = "text") -> None:
    """List the names and scopes of a file's tokens. To withdraw a token, remove its line.

    Example: grid-router tokens list --file tokens
    """
    rows = [
        (one.holder, write_scope(sorted(one.networks), one.areas, sorted(one.departments), metrics=one.metrics))
        for one in read_token_file(_file(file)).grants
    ]
    if output == "json":
        json_out([msgspec.to_builtins({"name": name, "scope": scope}) for name, scope in rows])
    else:
        table_out(("name", "scope"), rows)


@app.command(name="receipt-keys")
def receipt_keys(
    file: Annotated[Path, typer.Argument(help="Where to write it; every gateway needs the same file.")],
) -> None:
    """Make a file with the key of receipts, for GRID_ROUTER_GATEWAY_RECEIPT_KEYS. Back it up: without it no receipt can be read.

    Example: grid-router tokens receipt-keys /etc/grid-router/receipt-keys
    """
    make_receipt_keys(file)
    say(f"Wrote {file}. Give it to every gateway, and keep a copy with your backups.")


def _file(named: Path | None) -> Path:
    file = named or Settings().gateway_tokens
    if file is None:
        raise InputError("no file is named", where="--file", hint="name it, or set GRID_ROUTER_GATEWAY_TOKENS")
    return file
