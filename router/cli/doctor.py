"""`grid-router doctor`: check what the router needs, and print a hint for each failure."""

from typing import Annotated

import msgspec
import typer

from router.cli.checks.examine import examine
from router.cli.checks.outcome import Check
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Output, json_out, say, styled_out
from router.wire.settings import Settings

City = Annotated[
    str | None, typer.Argument(metavar="[CITY]", help="Name of a city; default: the one that is deployed.")
]
MARKS = {"ok": ("ok", "green"), "failed": ("FAILED", "bold red"), "skipped": ("skipped", "yellow")}


def doctor(city: City = None, *, output: Output = "text") -> None:
    """Check Python, Java, ports, broker, topics, durability, schemas, rules, clock, disk and privacy; exit code 1 when one fails.

    Without a name, it checks the city that is deployed in the namespace, and no other folder.

    Example: grid-router doctor los-angeles -o json
    """
    settings = Settings()
    checks = []
    for check in examine(settings, city):
        checks.append(check)
        if output == "text":
            _show(check)
    failed = sum(check.state == "failed" for check in checks)
    if output == "json":
        json_out({"healthy": not failed, "checks": msgspec.to_builtins(checks)})
    else:
        skipped = sum(check.state == "skipped" for check in checks)
        say(f"{len(checks)} checks: {failed} failed, {skipped} skipped.")
    if failed:
        raise typer.Exit(CHECK_FAILED)


def _show(check: Check) -> None:
    mark, style = MARKS[check.state]
    styled_out((f"{mark:8}", style), (f"{check.name:22}", "bold"), (check.found, ""))
    if check.hint:
        styled_out((f"{'':8}hint: {check.hint}", ""))
