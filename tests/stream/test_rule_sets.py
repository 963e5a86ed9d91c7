"""Rules published under load, and corrections, through a real worker and broker."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import orjson
import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner

from router.broker.admin import apply
from router.cities.folder import city_folder, load_city
from router.cli.main import app
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.model.case import Case
from router.domain.model.task import Task
from router.wire.codec import decode_case, decode_task
from router.wire.declared_topics import topics_of
from router.wire.rule_sets import decode_rule_set
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool, environment
from tests.support.cities import shipped
from tests.support.patience import PATIENCE_S
from tests.support.topics import committed

pytestmark = pytest.mark.broker

CITY = "seattle"
BEGUN = datetime(2016, 3, 1, 20, tzinfo=UTC)
SWITCH = BEGUN + timedelta(hours=1)
BEAT = "530332001001"
NORTH = "lead: {department: precinct-north, unit: street}"
DETECTIVES = "lead: detectives"
THEFT = 'expect: {lead: precinct-north, rule: patrol-north, unit: "530332001"'
THEFT_LED = "expect: {lead: detectives, rule: patrol-north"


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    """A folder of cities that a test may edit."""
    copytree(city_folder(CITY), tmp_path / "cities" / CITY)
    return tmp_path / "cities"


@pytest.fixture
def settings(kafka: str, namespace: str, tmp_path: Path, cities: Path) -> Settings:
    return Settings(kafka=kafka, namespace=namespace, home=tmp_path, cities=cities, metrics_port=0, partitions=2)


@pytest.fixture
def pool(settings: Settings) -> Iterator[WorkerPool]:
    apply(str(settings.kafka), topics_of(load_city(CITY, settings.cities), settings), replication=1)
    with WorkerPool(CITY, settings, 1, clock="stream") as running:
        yield running


def alarm(name: str, at: datetime, code: str = "2002", **more: object) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """An alarm that was called in and received at an instant: key, value, headers."""
    wall = at.astimezone(shipped(CITY).zone)
    value = {"jjdbh": name, "bjlbdm": code[:2], "bjlxdm": code, "bjsj": f"{wall:%Y%m%d%H%M%S}", "gxdwdm": BEAT, **more}
    return name.encode(), orjson.dumps(value), [(RECEIVED_AT, at.isoformat().encode())]


def send(settings: Settings, *records: tuple[bytes, bytes, list[tuple[str, bytes]]], network: str = "policing") -> None:
    producer = KafkaProducer(bootstrap_servers=settings.kafka, acks="all")
    for key, value, headers in records:
        producer.send(Names(settings.namespace).reports(network), value, key=key, headers=headers)
    producer.flush()
    producer.close()


def cases_with(settings: Settings, versions: int, pool: WorkerPool) -> dict[str, Case]:
    """The cases by the id of their first report, once they hold that many versions of reports."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        pool.poll()
        records = committed(str(settings.kafka), Names(settings.namespace).cases)
        cases = {case.id: case for case in (decode_case(record.value) for record in records)}
        if sum(report.version for case in cases.values() for report in case.reports) >= versions:
            return {case.reports[0].id.partition(":")[2]: case for case in cases.values()}
        assert time.monotonic() < deadline, f"only {len(cases)} cases"


def tasks_of(settings: Settings, department: str) -> list[Task]:
    records = committed(str(settings.kafka), Names(settings.namespace).tasks(department))
    return [decode_task(record.value) for record in records]


def invoke(settings: Settings, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env=environment(settings))
    return result.exit_code, result.output


def edit(cities: Path, file: str, old: str, new: str) -> None:
    path = cities / CITY / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def lead(case: Case) -> str:
    return next(one.department for one in case.assignments if one.withdrawn_at is None)


