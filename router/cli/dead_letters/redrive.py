"""`grid-router dead-letters redrive`."""

from typing import Annotated

import typer

from router.broker.server import bootstrap
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
from router.dead_letters import redrive as service
from router.dead_letters.selection import Selection
from router.wire.errors import InputError
from router.wire.settings import Settings
from router.wire.topic_names import Names


def redrive(
    ids: Ids = None,
    *,
    actor: Actor,
    why: Why,
    reason: Reason = None,
    network: OfNetwork = None,
    key: Key = None,
    report_id: ReportId = None,
    since: Since = None,
    until: Until = None,
    all_: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    force: Force = False,
    again: Again = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Redrive at most this many.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would go where, and send nothing.")] = False,
    output: Output = "text",
) -> None:
    """Send rejected records to their own topic and partition again, with the repaired value if there is one.

    The router processes them like any record, so one that is in a case already is a counted no-op. The record and its
    history are sent in one transaction. A dead letter that was redriven before is skipped. A `too-late` report opens a case,
    if the router no longer remembers its id; look into grid.archive first. Exit code 1 when some could not be sent.

    Example: grid-router dead-letters redrive --reason unknown-code --from -2d --actor li.wei --why "table corrected"
    """
    selection = selection_of(ids, reason, network, since, until, key=key, report_id=report_id)
    if all_ and selection != Selection():
        raise InputError("--all is given, and conditions too", hint="give --all alone, or the conditions alone")
    settings = Settings()
    options = service.RedriveOptions(
        selection=selection if all_ else required(selection, otherwise=", or --all"),
        attribution=attribution_of(actor, why),
        force=force_of(force=force, again=again),
        limit=limit,
        dry_run=dry_run,
    )
    printer = OutcomePrinter("to-drive" if dry_run else "redriven", output, all_=dry_run)
    service.redrive(bootstrap(settings), Names(settings.namespace), options, printer.print)
    printer.summary("could not be redriven")
