"""How outputs and facts of the fold become Kafka records and metrics."""

from typing import Any, cast, get_args

from prometheus_client import CollectorRegistry

from router.domain.fold import fold
from router.domain.model.outcome import Fact, Output
from router.domain.model.report import Tick
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.partition_state import PartitionState
from router.stream.processors.outputs import FACT_METRICS, OUTPUT_KINDS, BatchOutputs
from router.wire.codec import decode_case
from router.wire.metrics import Metrics
from router.wire.topic_names import Names
from tests.support.driver import hours, report, tiny
from tests.unit.domain.lifecycle.test_escalations import LADDERS

RULES = RuleSets(tiny())


class Written:
    """Records in the order of writing."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes]] = []

    def add(self, topic: str, _: int, __: bytes, value: bytes, ___: Any) -> None:
        self.records.append((topic, value))


def batch(*events: Any) -> BatchOutputs:
    """One batch of an empty partition."""
    state, outputs = PartitionState(), BatchOutputs()
    for event in events:
        outputs.add(fold(state, event, RULES))
    return outputs


def written(*events: Any) -> list[tuple[str, bytes]]:
    writer: Any = Written()
    batch(*events).write(Names(), 0, writer)
    return writer.records


def counted(*events: Any) -> CollectorRegistry:
    registry = CollectorRegistry()
    batch(*events).count(Metrics(registry))
    return registry


def test_every_type_of_output_has_a_topic_and_an_encoder() -> None:
    assert OUTPUT_KINDS.keys() == set(get_args(Output))


def test_every_type_of_fact_has_a_metric() -> None:
    assert FACT_METRICS.keys() == set(get_args(Fact))


def test_a_case_that_changes_often_in_a_batch_is_written_once() -> None:
    records = written(*[report(str(n), n / 10, network=("hotline", "policing")[n % 2]) for n in range(5)])
    (value,) = [value for topic, value in records if topic == "grid.cases"]
    assert len(decode_case(value).reports) == decode_case(value).revision == 5


def test_a_row_shows_the_steps_of_ladders_as_they_were_when_it_changed() -> None:
    """So that it is the same in every batch, while the state goes on."""
    state, outputs, writer = PartitionState(), BatchOutputs(), Written()
    rules = RuleSets(tiny(escalations=LADDERS))
    for event in (report("1"), Tick(at=hours(50)), Tick(at=hours(71))):
        outputs.add(fold(state, event, rules))
    outputs.write(Names(), 0, cast(Any, writer))
    (value,) = [value for topic, value in writer.records if topic == "grid.cases"]
    assert decode_case(value).assignments[0].sent == ("before-24h",)
    assert state.case_by_report["hotline:1"].assignments[0].sent == ("before-24h", "before-2h")
    assert [topic for topic, _ in writer.records].count("grid.escalations") == 2


def test_a_case_that_is_archived_in_a_batch_leaves_the_table_in_it() -> None:
    """Its record, its tombstone and the offset are in one transaction; and what it was before in the batch is not written."""
    records = written(report("1"), Tick(at=hours(30)), report("2", 2000, north=900), Tick(at=hours(2000)))
    one = next(value for topic, value in records if topic == "grid.archive")
    assert decode_case(one).window_closed_at == hours(30)
    assert [(topic, value is None) for topic, value in records if topic.startswith("grid.")] == [
        ("grid.archive", False),
        ("grid.cases", True),
        ("grid.cases", False),
        ("grid.transitions", False),
        ("grid.transitions", False),
    ]
    registry = counted(report("1"), Tick(at=hours(30)), report("2", 2000, north=900), Tick(at=hours(2000)))
    assert registry.get_sample_value("grid_archived_cases_total") == 1


def test_every_task_is_written_after_the_cases() -> None:
    topics = [topic for topic, _ in written(report("1"), report("2", north=900))]
    assert topics[:2] == ["grid.cases"] * 2
    assert {topic.split(".")[0] for topic in topics[2:] if topic != "grid.transitions"} == {"tasks"}
    assert len(topics) > 5


def test_facts_are_counted_by_their_labels() -> None:
    one, later = report("1"), report("1", received=2, version=2, description="more")
    registry = counted(one, report("2", 1, network="policing"), one, later, Tick(at=hours(1)), Tick(at=hours(99)))
    decisions = {
        sample.labels["decision"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "grid_merges_total"
    }
    assert decisions == {"opened": 1, "near": 1, "redelivered": 1, "updated": 1}
    assert registry.get_sample_value("grid_ticks_total") == 2


def test_dispatched_and_changed_tasks_are_counted_apart() -> None:
    registry = counted(report("1"), report("1", received=2, version=2, description="more"))
    totals = {
        name: sum(s.value for m in registry.collect() for s in m.samples if s.name == f"{name}_total")
        for name in ("grid_tasks", "grid_rule_hits", "grid_task_changes")
    }
    assert totals["grid_tasks"] == totals["grid_rule_hits"] == totals["grid_task_changes"] > 0
