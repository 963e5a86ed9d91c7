"""The main job end to end on a real broker: real input through both stages, every id compared, also after kill -9."""

import subprocess
import sys
from collections.abc import Iterator

import orjson
import pytest

from router.broker.admin import connected, delete
from router.domain.fold import fold
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.simulator.replay.replay import ReplayPlan, Result, replay
from router.wire.codec import decode_case, decode_event, encode_case
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import environment
from tests.support.cities import shipped
from tests.support.outcomes import cases_of
from tests.support.topics import committed

pytestmark = pytest.mark.broker

CITY = "los-angeles"
KEYS = [
    "read",
    "cases",
    "merged",
    "tasks",
    "dead_letters",
    "lost",
    "duplicated",
    "routing_accuracy",
    "merge_precision",
    "merge_recall",
    "pair_precision",
    "pair_recall",
    "coverage",
]


@pytest.fixture(scope="module")
def city() -> City:
    return shipped(CITY)


@pytest.fixture(scope="module")
def settings(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(kafka=kafka, home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def kept(settings: Settings, city: City) -> Iterator[Result]:
    """A day of real requests with their companions, routed by one worker; its topics stand until the module ends."""
    plan = ReplayPlan(city=CITY, reports=3000, keep=True)
    result = replay(plan, settings, str(settings.kafka), lambda _: None)
    yield result
    own = settings.model_copy(update={"namespace": result.namespace})
    delete(str(settings.kafka), [topic.name for topic in topics_of(city, own)])


@pytest.fixture(scope="module")
def cases(kept: Result, settings: Settings) -> dict[bytes, bytes]:
    """The table of cases: the last record of each."""
    records = committed(str(settings.kafka), Names(kept.namespace).cases)
    return {record.key: record.value for record in records}


def sent(result: Result, kind: str) -> int:
    return sum(one.kind == kind for one in result.sent)


def test_nothing_is_lost_or_duplicated(kept: Result) -> None:
    assert kept.ledger.faults == {}
    assert not kept.end.stalled
    assert sent(kept, "recorded") == 3000
    assert kept.ledger.rejected_sound == []
    assert kept.dead_letters == sent(kept, "malformed") > 0


def test_cases_go_to_the_recorded_owner(kept: Result) -> None:
    assert kept.judgement.routing_accuracy is not None
    assert kept.judgement.routing_accuracy >= 0.97


def test_reports_of_several_networks_join_one_case(cases: dict[bytes, bytes]) -> None:
    mixed = [case for case in map(decode_case, cases.values()) if len({report.network for report in case.reports}) > 1]
    assert {report.network for case in mixed for report in case.reports} == {
        "hotline",
        "policing",
        "urban-management",
        "environment",
        "social-security",
    }
    across = [case for case in mixed if len({report.cell for report in case.reports}) > 1]
    assert across, "no case holds reports of two cells"


def test_folding_the_grid_stream_again_gives_the_same_cases(
    kept: Result, settings: Settings, city: City, cases: dict[bytes, bytes]
) -> None:
    """The worker's batches, transactions and restores leave no trace: only the order of the log counts."""
    states: dict[int, PartitionState] = {}
    folded: dict[bytes, bytes] = {}
    for record in committed(str(settings.kafka), Names(kept.namespace).events):
        state = states.setdefault(record.partition, PartitionState())
        outcome = fold(state, decode_event(record.headers, record.value), RuleSets(city))
        folded.update(
            [encode_case(case)[:2] for case in cases_of(outcome)]
        )  # a step of a ladder changes a case later and writes none
    assert folded == cases


def test_ticks_close_merge_windows_in_the_time_of_the_records(cases: dict[bytes, bytes]) -> None:
    closed = [case for case in map(decode_case, cases.values()) if case.window_closed_at is not None]
    assert closed, "a day of requests holds windows of a day that end"
    assert all(case.window_until <= case.window_closed_at for case in closed if case.window_closed_at)
    assert all(case.window_closed_at.year == 2018 for case in closed if case.window_closed_at)


def test_every_task_is_in_the_partition_of_its_case(kept: Result, settings: Settings, city: City) -> None:
    names = Names(kept.namespace)
    home = {record.key: record.partition for record in committed(str(settings.kafka), names.cases)}
    tasks = [
        record
        for department in city.catalogue.departments
        for record in committed(str(settings.kafka), names.tasks(department))
    ]
    assert len(tasks) == kept.tasks > 0
    assert [record.key for record in tasks if home[record.key] != record.partition] == []


@pytest.mark.long
def test_a_killed_worker_loses_and_duplicates_nothing(settings: Settings) -> None:
    plan = ReplayPlan(city=CITY, reports=20_000, workers=2, kill=True, secondary_reports=False)
    result = replay(plan, settings, str(settings.kafka), lambda _: None)
    assert result.end.killed_at is not None
    assert result.end.restarts >= 1
    assert result.ledger.faults == {}
    assert len({one.report for one in result.sent}) == 20_000


def test_the_summary_is_one_line_of_json_and_the_topics_are_gone(settings: Settings, kept: Result) -> None:
    done = run_cli(settings, "--reports", "200", "--summary", "json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    ledger = orjson.loads(done.stdout)
    assert list(ledger)[: len(KEYS)] == KEYS
    assert (ledger["read"], ledger["lost"], ledger["duplicated"]) == (200, 0, 0)
    with connected(str(settings.kafka)) as admin:
        replayed = [name for name in admin.list_topics() if name.startswith("replay-")]
    assert [name for name in replayed if not name.startswith(kept.namespace)] == []


def run_cli(settings: Settings, *arguments: str, city: str = CITY) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "router.cli.main", "replay", city, *arguments]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False)


def test_bad_input_is_one_sentence_and_exit_2(settings: Settings) -> None:
    away = settings.model_copy(update={"kafka": "127.0.0.1:1"})
    for done, said in (
        (run_cli(settings, city="atlantis"), "no city 'atlantis'; choose one of: los-angeles, puyang, seattle."),
        (run_cli(settings, "--speed", "slow"), "--speed: 'slow' is not a speed; give a factor above 0"),
        (run_cli(away), "127.0.0.1:1: no Kafka broker answers; start it"),
    ):
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
