"""`grid-router catalogue publish|rule sets`: change the rules of a running router, and see which hold when."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from router.broker.server import bootstrap
from router.cities.archive import pack
from router.cities.city_reader import read_city, read_tests
from router.cities.folder import city_folder
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.output import Output, json_out, table_out, talk
from router.cli.text.sanitize import plain
from router.cli.text.timestamps import instant, stamp
from router.domain.catalogue.checks.rule_tests import RuleTestContext, local, run
from router.domain.rules.city import City
from router.stream.preflight import check_topics
from router.stream.rule_sets.store import RuleSetStore
from router.stream.rule_sets.store import publish as append
from router.wire.errors import START_KAFKA, BrokerError, InputError
from router.wire.rule_sets import RuleSetRecord
from router.wire.settings import Settings
from router.wire.topics import Names, topics_of

AHEAD = timedelta(seconds=15)
"""Every worker must have read a rule set before it holds: they look every second, and a large city takes some to read."""
CityArgument = Annotated[str, typer.Argument(help="Name of the city's folder.")]


def publish(
    city: CityArgument,
    *,
    actor: Annotated[str, typer.Option(help="Who publishes, for the record.")],
    effective_from: Annotated[
        str, typer.Option("--from", help="From which received time it holds: city time, a time with its zone, or now.")
    ] = "now",
    note: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
) -> None:
    """Publish a city's catalogue, code tables and cells to the running workers; rejected when lint or its tests fail.

    Without --from it holds in 15 seconds. merging.yaml is not part of it: that changes with a restart of the workers.

    Example: grid-router catalogue publish puyang --actor wang --from 2026-12-01T00:00 --note "winter duties"
    """
    settings = Settings()
    folder = city_folder(city, settings.cities)
    checked = _checked(city, folder)
    address, topic = bootstrap(settings), Names(settings.namespace).rule_sets
    asyncio.run(check_topics(address, topics_of(checked, settings), settings.namespace))
    now = datetime.now(UTC)
    texts = pack(folder)
    before = _published(address, topic)
    _same_merging(before, texts)
    record = RuleSetRecord(
        version=checked.rule_set,
        city=city,
        published_at=now,
        effective_from=now + AHEAD
        if effective_from == "now"
        else local(effective_from, checked.zone) or instant(effective_from, now, option="--from"),
        actor=actor,
        note=note,
        texts=texts,
    )
    if _holds(before, record):
        talk(f"Rule set {record.version} holds then in any case; nothing was published.")
        return
    try:
        asyncio.run(append(address, topic, record))
    except (KafkaError, OSError) as error:
        raise BrokerError(
            f"it cannot be published ({type(error).__name__})", where=address, hint=START_KAFKA
        ) from error
    typer.echo(f"{record.version} holds for reports received from {stamp(record.effective_from or now)} on")


def rule_sets(city: CityArgument, output: Output = "text") -> None:
    """List what was published for a city: version, from when it holds, by whom and why.

    Example: grid-router catalogue rule-sets puyang
    """
    settings = Settings()
    records = [r for r in _published(bootstrap(settings), Names(settings.namespace).rule_sets) if r.city == city]
    rows = [
        (
            r.version,
            stamp(r.effective_from) if r.effective_from else "the beginning",
            stamp(r.published_at),
            r.actor or "",
            r.note or "",
        )
        for r in records
    ]
    heads = ["version", "holds from", "published", "actor", "note"]
    if output == "json":
        for row in rows:
            json_out(dict(zip(heads, row, strict=True)))
    else:
        table_out(heads, [[plain(cell) for cell in row] for row in rows])


def _checked(name: str, folder: Path) -> City:
    """The city, free of errors and with its tests passed; what fails is told and ends the command."""
    reading = read_city(name, folder)
    tests, wrong = read_tests(folder)
    errors = [*reading.errors, *(one for one in wrong if one.level == "error")]
    for finding in errors:
        typer.echo(f"{finding.place}: {finding.level} {finding.code} {finding.message}; {finding.hint}.", err=True)
    if errors or reading.city is None or tests is None:
        talk(f"{name}: nothing was published, because lint finds errors.")
        raise typer.Exit(CHECK_FAILED)
    found = reading.city
    ground = RuleTestContext(catalogue=found.catalogue, codes=found.codes, cells=found.cells.cells, zone=found.zone)
    trial = run(*tests, ground)
    if not trial.passed:
        for verdict in trial.verdicts:
            for failure in verdict.failures:
                typer.echo(f"{failure.mark}: {plain(verdict.name)}: {plain(failure.message)}", err=True)
        for duty in trial.untested:
            typer.echo(f"no test reaches the duty {duty}", err=True)
        talk(f"{name}: nothing was published, because its tests fail; `grid-router catalogue test {name}` shows them.")
        raise typer.Exit(CHECK_FAILED)
    return found


def _published(address: str, topic: str) -> list[RuleSetRecord]:
    async def read() -> list[RuleSetRecord]:
        store = RuleSetStore(address, topic)
        try:
            return await store.read()
        finally:
            await store.close()

    try:
        return asyncio.run(read())
    except (KafkaError, OSError) as error:
        what = f"the rule sets cannot be read ({type(error).__name__})"
        raise BrokerError(what, where=f"{address}, {topic}", hint=START_KAFKA) from error


def _last(records: list[RuleSetRecord]) -> RuleSetRecord:
    """The rule set that holds last; of equal instants the later published."""
    dated = [record for record in records if record.effective_from is not None]
    return (
        max(reversed(dated), key=lambda record: record.effective_from or record.published_at) if dated else records[0]
    )


def _holds(before: list[RuleSetRecord], record: RuleSetRecord) -> bool:
    """Whether the same version would hold at that instant, and on from there, without this publication."""
    effective_from = record.effective_from or record.published_at
    if any(one.effective_from is not None and one.effective_from > effective_from for one in before):
        return False
    return bool(before) and _last(before).version == record.version


def _same_merging(before: list[RuleSetRecord], texts: dict[str, str]) -> None:
    if before and _last(before).texts.get("merging.yaml") != texts.get("merging.yaml"):
        raise InputError(
            "it differs from that of the rule set that holds, and workers index their state by it",
            where="merging.yaml",
            hint="restore it and publish the rest; change merging.yaml with a restart of the workers",
        )
