"""`grid-router dead-letters repair`."""

from pathlib import Path
from typing import Annotated

import typer

from router.broker.server import bootstrap
from router.cities.folder import load_city
from router.cli.dead_letters.options import (
    Actor,
    Again,
    Force,
    Ids,
    Key,
    OfNetwork,
    Reason,
    ReportId,
    Since,
    Until,
    Why,
    attribution_of,
    force_of,
    required,
    selection_of,
)
from router.cli.dead_letters.outcomes import OutcomePrinter
from router.cli.text.output import Output
from router.dead_letters import repair as service
from router.dead_letters.patching import Patch, parse_patch
from router.wire.errors import InputError
from router.wire.settings import Settings
from router.wire.topic_names import Names

_EXAMPLE = """write operations like [{"op":"replace","path":"/bjlxdm","value":"1204"}] (RFC 6902), or @FILE"""


def repair(
    ids: Ids = None,
    *,
    city: Annotated[str, typer.Option(help="Whose rules the new value must satisfy, e.g. `los-angeles`.")],
    actor: Actor,
    why: Why,
    patch: Annotated[str | None, typer.Option(help="RFC 6902 operations as JSON, or @FILE with them.")] = None,
    value: Annotated[
        Path | None, typer.Option(help="File with the whole new value, for one dead letter that is not JSON.")
    ] = None,
    reason: Reason = None,
    network: OfNetwork = None,
    key: Key = None,
    report_id: ReportId = None,
    since: Since = None,
    until: Until = None,
    force: Force = False,
    again: Again = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and keep nothing.")] = False,
    output: Output = "text",
) -> None:
    """Give rejected records a new value, by a JSON patch or whole from a file; then `redrive` sends it.

    The city's rules check each new value first. What they would reject again is named and not kept, and the exit code
    is 1. The rejected record stays as it is. Who changed what, when and why is kept beside it.

    Example: grid-router dead-letters repair --reason unknown-code --network policing --city los-angeles
    --patch '[{"op":"replace","path":"/bjlxdm","value":"1204"}]' --actor li.wei --why "code of the old table"
    """
    selection = required(selection_of(ids, reason, network, since, until, key=key, report_id=report_id))
    new = _new_value(patch, value, len(selection.ids))
    attribution = attribution_of(actor, why)
    settings = Settings()
    options = service.RepairOptions(
        selection=selection,
        new=new,
        attribution=attribution,
        city=load_city(city, settings.cities),
        force=force_of(force=force, again=again),
        dry_run=dry_run,
    )
    printer = OutcomePrinter("sound" if dry_run else "repaired", output)
    service.repair(bootstrap(settings), Names(settings.namespace), options, printer.print)
    printer.summary("would still be rejected" + (" (nothing was kept: --dry-run)" if dry_run else ""))


def _new_value(patch: str | None, file: Path | None, ids: int) -> Patch | bytes:
    if (patch is None) == (file is None):
        raise InputError("either a patch or a value is needed", hint="give --patch JSON, --patch @FILE or --value FILE")
    if patch is not None:
        return patch_of(patch)
    if ids != 1:
        raise InputError("one value cannot be that of several records", where="--value", hint="give it with one id")
    try:
        return Path(file or "").read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(file), hint="name a readable file") from None


def patch_of(text: str) -> Patch:
    """The patch that `--patch` names, as JSON or as `@FILE`. Raises InputError."""
    try:
        patch = parse_patch(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=text[1:], hint="name a file of operations"
        ) from None
    except UnicodeDecodeError:
        raise InputError("this is not a JSON patch", where="--patch", hint=_EXAMPLE) from None
    except ValueError as error:
        raise InputError(f"this is {error}", where="--patch", hint=_EXAMPLE) from None
    if not patch:
        raise InputError("the patch changes nothing", where="--patch", hint=_EXAMPLE)
    return patch
