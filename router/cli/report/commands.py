"""`grid-router report check|send`: says before sending what the router would do with reports, and sends them."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import to_builtins

from router.cities.folder import load_city
from router.cli.exit_codes import CHECK_FAILED
from router.cli.report.checking import Charset, Checked, checked, headers_of, network_of, records_of
from router.cli.report.sending import send_reports
from router.cli.text.output import Output, json_out, lines_out, say
from router.domain.rules.city import City
from router.wire.errors import InputError
from router.wire.settings import Settings
from router.wire.topic_names import Names

app = typer.Typer(no_args_is_help=True, help="Check reports before they are sent, and send them.")
File = Annotated[Path, typer.Argument(help="One JSON object, or JSON lines with a record each; at most 64 MiB.")]
CityName = Annotated[str, typer.Option("--city", help="Whose code tables, cells and duties apply, e.g. `puyang`.")]
NetworkName = Annotated[
    str | None,
    typer.Option("--network", help="Network that sends it; default: from the file's name, as in `policing.jsonl`."),
]


@app.command()
def check(
    file: File,
    *,
    city: CityName,
    network: NetworkName = None,
    charset: Annotated[Charset, typer.Option(help="Charset that the record's header will declare.")] = "UTF-8",
    output: Output = "text",
) -> None:
    """Say for each record whether the router would accept it: matter, cell and department, or the reason and what to send instead.

    The records count as received now with the report's id as their key, in the order of the file, by the rules of the
    city's folder. What the router has received before is unknown here. Exit code 1 when one would be rejected.

    Example: grid-router report check schemas/samples/reports/policing.json --city puyang
    """
    name = network_of(file, network)
    rules = rules_for(city, name)
    counts = dict.fromkeys(("accepted", "updated", "redelivered", "rejected"), 0)
    for one in checked(name, records_of(file), headers_of(charset), rules):
        counts[one.outcome] += 1
        if output == "json":
            json_out(to_builtins(one))
        else:
            lines_out(line_of(one))
    said = ", ".join(f"{number:,} {outcome}" for outcome, number in counts.items() if number)
    say(f"{file}: {said or 'no record'}; rule set {rules.rule_set} of {city}, nothing was sent.")
    if counts["rejected"]:
        raise typer.Exit(CHECK_FAILED)


@app.command()
def send(
    file: File,
    *,
    city: CityName,
    network: NetworkName = None,
    charset: Annotated[Charset, typer.Option(help="Charset of the file; the record's header declares it.")] = "UTF-8",
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Send also what the router would reject.")] = False,
    output: Output = "text",
) -> None:
    """Check reports and send them to `reports.<network>`, each under its id. Print how many Kafka has stored.

    If one would be rejected, nothing is sent, and the exit code is 1. To send a file again is harmless for 30 days: equal content is
    only counted.

    Example: grid-router report send schemas/samples/reports/policing.json --city puyang
    """
    name = network_of(file, network)
    rules, records, headers = rules_for(city, name), records_of(file), headers_of(charset)
    rejected = [] if unchecked else [one for one in checked(name, records, headers, rules) if one.outcome == "rejected"]
    for one in rejected:
        if output == "json":
            json_out(to_builtins(one))
        else:
            lines_out(line_of(one))
    if rejected:
        say(f"{file}: {len(rejected):,} of {len(records):,} would be rejected, nothing was sent.")
        raise typer.Exit(CHECK_FAILED)
    for sent in send_reports(name, records, headers):
        if output == "json":
            json_out(to_builtins(sent))
    say(f"{file}: {len(records):,} stored on {Names(Settings().namespace).reports(name)}.")


def rules_for(city: str, network: str) -> City:
    """The rules of a city that has a network. Raises CityError, InputError."""
    rules = load_city(city, Settings().cities)
    if network not in rules.codes:
        hint = f"choose one of {', '.join(sorted(rules.codes))}, or add codes/{network}.csv"
        raise InputError(f"the city {city} does not have the network {network}", where="--network", hint=hint)
    return rules


def line_of(one: Checked) -> str:
    """A line of text about one record."""
    head = f"{one.record}  {one.id or '-'}  {one.outcome}"
    if one.code is not None:
        return f"{head}  {one.code}: {one.reason}"
    if one.matter is None:
        return f"{head}  same as an earlier record of the file"
    return f"{head}  {one.matter}  {one.cell}  {one.lead}{f'  doubt: {one.doubt}' if one.doubt else ''}"
