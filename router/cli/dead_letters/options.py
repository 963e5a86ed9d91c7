"""Options that the dead-letter commands share, and their checks."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from router.cli.text.output import say
from router.cli.text.sanitize import sanitize
from router.cli.text.timestamps import instant
from router.dead_letters.actions import Attribution
from router.dead_letters.selection import Selection, parse_id
from router.wire.errors import InputError

CONDITIONS = "--reason, --network, --key, --report-id, --from, --to"
LONGEST_ACTOR, LONGEST_WHY = 100, 500

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="TOPIC/PARTITION/OFFSET of rejected records.")]
Reason = Annotated[str | None, typer.Option(help="Only this code, e.g. `not-json`.")]
OfNetwork = Annotated[str | None, typer.Option("--network", help="Only records of this network.")]
Key = Annotated[str | None, typer.Option(help="Only records with this key.")]
ReportId = Annotated[
    str | None, typer.Option("--report-id", help="Only records whose value has this id, the source's own.")
]
Since = Annotated[
    str | None,
    typer.Option("--from", help="Rejected then or later: -1h, -2d, beginning, or a time with its zone."),
]
Until = Annotated[str | None, typer.Option("--to", help="Rejected before this; written like --from.")]
Actor = Annotated[str, typer.Option(help="Who you are; kept in the history of each dead letter.")]
Why = Annotated[str, typer.Option(help="Why you do it: one sentence without personal data; kept too.")]
Force = Annotated[bool, typer.Option("--force", help="Include dead letters that were redriven before.")]
Again = Annotated[bool, typer.Option("--again", hidden=True)]
"""The former name of `--force`."""


def selection_of(
    ids: Sequence[str] | None,
    reason: str | None,
    network: str | None,
    since: str | None,
    until: str | None,
    *,
    key: str | None = None,
    report_id: str | None = None,
) -> Selection:
    """The selection of these options; without any, all dead letters.

    Raises:
        InputError: an id or a time is malformed, or ids are combined with conditions.
    """
    if ids and any(condition is not None for condition in (reason, network, since, until, key, report_id)):
        raise InputError("ids are given, and conditions too", hint=f"give ids alone, or {CONDITIONS} alone")
    for id_ in ids or ():
        parse_id(id_)
    now = datetime.now(UTC)
    return Selection(
        ids=tuple(dict.fromkeys(ids or ())),
        reason=reason,
        network=network,
        key=key,
        report_id=report_id,
        since=None if since is None else instant(since, now, option="--from"),
        until=None if until is None else instant(until, now, option="--to"),
    )


def required(selection: Selection, *, otherwise: str = "") -> Selection:
    """The selection, if it has a condition.

    Args:
        selection: of `selection_of`.
        otherwise: ends the hint, e.g. with an option that selects all dead letters.

    Raises:
        InputError: it has no condition.
    """
    if selection == Selection():
        raise InputError("no dead letters are named", hint=f"give ids, or some of {CONDITIONS}{otherwise}")
    return selection


def attribution_of(actor: str, why: str) -> Attribution:
    """Who acts and why, as of now. Raises InputError when a text is empty, too long or not printable on one line."""
    for option, text, longest in (("--actor", actor, LONGEST_ACTOR), ("--why", why, LONGEST_WHY)):
        if not text.strip() or len(text) > longest or sanitize(text) != text:
            raise InputError(
                f"needs 1 to {longest} printable characters on one line", where=option, hint="say it in a few words"
            )
    return Attribution(actor.strip(), why.strip(), datetime.now(UTC))


def force_of(*, force: bool, again: bool) -> bool:
    """Whether `--force` is given, by its present or its former name."""
    if again:
        say("`--again` is now `--force`; the old name works until 0.3.")
    return force or again
