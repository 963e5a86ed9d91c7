"""When a worker is well, when it says that it stands still, and when it ends itself; ages by hand, clock by hand."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from threading import Event, Thread

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from router.stream.exits import STUCK, end_telling
from router.stream.health import TOLD, Age, Limits, Seen, Verdict, judge
from router.stream.pages import ask, described, serve
from router.stream.vitals import LASTING_SECONDS, Vitals
from router.stream.watch import Health, watch
from router.wire.errors import BrokerError
from router.wire.metrics import Metrics
from router.wire.settings import Settings

LIMITS = Limits(commit_s=120, loop_s=30, broker_s=60, rebalance_s=40, opening_s=900, unread_s=100)
WELL = Seen(generation=3, owned=4)
EACH = [
    ("commit", 120, "reports.policing/2 has not committed what it has in hand", "COMMIT"),
    ("loop", 30, "the event loop has not turned", "LOOP"),
    ("broker", 60, "no broker has answered", "BROKER"),
    ("rebalance", 40, "the group has not come to an end with sharing the partitions", "REBALANCE"),
    ("opened", 900, "reports.policing/2 has not come to process", "OPENING"),
    ("unread", 100, "reports.policing/2 has records and none is read", "UNREAD"),
]


def seen(**ages: float) -> Seen:
    given = {name: Age(seconds, "reports.policing/2") for name, seconds in ages.items()}
    return Seen(generation=3, owned=4, **given)


def test_a_worker_that_waits_for_nothing_is_ok() -> None:
    assert judge(WELL, LIMITS) == Verdict("ok", (), False)


@pytest.mark.parametrize(("what", "limit", "said", "setting"), EACH)
def test_each_standing_still_is_told_from_half_of_its_limit_and_ends_the_worker_at_it(
    what: str, limit: float, said: str, setting: str
) -> None:
    assert judge(seen(**{what: limit * 0.49}), LIMITS).status == "ok"
    half, whole = judge(seen(**{what: limit * 0.5}), LIMITS), judge(seen(**{what: limit}), LIMITS)
    assert (half.status, half.hopeless) == ("stuck", False)
    assert (whole.status, whole.hopeless) == ("stuck", True)
    assert whole.reasons == (
        f"{said} for {limit:.0f} s; the worker ends itself at {limit:.0f} s (GRID_ROUTER_{setting}_LIMIT_S).",
    )
    assert f"GRID_ROUTER_{setting}_LIMIT_S".removeprefix("GRID_ROUTER_").lower() in Settings.model_fields


def test_every_age_has_a_limit_and_every_limit_a_setting() -> None:
    ages = {field.name for field in fields(Seen) if field.type is Age}
    assert ages == {what for what, *_ in EACH}
    given = Settings(
        commit_limit_s=1, loop_limit_s=2, broker_limit_s=3, rebalance_limit_s=4, opening_limit_s=5, unread_limit_s=6
    )
    assert Limits.of(given) == Limits(commit_s=1, loop_s=2, broker_s=3, rebalance_s=4, opening_s=5, unread_s=6)
    assert Limits.of(Settings()) == Limits(), "the defaults are said once each, and must agree"


def test_all_reasons_are_told_and_one_limit_is_enough_to_end() -> None:
    verdict = judge(seen(broker=61, commit=70), LIMITS)
    assert verdict.hopeless
    assert [reason.split(" for ")[0] for reason in verdict.reasons] == [
        "no broker has answered",
        "reports.policing/2 has not committed what it has in hand",
    ]


@pytest.mark.parametrize(
    ("at_first", "reason"),
    [
        (Seen(), "the worker has not joined its group yet."),
        (Seen(generation=3, sharing=True), "the group is sharing the partitions."),
        (Seen(generation=3, owned=4, opening=3, opened=Age(2, "x/0")), "3 of 4 partitions are being opened."),
    ],
)
def test_a_worker_on_its_way_is_starting(at_first: Seen, reason: str) -> None:
    assert judge(at_first, LIMITS) == Verdict("starting", (reason,), False)


def test_a_worker_that_never_joins_is_stuck_and_one_that_was_asked_to_end_is_never() -> None:
    assert judge(Seen(rebalance=Age(40)), LIMITS).hopeless
    verdict = judge(Seen(stopping=True, rebalance=Age(4000), broker=Age(4000)), LIMITS)
    assert (verdict.status, verdict.hopeless) == ("stopping", False)


def test_a_worker_says_so_well_before_it_ends() -> None:
    assert 0 < TOLD <= 0.5


def test_the_page_has_the_status_the_reasons_and_every_age() -> None:
    page = described(seen(broker=31.04), judge(seen(broker=31.04), LIMITS))
    assert page["status"] == "stuck"
    assert page["reasons"] == [
        "no broker has answered for 31 s; the worker ends itself at 60 s (GRID_ROUTER_BROKER_LIMIT_S)."
    ]
    assert page["generation"] == 3
    assert page["partitions"] == {"owned": 4, "opening": 0}
    assert page["seconds"]["since_broker"] == 31.0
    assert len(page["seconds"]) == len(EACH)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Partition:
    """What vitals see of one."""

    def __init__(self, number: int) -> None:
        self.source = TopicPartition("grid.events", number)
        self.room = self.begun = True
        self.backlog = 0
        self.awaits: int | None = None
        self.uncommitted_seconds = 0.0
        self.opening_seconds = 0.0


class Worker:
    """Vitals, and what they observe."""

    def __init__(self, partitions: int = 2) -> None:
        self.clock, self.partitions = Clock(), [Partition(number) for number in range(partitions)]
        self.generation: int | None = None
        self.sharing = False
        self.vitals = Vitals(self.partitions, lambda: self.generation, lambda: self.sharing, self.clock)

    def after(self, seconds: float) -> Seen:
        self.clock.now += seconds
        return self.vitals.seen()


def test_before_its_first_beat_a_worker_is_not_well_but_starting() -> None:
    """A loop that hangs before it would never be told."""
    worker = Worker()
    worker.generation = 1
    assert judge(worker.after(1), Limits()).status == "starting"
    worker.vitals.beat()
    assert judge(worker.after(1), Limits()).status == "ok"


def test_until_the_first_sharing_the_time_since_the_start_counts() -> None:
    worker = Worker()
    worker.vitals.beat()
    assert worker.after(7).rebalance == Age(7)
    worker.generation = 1
    worker.vitals.beat()
    worker.clock.now += LASTING_SECONDS
    worker.vitals.beat()
    assert worker.after(7).rebalance == Age(0)


def test_a_later_sharing_counts_from_its_beginning_to_its_end() -> None:
    worker = Worker()
    worker.generation = 1
    worker.vitals.beat()
    worker.clock.now += 50
    worker.vitals.beat()
    worker.sharing = True
    worker.vitals.beat()
    worker.clock.now += 3
    worker.vitals.beat()
    found = worker.after(2)
    assert (found.sharing, found.rebalance) == (True, Age(5))
    worker.sharing = False
    worker.vitals.beat()
    assert worker.after(9).rebalance == Age(0)


def test_sharings_that_follow_each_other_without_an_end_are_one() -> None:
    """A member that joins anew every two seconds: between two sharings nobody shares, and nothing gets done."""
    worker = Worker()
    for generation in range(30):
        worker.generation, worker.sharing = generation, False
        worker.vitals.beat()
        worker.clock.now += 1
        worker.sharing = True
        worker.vitals.beat()
        worker.clock.now += 1
    assert worker.vitals.seen().rebalance == Age(60)


def test_a_loop_that_never_turned_is_a_start_and_one_that_stopped_has_an_age() -> None:
    worker = Worker()
    assert worker.after(20).loop == Age(0)
    worker.vitals.beat()
    assert worker.after(20).loop == Age(20)


def test_the_broker_is_away_since_its_last_answer_or_since_the_start() -> None:
    worker = Worker()
    assert worker.after(5).broker == Age(5)
    worker.vitals.answered()
    assert worker.after(2).broker == Age(2)


def test_the_worst_partition_is_named() -> None:
    worker = Worker()
    worker.partitions[0].uncommitted_seconds, worker.partitions[1].uncommitted_seconds = 3, 4
    worker.partitions[0].opening_seconds = 9
    found = worker.vitals.seen()
    assert found.commit == Age(4, "grid.events/1")
    assert found.opened == Age(9, "grid.events/0")
    assert (found.owned, found.opening) == (2, 1)


def test_a_consumer_that_is_deaf_shows_by_the_log_growing_while_its_position_stands() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.vitals.reach({partition.source: 10})
    worker.vitals.read(partition, 10)
    assert worker.after(60).unread == Age(), "everything is read"
    worker.vitals.reach({partition.source: 12})
    worker.vitals.read(partition, 10)
    for _ in range(3):
        worker.clock.now += 20
        worker.vitals.read(partition, 10)
    assert worker.vitals.seen().unread == Age(60, "grid.events/0")
    worker.vitals.read(partition, 11)
    assert worker.after(5).unread == Age(5, "grid.events/0"), "it moves"
    worker.vitals.read(partition, 12)
    assert worker.vitals.seen().unread == Age()


def test_a_partition_that_has_records_in_hand_and_gets_no_more_is_not_unread() -> None:
    """One that opens again, for minutes, after it was read."""
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.vitals.reach({partition.source: 5000})
    partition.backlog = 7
    for _ in range(20):
        worker.vitals.read(partition, 10)
        worker.clock.now += 10
    assert worker.vitals.seen().unread == Age()
    partition.backlog = 0
    worker.vitals.read(partition, 10)
    assert worker.after(60).unread == Age(60, "grid.events/0")


def test_a_partition_that_restores_for_the_first_time_is_not_unread() -> None:
    """Nothing is fetched of it before it knows its position; how long that takes has a limit of its own."""
    worker = Worker(1)
    (partition,) = worker.partitions
    partition.begun, partition.opening_seconds = False, 200.0
    worker.vitals.reach({partition.source: 5000})
    for _ in range(20):
        worker.vitals.read(partition, 10)
        worker.clock.now += 10
    assert worker.vitals.seen().unread == Age()
    assert worker.vitals.seen().opened == Age(200, "grid.events/0")


def test_what_was_fetched_and_never_came_to_its_partition_is_unread() -> None:
    """An agent that hangs leaves a consumer at the end of the log and a partition with nothing."""
    worker = Worker()
    source = worker.partitions[0].source
    worker.vitals.reach({source: 5000})
    worker.partitions[0].awaits = 200
    for _ in range(6):
        worker.vitals.read(worker.partitions[0], 5000)
        worker.clock.now += 10
    assert worker.vitals.seen().unread == Age(60, "grid.events/0")
    worker.partitions[0].awaits = None
    worker.vitals.read(worker.partitions[0], 5000)
    assert worker.vitals.seen().unread == Age()


def test_a_position_that_nobody_knows_is_no_movement() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.vitals.reach({partition.source: 12})
    for _ in range(4):
        worker.vitals.read(partition, None)
        worker.clock.now += 10
    assert worker.vitals.seen().unread == Age(40, "grid.events/0")


def test_a_partition_without_room_is_read_when_it_commits_and_a_lost_one_is_forgotten() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.vitals.reach({partition.source: 12})
    worker.vitals.read(partition, 0)
    partition.room = False
    worker.vitals.read(partition, 0)
    assert worker.after(50).unread == Age()
    partition.room = True
    worker.vitals.read(partition, 0)
    worker.partitions.clear()
    worker.vitals.forget()
    assert worker.after(50).unread == Age()


@contextmanager
def served(seen: Seen) -> Iterator[int]:
    """The port of the pages of a worker of which this is seen."""
    registry = CollectorRegistry()
    Metrics(registry)
    server = serve(registry, lambda: (seen, judge(seen, LIMITS)), "127.0.0.1", 0)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.parametrize(
    ("of", "status"), [(WELL, 200), (Seen(), 503), (seen(broker=31), 503), (replace(WELL, stopping=True), 503)]
)
def test_only_a_worker_that_is_well_answers_200(of: Seen, status: int) -> None:
    with served(of) as port:
        assert get(port, "/health")[0] == status
        assert ask("127.0.0.1", port) == described(of, judge(of, LIMITS))


def test_metrics_stand_beside_health_and_a_taken_port_is_one_sentence() -> None:
    with served(WELL) as port:
        status, text = get(port, "/metrics")
        assert status == 200
        assert "grid_healthy" in text
        with pytest.raises(BrokerError, match=f"127.0.0.1:{port}: the metrics port is taken"):
            serve(CollectorRegistry(), lambda: (WELL, judge(WELL, LIMITS)), "127.0.0.1", port)
    assert ask("127.0.0.1", port) is None


def test_the_watchdog_ends_the_process_at_the_limit_and_not_before() -> None:
    worker, ended = Worker(), list[int]()
    registry = CollectorRegistry()
    health = Health(worker.vitals, replace(LIMITS, broker_s=60))
    worker.generation = 1
    worker.vitals.beat()
    worker.clock.now += 29
    thread = watch(health, Metrics(registry), ended.append, look_seconds=0.001)
    for seconds, healthy in ((29, 1.0), (31, 0.0)):
        worker.clock.now = 100 + seconds
        worker.vitals.beat()
        while registry.get_sample_value("grid_healthy") != healthy:
            thread.join(0.001)
            assert thread.is_alive()
    assert ended == []
    worker.clock.now = 160
    thread.join(10)
    assert ended == [STUCK]


def test_a_watchdog_that_cannot_look_says_not_well_and_ends_the_process() -> None:
    def blind() -> tuple[Seen, Verdict]:
        raise TypeError("changed meanwhile")

    ended: list[int] = []
    registry = CollectorRegistry()
    watch(blind, Metrics(registry), ended.append, look_seconds=0.001).join(20)  # type: ignore[arg-type]
    assert ended == [STUCK]
    assert registry.get_sample_value("grid_healthy") == 0


def test_one_look_that_fails_is_no_end() -> None:
    looks = iter([TypeError, Verdict("ok"), TypeError, Verdict("stuck", ("why.",), hopeless=True)] * 20)
    seen: list[object] = []

    def health() -> tuple[Seen, Verdict]:
        look = next(looks)
        seen.append(look)
        if not isinstance(look, Verdict):
            raise TypeError
        return Seen(), look

    ended: list[int] = []
    watch(health, Metrics(CollectorRegistry()), ended.append, look_seconds=0.001).join(20)  # type: ignore[arg-type]
    assert (ended, len(seen)) == ([STUCK], 4)


@pytest.mark.parametrize("lasts", [0.0, 60.0])
def test_a_last_word_that_fails_or_never_ends_holds_nothing_up(lasts: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.stream.exits.TELL_SECONDS", 0.05)
    ended = Event()

    def tell() -> None:
        Event().wait(lasts)
        raise OSError("no space left")

    def end(code: int) -> None:
        assert code == STUCK
        ended.set()

    def telling() -> None:
        with suppress(OSError):
            end_telling(STUCK, tell, end)

    Thread(target=telling, daemon=True).start()
    assert ended.wait(20)