def test_a_published_rule_set_decides_reports_received_from_its_instant_on(
    settings: Settings, pool: WorkerPool, cities: Path
) -> None:
    """Thefts go to the North Precinct; in the new rule set the detectives lead them."""
    old = load_city(CITY, cities).rule_set
    send(settings, *(alarm(f"a{n}", BEGUN + timedelta(minutes=n)) for n in range(5)))
    before = cases_with(settings, 5, pool)
    edit(cities, "catalogue/duties.yaml", NORTH, DETECTIVES)
    edit(cities, "tests.yaml", THEFT, THEFT_LED)
    edit(cities, "tests.yaml", "    not: {lead: detectives}\n", "")
    code, said = invoke(settings, "catalogue", "publish", CITY, "--actor", "wang", "--from", SWITCH.isoformat())
    assert code == 0, said
    new = load_city(CITY, cities).rule_set
    _known_to_the_worker(new, pool)
    after = [alarm(f"b{n}", SWITCH + timedelta(minutes=n - 5)) for n in range(10)]
    send(settings, *after)
    cases = before | cases_with(settings, 15, pool)
    assert {cases[f"a{n}"].rule_set for n in range(5)} == {old}
    assert [cases[f"b{n}"].rule_set for n in range(10)] == [old] * 5 + [new] * 5
    assert [lead(cases[f"b{n}"]) for n in range(10)] == ["precinct-north"] * 5 + ["detectives"] * 5
    assert len({case.catalogue for case in cases.values()}) == 2


def _known_to_the_worker(version: str, pool: WorkerPool) -> None:
    """Wait until the worker's log says that it has read the rule set."""
    deadline = time.monotonic() + PATIENCE_S
    while version not in pool.logs[0].read_text("utf-8"):
        assert time.monotonic() < deadline, "the worker does not hear of it"
        time.sleep(0.1)


def test_a_worker_that_starts_later_goes_by_the_topic_and_not_by_its_folder(
    settings: Settings, pool: WorkerPool, cities: Path
) -> None:
    old = load_city(CITY, cities).rule_set
    send(settings, alarm("a", BEGUN))
    cases_with(settings, 1, pool)
    edit(cities, "catalogue/duties.yaml", NORTH, DETECTIVES)
    pool.kill(0)
    send(settings, alarm("b", BEGUN + timedelta(hours=2)))
    cases = cases_with(settings, 2, pool)
    assert {case.rule_set for case in cases.values()} == {old}
    new = load_city(CITY, cities).rule_set
    hint = f"({new}) is not the rule set in effect ({old}), so its changes do nothing; `grid-router catalogue publish {CITY} --actor"
    assert hint in pool.logs[0].read_text("utf-8")


def test_what_fails_lint_or_its_tests_is_not_published(settings: Settings, pool: WorkerPool, cities: Path) -> None:
    send(settings, alarm("a", BEGUN))
    cases_with(settings, 1, pool)
    edit(cities, "catalogue/duties.yaml", NORTH, DETECTIVES)
    code, said = invoke(settings, "catalogue", "publish", CITY, "--actor", "wang")
    assert code == 1
    assert "its tests fail" in said
    edit(cities, "catalogue/duties.yaml", DETECTIVES, "lead: no-such-department")
    code, said = invoke(settings, "catalogue", "publish", CITY, "--actor", "wang")
    assert code == 1
    assert "duties.yaml" in said
    records = committed(str(settings.kafka), Names(settings.namespace).rule_sets)
    assert [decode_rule_set(record.value).effective_from for record in records] == [None]


def test_other_merging_is_published_with_a_reminder_to_restart(
    settings: Settings, pool: WorkerPool, cities: Path
) -> None:
    """It was compared with the last publication, so that after a change and a restart every publication was rejected."""
    send(settings, alarm("a", BEGUN))
    cases_with(settings, 1, pool)
    with (cities / CITY / "merging.yaml").open("a", encoding="utf-8") as file:
        file.write("\n# another\n")
    edit(cities, "catalogue/duties.yaml", NORTH, DETECTIVES)
    edit(cities, "tests.yaml", THEFT, THEFT_LED)
    edit(cities, "tests.yaml", "    not: {lead: detectives}\n", "")
    code, said = invoke(settings, "catalogue", "publish", CITY, "--actor", "w")
    assert (code, "restart the workers" in " ".join(said.split())) == (0, True), said
    _known_to_the_worker(load_city(CITY, cities).rule_set, pool)


