"""`grid-router catalogue publish|rule-sets`: publishes the rules of a city and lists what was published."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from router.broker.server import bootstrap
from router.cities.city_reader import read_city, read_tests
from router.cities.folder import city_folder
from router.cities.packing import pack
from router.cli.catalogue.provisional_tasks import moves_deadlines, provisional_tasks
from router.cli.exit_codes import CHECK_FAILED
from router.cli.published import read_published
from router.cli.text.output import Output, json_out, lines_out, say, table_out
from router.cli.text.sanitize import sanitize
from router.cli.text.timestamps import instant, stamp
from router.domain.catalogue.checks.rule_tests import RuleTestContext, local, run
from router.domain.rules.city import City
from router.kafka.rejection import unreachable
from router.rule_sets.store import publish as append
from router.stream.preflight import check_topics
from router.wire.declared_topics import declared, topics_of
from router.wire.rule_sets import RuleSetRecord
from router.wire.settings import Settings
from router.wire.topic_names import Names

AHEAD = timedelta(seconds=15)
"""Time until a rule set takes effect. By then every worker must have read it: workers poll each second, and a large city
takes several seconds to load."""
MERGING = (
    "merging.yaml differs from that of the last publication. It is no part of a rule set: copy it to every machine and restart the "
    "workers, if that has not been done."
)
CityArgument = Annotated[str, typer.Argument(help="Name of the city's folder.")]


def publish(
    city: CityArgument,
    *,
    actor: Annotated[str, typer.Option(help="Name of the person who publishes, for the record.")],
    effective_from: Annotated[
        str, typer.Option("--from", help="Start in received time: local time of the city, a time with a zone, or now.")
    ] = "now",
    note: Annotated[str | None, typer.Option(help="Reason, for the record.")] = None,
) -> None:
    """Publish a city's catalogue, code tables and cells to the running workers. Errors and failed tests prevent it.

    Without --from the rule set takes effect in 15 seconds. A change of merging.yaml needs a restart of the workers as well.

    Example: grid-router catalogue publish puyang --actor wang --from 2026-12-01T00:00 --note "winter duties"
    """
    settings = Settings()
    folder = city_folder(city, settings.cities)
    checked = _checked(city, folder)
    address, topic = bootstrap(settings), Names(settings.namespace).rule_sets
    asyncio.run(check_topics(address, topics_of(checked, settings), settings.namespace))
    now = datetime.now(UTC)
    texts = pack(folder)
    before = read_published(address, topic)
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
    if _already_effective(before, record):
        say(f"Rule set {record.version} is in effect then anyway; nothing was published.")
        return
    if before and moves_deadlines(texts, _latest(before).texts):
        number = provisional_tasks(address, Names(settings.namespace))
        say(f"{number:,} running deadlines are provisional; they move by this calendar when it is in effect.")
    try:
        asyncio.run(append(address, topic, record))
    except (KafkaError, OSError) as error:
        raise unreachable(address, error, "the rule set cannot be published") from error
    if _other_merging(before, texts):
        say(MERGING)
    lines_out(f"{record.version} takes effect for reports received from {stamp(record.effective_from or now)} on")


def rule_sets(city: CityArgument, output: Output = "text") -> None:
    """List the published rule sets of a city with version, start, publisher and reason.

    Example: grid-router catalogue rule-sets puyang
    """
    settings = Settings()
    address, names = bootstrap(settings), Names(settings.namespace)
    topics = [one for one in declared(names, networks=(), departments=(), partitions=1) if one.name == names.rule_sets]
    asyncio.run(check_topics(address, topics, settings.namespace))
    records = [one for one in read_published(address, names.rule_sets) if one.city == city]
    rows = [
        (
            one.version,
            stamp(one.effective_from) if one.effective_from else "the beginning",
            stamp(one.published_at),
            one.actor or "",
            one.note or "",
        )
        for one in records
    ]
    keys = ["version", "holds from", "published", "actor", "note"]
    if output == "json":
        for row in rows:
            json_out(dict(zip(keys, row, strict=True)))
    else:
        table_out(["version", "effective from", *keys[2:]], [[sanitize(cell) for cell in row] for row in rows])


def _checked(name: str, folder: Path) -> City:
    """The city, if it has no errors and passes its tests. Otherwise prints the failures and exits with code 1."""
    reading = read_city(name, folder)
    tests, test_findings = read_tests(folder)
    errors = [*reading.errors, *(one for one in test_findings if one.level == "error")]
    for finding in errors:
        say(f"{finding.place}: {finding.level} {finding.code} {finding.message}; {finding.hint}.")
    if errors or reading.city is None or tests is None:
        say(f"{name}: nothing was published, because the city has errors.")
        raise typer.Exit(CHECK_FAILED)
    found = reading.city
    context = RuleTestContext(
        catalogue=found.catalogue, codes=found.codes, cells=found.cells.cells, zone=found.zone, calendar=found.calendar
    )
    test_run = run(*tests, context)
    if not test_run.passed:
        for verdict in test_run.verdicts:
            for failure in verdict.failures:
                say(f"{failure.mark}: {sanitize(verdict.name)}: {sanitize(failure.message)}")
        for duty in test_run.untested:
            say(f"no test reaches the duty {duty}")
        say(f"{name}: nothing was published, because its tests fail; `grid-router catalogue test {name}` shows them.")
        raise typer.Exit(CHECK_FAILED)
    return found


def _latest(records: list[RuleSetRecord]) -> RuleSetRecord:
    """The rule set with the latest start. The later publication wins a tie."""
    dated = [record for record in records if record.effective_from is not None]
    return (
        max(reversed(dated), key=lambda record: record.effective_from or record.published_at) if dated else records[0]
    )


def _already_effective(before: list[RuleSetRecord], record: RuleSetRecord) -> bool:
    """Whether the version would be in effect from that instant on without this publication."""
    effective_from = record.effective_from or record.published_at
    if any(one.effective_from is not None and one.effective_from > effective_from for one in before):
        return False
    return bool(before) and _latest(before).version == record.version


def _other_merging(before: list[RuleSetRecord], texts: dict[str, str]) -> bool:
    """Whether merging.yaml differs from that of the last publication. It is no part of a rule set: workers take their folder's."""
    return bool(before) and _latest(before).texts.get("merging.yaml") != texts.get("merging.yaml")
