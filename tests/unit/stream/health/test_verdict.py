"""When a worker is ok, when it reports a stall, and when it exits; and its `/health`."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace

import pytest
from prometheus_client import CollectorRegistry

from router.stream.health.http_server import fetch_health, health_json, serve
from router.stream.health.verdict import REPORTED_SHARE, HealthReport, HealthSnapshot, Limits, StallAge, evaluate
from router.wire.errors import BrokerError
from router.wire.metrics import Metrics
from router.wire.settings import Settings
from tests.support.patience import PATIENCE_S

LIMITS = Limits(commit_s=120, loop_s=30, broker_s=60, rebalance_s=40, restore_s=900, fetch_s=100)
OK = HealthSnapshot(generation=3, assigned=4)
EACH = [
    ("commit", 120, "reports.policing/2 has uncommitted records and has not committed", "COMMIT"),
    ("loop", 30, "the event loop has not turned", "LOOP"),
    ("broker", 60, "no broker has answered", "BROKER"),
    ("rebalance", 40, "the rebalance of the group has not ended", "REBALANCE"),
    ("restore", 900, "reports.policing/2 has not come further in restoring its state", "RESTORE"),
    ("fetch", 100, "reports.policing/2 has unread records and none was fetched", "FETCH"),
]


def snapshot(**ages: float) -> HealthSnapshot:
    given = {name: StallAge(seconds, "reports.policing/2") for name, seconds in ages.items()}
    return HealthSnapshot(generation=3, assigned=4, **given)


def test_a_worker_without_a_stall_is_ok() -> None:
    assert evaluate(OK, LIMITS) == HealthReport("ok", (), False)


@pytest.mark.parametrize(("what", "limit", "sentence", "setting"), EACH)
def test_a_stall_is_reported_at_half_its_limit_and_fatal_at_the_limit(
    what: str, limit: float, sentence: str, setting: str
) -> None:
    assert evaluate(snapshot(**{what: limit * 0.49}), LIMITS).status == "ok"
    half, whole = evaluate(snapshot(**{what: limit * 0.5}), LIMITS), evaluate(snapshot(**{what: limit}), LIMITS)
    assert (half.status, half.fatal) == ("stalled", False)
    assert (whole.status, whole.fatal) == ("stalled", True)
    assert whole.reasons == (
        f"{sentence} for {limit:.0f} s; the worker exits at {limit:.0f} s (GRID_ROUTER_{setting}_LIMIT_S).",
    )
    assert f"GRID_ROUTER_{setting}_LIMIT_S".removeprefix("GRID_ROUTER_").lower() in Settings.model_fields


def test_every_age_has_a_limit_and_every_limit_a_setting() -> None:
    ages = {field.name for field in fields(HealthSnapshot) if field.type is StallAge}
    assert ages == {what for what, *_ in EACH}
    given = Settings(
        commit_limit_s=1, loop_limit_s=2, broker_limit_s=3, rebalance_limit_s=4, restore_limit_s=5, fetch_limit_s=6
    )
    assert Limits.of(given) == Limits(commit_s=1, loop_s=2, broker_s=3, rebalance_s=4, restore_s=5, fetch_s=6)
    assert Limits.of(Settings()) == Limits(), "both defaults must agree"


def test_all_stalls_are_reported_and_one_limit_is_fatal() -> None:
    verdict = evaluate(snapshot(broker=61, commit=70), LIMITS)
    assert verdict.fatal
    assert [reason.split(" for ")[0] for reason in verdict.reasons] == [
        "no broker has answered",
        "reports.policing/2 has uncommitted records and has not committed",
    ]


@pytest.mark.parametrize(
    ("at_first", "reason"),
    [
        (HealthSnapshot(), "the worker has not joined its group yet."),
        (HealthSnapshot(generation=3, rebalancing=True), "the group rebalances."),
        (
            HealthSnapshot(generation=3, assigned=4, restoring=3, restore=StallAge(2, "x/0")),
            "3 of 4 partitions restore their state.",
        ),
    ],
)
def test_a_worker_that_joins_or_restores_is_starting(at_first: HealthSnapshot, reason: str) -> None:
    assert evaluate(at_first, LIMITS) == HealthReport("starting", (reason,), False)


def test_findings_degrade_a_worker_and_never_end_it() -> None:
    finding = "reports.new has 7 records and no worker reads it."
    assert evaluate(replace(OK, findings=(finding,)), LIMITS) == HealthReport("degraded", (finding,))
    starting = evaluate(replace(OK, restoring=2, findings=(finding,)), LIMITS)
    assert (starting.status, starting.reasons[1:]) == ("starting", (finding,))


def test_a_worker_that_never_joins_stalls_and_a_stopping_one_never_does() -> None:
    assert evaluate(HealthSnapshot(rebalance=StallAge(40)), LIMITS).fatal
    verdict = evaluate(HealthSnapshot(stopping=True, rebalance=StallAge(4000), broker=StallAge(4000)), LIMITS)
    assert (verdict.status, verdict.fatal) == ("stopping", False)


def test_a_stall_is_reported_well_before_the_worker_exits() -> None:
    assert 0 < REPORTED_SHARE <= 0.5


def test_the_health_page_has_the_status_the_reasons_and_every_age() -> None:
    page = health_json(snapshot(broker=31.04), evaluate(snapshot(broker=31.04), LIMITS))
    assert page["status"] == "stalled"
    assert page["reasons"] == [
        "no broker has answered for 31 s; the worker exits at 60 s (GRID_ROUTER_BROKER_LIMIT_S)."
    ]
    assert page["generation"] == 3
    assert page["partitions"] == {"assigned": 4, "restoring": 0}
    assert page["seconds"]["since_broker"] == 31.0
    assert len(page["seconds"]) == len(EACH)


@contextmanager
def served(worker: HealthSnapshot) -> Iterator[int]:
    """The port of the HTTP server of a worker with this snapshot."""
    registry = CollectorRegistry()
    Metrics(registry)
    server = serve(registry, lambda: (worker, evaluate(worker, LIMITS)), "127.0.0.1", 0)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.parametrize(
    ("of", "status"),
    [
        (OK, 200),
        (replace(OK, findings=("x",)), 503),
        (HealthSnapshot(), 503),
        (snapshot(broker=31), 503),
        (replace(OK, stopping=True), 503),
    ],
)
def test_only_a_worker_that_is_ok_answers_200(of: HealthSnapshot, status: int) -> None:
    with served(of) as port:
        assert get(port, "/health")[0] == status
        assert fetch_health("127.0.0.1", port) == health_json(of, evaluate(of, LIMITS))


def test_metrics_are_served_too_and_a_taken_port_is_one_sentence() -> None:
    with served(OK) as port:
        status, text = get(port, "/metrics")
        assert status == 200
        assert "grid_healthy" in text
        with pytest.raises(BrokerError, match=f"127.0.0.1:{port}: the metrics port is taken"):
            serve(CollectorRegistry(), lambda: (OK, evaluate(OK, LIMITS)), "127.0.0.1", port)
    assert fetch_health("127.0.0.1", port) is None