def test_a_correction_reaches_its_case_after_a_kill_and_the_same_bytes_again_do_nothing(
    settings: Settings, pool: WorkerPool
) -> None:
    first, found = alarm("a", BEGUN), alarm("a", BEGUN + timedelta(minutes=30), "3003", bjnr="as found")
    send(settings, first)
    cases_with(settings, 1, pool)
    pool.kill(0)
    send(settings, found, first, found, alarm("b", BEGUN + timedelta(hours=9)))
    cases = cases_with(settings, 3, pool)
    assert len(cases) == 2
    (report,) = cases["a"].reports
    assert (report.version, [version.version for version in report.earlier]) == (2, [1])
    assert cases["a"].matter != report.earlier[0].matter
    assert cases["a"].description == "as found"
    assert "became" in cases["a"].reason
    dispatched = [task for task in tasks_of(settings, lead(cases["a"])) if task.case == cases["a"].id]
    assert {task.matter for task in dispatched if task.state != "withdrawn"} >= {cases["a"].matter}


def test_published_before_any_worker_ran_the_first_worker_still_founds(settings: Settings, cities: Path) -> None:
    """Else every worker would take its own folder for the beginning, and know nothing of the others'."""
    apply(str(settings.kafka), topics_of(load_city(CITY, cities), settings), replication=1)
    code, said = invoke(settings, "catalogue", "publish", CITY, "--actor", "wang", "--from", "2030-01-01T00:00")
    assert code == 0, said
    old = load_city(CITY, cities).rule_set
    send(settings, alarm("a", BEGUN))
    with WorkerPool(CITY, settings, 1, clock="stream") as first:
        cases_with(settings, 1, first)
    edit(cities, "catalogue/duties.yaml", NORTH, DETECTIVES)
    send(settings, alarm("b", BEGUN + timedelta(hours=3)))
    with WorkerPool(CITY, settings, 1, clock="stream") as second:
        cases = cases_with(settings, 2, second)
    assert {case.rule_set for case in cases.values()} == {old}
    records = committed(str(settings.kafka), Names(settings.namespace).rule_sets)
    assert sorted(decode_rule_set(record.value).effective_from is None for record in records) == [False, True]


def test_a_network_of_a_later_rule_set_is_heard_after_a_restart(
    settings: Settings, pool: WorkerPool, cities: Path
) -> None:
    """The app had the networks of the first rule set for ever, and reports of others were in no case and no dead letter."""
    send(settings, alarm("a", BEGUN))
    cases_with(settings, 1, pool)
    (cities / CITY / "codes" / "governance.csv").write_text(
        "code,version,matter,name\n0101,,robbery,robbery\n", "utf-8"
    )
    apply(str(settings.kafka), topics_of(load_city(CITY, cities), settings), replication=1)
    cell = next(code for code in load_city(CITY, cities).cells.cells if code.startswith(BEAT))
    early, late = (governance(f"E{n}", BEGUN + timedelta(hours=9 * n), cell) for n in (1, 2))
    send(settings, early, network="governance")
    code, said = invoke(settings, "catalogue", "publish", CITY, "--actor", "w", "--from", SWITCH.isoformat())
    assert code == 0, said
    _known_to_the_worker(load_city(CITY, cities).rule_set, pool)
    pool.kill(0)
    send(settings, late, network="governance")
    cases = cases_with(settings, 3, pool)
    assert cases.keys() == {"a", "E1", "E2"}
    assert {cases[name].rule_set for name in ("E1", "E2")} == {load_city(CITY, cities).rule_set}


def governance(name: str, at: datetime, cell: str) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """A report of the governance network at an instant: key, value, headers."""
    wall = at.astimezone(shipped(CITY).zone)
    value = {"event_no": name, "event_type": "0101", "report_time": f"{wall:%Y%m%d%H%M%S}", "grid_code": cell}
    return name.encode(), orjson.dumps(value), [(RECEIVED_AT, at.isoformat().encode())]
