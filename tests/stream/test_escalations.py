"""Escalations and a published calendar under one running worker that is killed: each step once in log order, each deadline moves once."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from typer.testing import CliRunner

from router.broker.admin import apply
from router.cities.folder import city_folder, load_city
from router.cli.main import app
from router.domain.fold import fold
from router.domain.lifecycle.journal import broken_at
from router.domain.model.case import Case
from router.domain.model.outcome import EscalationSent
from router.domain.model.transition import Transition
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.wire.codec import decode_case, decode_event, decode_transition, encode_escalation
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool, environment
from tests.stream.test_rule_sets import alarm, edit, send
from tests.support.patience import PATIENCE_S
from tests.support.topics import committed

pytestmark = pytest.mark.broker

CITY = "seattle"
BEGUN = datetime(2025, 12, 29, 18, tzinfo=UTC)
"""10:00 in Seattle on a Monday. The tenth working day after it is 12 January 2026 by the weekly pattern, and the 13th with New Year's Day free."""
HOUR = timedelta(hours=1)
THEFTS, TRESPASSES = 6, 10
LADDERS = """\
authorities:
  town: {name: {en: Precinct}, digits: 9}
  city: {name: {en: City}, digits: 0}
ladders:
  usual: {remind: [1h], rungs: [{to: town, after: 0h}, {to: city, after: 2h}]}
default: {lead: usual}
"""


class Scene:
    """A worker of a city that knows only the calendar of 2025, and what its topics have. Its time is that of the reports."""

    def __init__(self, settings: Settings, pool: WorkerPool, cities: Path) -> None:
        self.settings, self.pool, self.cities, self.names = settings, pool, cities, Names(settings.namespace)
        self.first = load_city(CITY, cities)
        self.passed = 0

    def pass_time(self, hours: float) -> None:
        """Send a report that was received so long after the beginning."""
        self.passed += 1
        send(self.settings, alarm(f"p{self.passed}", BEGUN + hours * HOUR, "3003"))

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self.pool.poll()
            assert time.monotonic() < deadline, self.pool.logs[0].read_text()[-3000:]
            time.sleep(0.1)

    def records(self, topic: str) -> list[Any]:
        return committed(str(self.settings.kafka), topic)

    def cases(self) -> dict[str, Case]:
        """The cases by the id of their first report."""
        cases = [decode_case(one.value) for one in self.records(self.names.cases) if one.value is not None]
        return {case.reports[0].id.partition(":")[2]: case for case in cases}

    def moves(self) -> list[Transition]:
        """Deadlines that have moved by a calendar."""
        found = [decode_transition(one.value) for one in self.records(self.names.transitions)]
        return [one for one in found if one.cause == "calendar"]


@pytest.fixture(scope="module")
def scene(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("escalations")
    cities = home / "cities"
    copytree(city_folder(CITY), cities / CITY)
    for year in ("2026", "2027"):
        (cities / CITY / "calendar" / f"{year}.yaml").unlink()
    (cities / CITY / "catalogue" / "escalations.yaml").write_text(LADDERS, "utf-8")
    for file in ("catalogue/standards.yaml", "tests.yaml"):
        edit(cities, file, "limit: 7d", "limit: 10wd")
    settings = Settings(kafka=kafka, namespace=f"{home.name}.", home=home, cities=cities, metrics_port=0, partitions=1)
    apply(kafka, topics_of(load_city(CITY, cities), settings), replication=1)
    with WorkerPool(CITY, settings, 1, clock="stream") as pool:
        yield Scene(settings, pool, cities)


def test_each_step_is_sent_once_in_the_order_of_the_log(scene: Scene) -> None:
    """As a fold of the same log sends them, although the worker is killed between two steps. No case is written for a step."""
    send(scene.settings, *[alarm(f"t{n}", BEGUN + n * HOUR / 60, "2002") for n in range(THEFTS)])
    send(scene.settings, *[alarm(f"e{n}", BEGUN + n * HOUR / 60, "3003") for n in range(TRESPASSES)])
    scene.until(lambda: len(scene.cases()) == THEFTS + TRESPASSES)
    mine = {case.assignments[0].task for name, case in scene.cases().items() if name.startswith("e")}

    def steps() -> int:
        return sum(key.partition("/")[0] in mine for key, _ in sent(scene))

    scene.pass_time(3.5)
    scene.until(lambda: steps() == TRESPASSES)
    scene.pool.kill(0)
    scene.pass_time(5)
    scene.pass_time(7)
    scene.until(lambda: steps() == 3 * TRESPASSES)
    scene.until(lambda: sent(scene) == folded(scene))
    for case in scene.cases().values():
        assert case.revision == 1 + (case.window_closed_at is not None), "no step changes a case"


def sent(scene: Scene) -> list[tuple[str, bytes]]:
    """Id and value of every record on grid.escalations, in order."""
    return [(dict(one.headers)["ce_id"].decode(), one.value) for one in scene.records(scene.names.escalations)]


def folded(scene: Scene) -> list[tuple[str, bytes]]:
    """The same by a fold of the grid stream."""
    state, rules, found = PartitionState(), RuleSets(scene.first), []
    for record in scene.records(scene.names.events):
        outcome = fold(state, decode_event(list(record.headers), record.value), rules)
        found += [one.escalation for one in outcome.records if isinstance(one, EscalationSent)]
    return [(one.id, encode_escalation(one)[1]) for one in found]


def test_a_published_calendar_moves_running_deadlines_once(scene: Scene) -> None:
    """The publisher hears beforehand how many, and each is in the journal once, although the worker is killed."""
    if not any(name.startswith("t") for name in scene.cases()):
        send(scene.settings, *[alarm(f"t{n}", BEGUN + n * HOUR / 60, "2002") for n in range(THEFTS)])
        scene.until(lambda: len(scene.cases()) == THEFTS)
    thefts = {name: case for name, case in scene.cases().items() if name.startswith("t")}
    before = {one.task: one for case in thefts.values() for one in case.assignments if one.role == "lead"}
    assert {(f"{one.due_at:%m-%d}", one.due_provisional) for one in before.values()} == {("01-13", True)}  # in UTC
    running = sum(one.due_provisional for case in scene.cases().values() for one in case.assignments)
    source = city_folder(CITY) / "calendar" / "2026.yaml"
    (scene.cities / CITY / "calendar" / "2026.yaml").write_text(source.read_text("utf-8"), "utf-8")
    start = BEGUN + 8 * HOUR
    arguments = ["catalogue", "publish", CITY, "--actor", "wang", "--from", start.isoformat()]
    result = CliRunner().invoke(app, arguments, env=environment(scene.settings))
    assert result.exit_code == 0, result.output
    assert f"{running} running deadlines are provisional; they move by this calendar" in " ".join(result.output.split())
    version = load_city(CITY, scene.cities).rule_set
    scene.until(lambda: version in scene.pool.logs[0].read_text("utf-8"))
    scene.pass_time(8.5)
    scene.pool.kill(0)
    scene.until(lambda: len(scene.moves()) >= running)
    scene.pass_time(9)
    last = f"p{scene.passed}"
    scene.until(lambda: last in scene.cases())
    assert sorted(one.task for one in scene.moves()) == sorted(before)
    for name in thefts:
        case = scene.cases()[name]
        assert [f"{one.due_at:%m-%d}" for one in case.assignments if one.task in before] == ["01-14"]
        assert case.calendar_set == version
    life: dict[str, list[Transition]] = {}
    for record in scene.records(scene.names.transitions):
        one = decode_transition(record.value)
        life.setdefault(one.case, []).append(one)
    assert all(broken_at(one) is None for one in life.values())
