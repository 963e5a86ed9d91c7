"""`grid-router access plan|apply|check|rotate`: users, rights and quotas of a city's deployment, compared with the cluster."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from router.broker import access
from router.broker.server import bootstrap
from router.cities.access_file import read_quotas
from router.cities.folder import city_folder, load_city
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Form, Output, json_out, lines_out, say
from router.wire.access_rights import Access, AccessPlan, compare, declared_access
from router.wire.declared_topics import topics_of
from router.wire.errors import InputError
from router.wire.security import EMBEDDED, EMBEDDED_ADMIN, security_for
from router.wire.settings import Settings
from router.wire.topic_names import Names

app = typer.Typer(no_args_is_help=True, help="Plan, apply and check who may read and write which topic.")
Known = Annotated[
    list[str] | None,
    typer.Option("--known", help="A user of no deployment whose rights are left out; may be given several times."),
]
City = Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `puyang`.")]


@app.command()
def plan(city: City, *, known: Known = None, output: Output = "text") -> None:
    """Show what `apply` would change.

    Each network, each department, the router, the gateway, publishers, repairers and operators are users of their own. `+` is
    missing, `-` is not declared and goes with `apply --remove`, `!` is another's right that also covers this deployment.

    Example: grid-router access plan puyang
    """
    _show(_compared(city, Settings(), known), output)


@app.command()
def apply(
    city: City,
    *,
    known: Known = None,
    passwords: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the users' passwords, `USER.password`; those that are missing are made. Default: that of a secured home."
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Also take away what is not declared.")] = False,
    output: Output = "text",
) -> None:
    """Make missing users, and give missing rights; a second call changes nothing. Takes an administrator of the cluster.

    Example: grid-router access apply puyang --passwords /etc/grid-router/passwords
    """
    settings = Settings()
    found = _compared(city, settings, known)
    access.apply(
        bootstrap(settings), found, _folder(passwords, settings, needed=len(found.missing_users)), remove=remove
    )
    _show(found, output)


@app.command()
def check(city: City, *, known: Known = None, output: Output = "text") -> None:
    """Compare and change nothing; exit code 1 when anything differs. An operator may run it.

    Example: grid-router access check puyang -o json
    """
    found = _compared(city, Settings(), known)
    _show(found, output)
    if found.drift:
        raise typer.Exit(CHECK_FAILED)


@app.command()
def rotate(
    city: City,
    *,
    user: Annotated[
        list[str] | None,
        typer.Option(
            help="A user that gets a new password; may be given several times. Default: all of the deployment."
        ),
    ] = None,
    passwords: Annotated[
        Path | None,
        typer.Option(help="Folder of the users' passwords, `USER.password`. Default: that of a secured home."),
    ] = None,
) -> None:
    """Give users new passwords, and write them to their files. Clients take them from there at their next connection, without a restart.

    Takes an administrator of the cluster.

    Example: grid-router access rotate puyang --user router --passwords /etc/grid-router/passwords
    """
    settings = Settings()
    declared, found = _declared(city, settings), access.found(bootstrap(settings), quotas=False)
    there = [one for one in declared.users if one in found.users]
    unknown = next((one for one in user or () if one not in there), None)
    if unknown is not None:
        hint = f"choose some of {', '.join(there)}" if there else f"`grid-router access apply {city}` makes the users"
        raise InputError(f"there is no user {unknown[:60]!r} of this deployment", where="--user", hint=hint)
    chosen = list(dict.fromkeys(user or there))
    access.rotate(bootstrap(settings), chosen, _folder(passwords, settings, needed=len(chosen)))
    say(f"{len(chosen)} users have new passwords. Their clients take them at the next connection.")


def _declared(name: str, settings: Settings) -> Access:
    city, quotas = load_city(name, settings.cities), read_quotas(city_folder(name, settings.cities))
    topics = topics_of(city, settings)
    return declared_access(Names(settings.namespace), topics, city.codes, city.catalogue.departments, quotas)


def _compared(name: str, settings: Settings, known: list[str] | None = None) -> AccessPlan:
    names, declared = Names(settings.namespace), _declared(name, settings)
    found = access.found(bootstrap(settings), quotas=declared.quotas is not None)
    return compare(declared, found, names, known={EMBEDDED_ADMIN, *(known or ())})


def _folder(given: Path | None, settings: Settings, *, needed: int) -> Path:
    """Where the passwords are. Raises InputError when some are needed and no folder is known."""
    if given is not None:
        return given
    address = bootstrap(settings)
    secured = settings.home.absolute() / EMBEDDED
    if security_for(address).ca == secured / "ca.pem":
        return secured / "users"
    if needed:
        raise InputError(
            f"{needed} users get a password, and there is no folder for their passwords",
            where=address,
            hint="name one with --passwords",
        )
    return secured / "users"


def _show(found: AccessPlan, output: Form) -> None:
    if output == "json":
        json_out(msgspec.to_builtins(found))
        return
    lines_out(
        *(f"+ user {user}" for user in found.missing_users),
        *(f"- user {user}" for user in found.undeclared_users),
        *(f"+ {right}" for right in found.missing),
        *(f"- {right}" for right in found.undeclared),
        *(f"! {right}" for right in found.wider),
        *(f"+ {quota}" for quota in found.missing_quotas),
        *(f"- {quota}" for quota in found.undeclared_quotas),
    )
    say(f"{found.differences} differences, {found.unchanged} rights as declared.")
