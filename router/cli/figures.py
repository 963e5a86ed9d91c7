"""`grid-router figures returns|coverage`: which duties bounce, from `grid.transitions`, and which cells have a full team."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer
from msgspec import to_builtins

from router.broker.server import bootstrap
from router.cities.city_reader import display_path, read_city
from router.cities.folder import city_folder
from router.cli.text.output import Output, json_out, say, table_out
from router.cli.text.timestamps import instant
from router.domain.catalogue.teams import COLUMNS as TEAM_COLUMNS
from router.domain.catalogue.teams import TEAMS
from router.domain.cells.csv_tables import Cell
from router.domain.figures.coverage import TeamCoverage, figures_of_teams
from router.domain.figures.returns import ReturnFigures, figures_of_returns
from router.domain.model.transition import Transition
from router.kafka.blocking import open_consumer
from router.kafka.topic_lookup import find_topic
from router.kafka.topic_reader import bounds_since, read_range
from router.wire.codec import UNREADABLE, decode_transition
from router.wire.errors import CityError
from router.wire.settings import Settings
from router.wire.topic_names import Names

app = typer.Typer(no_args_is_help=True, help="Figures about the lives of tasks and about cells.")
COLUMNS = ("duty", "returned by", "went to", "returns", "cases", "hours", "median", "longest")


@app.command()
def returns(
    *,
    since: Annotated[
        str,
        typer.Option("--from", help="Returns from then on: -30d, -2d, beginning, or a time with a zone (RFC 3339)."),
    ] = "beginning",
    until: Annotated[str, typer.Option("--to", help="Returns before then, in the same forms.")] = "now",
    output: Output = "text",
) -> None:
    """List which duties bounce, between which departments, how often, and for how many hours the case lay with them.

    Example: grid-router figures returns --from -30d
    """
    now = datetime.now(UTC)
    begin, end = instant(since, now, option="--from"), instant(until, now, option="--to")
    settings = Settings()
    with open_consumer(bootstrap(settings)) as consumer:
        topic = find_topic(consumer, Names(settings.namespace).transitions, Names(settings.namespace))
        records = read_range(consumer, bounds_since(consumer, topic))
        rows = figures_of_returns(_transitions(records), begin, end)
    if output == "json":
        json_out(to_builtins(rows))
    else:
        _print(rows)


def _transitions(records: Iterable[Any]) -> Iterator[Transition]:
    """The transitions of records. What another program wrote there is left out, and counted on stderr."""
    unreadable = 0
    for record in records:
        try:
            yield decode_transition(record.value or b"")
        except UNREADABLE:
            unreadable += 1
    if unreadable:
        say(f"{unreadable} records are no transitions, and are left out.")


def _print(rows: Sequence[ReturnFigures]) -> None:
    if not rows:
        say("No department has returned a task in this time.")
        return
    table_out(
        COLUMNS,
        [
            [
                *(one.duty, one.returned_by, one.went_to, str(one.returns), str(one.cases)),
                *(f"{hours:.1f}" for hours in (one.hours, one.median_hours, one.longest_hours)),
            ]
            for one in rows
        ],
    )
    say(f"{sum(one.returns for one in rows)} returns cost {sum(one.hours for one in rows):.1f} hours.")


@app.command()
def coverage(
    city: Annotated[str, typer.Argument(metavar="CITY", help="Name of the city.")],
    *,
    output: Output = "text",
) -> None:
    """Show how many of today's cells have a full team: a department for each role of catalogue/teams.csv. Lists those that lack one.

    Example: grid-router figures coverage puyang
    """
    found = _coverage(city)
    if output == "json":
        json_out({"city": city, "rate": found.rate} | to_builtins(found))
    else:
        _print_coverage(found)


def _coverage(name: str) -> TeamCoverage:
    """The coverage of a city's cells today. Raises CityError if its folder has an error, or no teams."""
    root = Settings().cities
    folder = city_folder(name, root)
    reading = read_city(name, folder)
    if reading.city is None:
        first = reading.errors[0]
        raise CityError(f"{first.code} {first.message}", where=first.place, hint=first.hint)
    if reading.teams is None:
        raise CityError(
            "the city has no teams",
            where=display_path(folder / "catalogue" / TEAMS),
            hint=f"write a row for each area and role: {','.join(TEAM_COLUMNS)}",
        )
    today = datetime.now(reading.city.zone).date()
    return figures_of_teams(
        reading.teams, [one.code for one in reading.city.cells.cells.values() if _exists(one, today)]
    )


def _exists(cell: Cell, day: date) -> bool:
    return (cell.valid_from is None or cell.valid_from <= day) and (cell.valid_until is None or day < cell.valid_until)


def _print_coverage(found: TeamCoverage) -> None:
    if found.lacking:
        rows = [[one.area, str(one.cells), ", ".join(one.roles)] for one in found.lacking]
        table_out(("area", "cells", "lack"), rows)
    for one in found.roles:
        say(f"{one.role}: {one.cells:,} of {found.cells:,} cells.")
    say(f"{found.full:,} of {found.cells:,} cells have a full team: {_percent(found)} %.")


def _percent(found: TeamCoverage) -> str:
    """The percentage; only a full cover becomes 100."""
    return "100" if found.full == found.cells > 0 else f"{min(100 * found.rate, 99.99):.2f}"
