"""The merge processor with reports that it cannot fold: an unknown rule set, a case out of reach."""

import dataclasses
from collections.abc import Collection
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from router.domain.catalogue.code_tables import CodeTable
from router.domain.model.feedback import Feedback
from router.domain.model.report import Report, Tick
from router.domain.rules.rule_sets import RuleSets
from router.stream.engine.processor import NotReadyError
from router.stream.processors.clock import CLOCKS
from router.stream.processors.merge import MergeProcessor
from router.wire.codec import decode_task, encode_feedback, encode_report, encode_tick, read_dead_letter
from router.wire.metrics import Metrics
from router.wire.rejected_feedback_value import decode_rejected_feedback
from router.wire.rejections import decode_rejection
from router.wire.topic_names import Names
from tests.support.catalogue_lists import DEPARTMENTS
from tests.support.driver import hours, report, tiny
from tests.support.feedback import feedback
from tests.support.records import Record

OLD, NEW = tiny(), tiny(duties="duties: {trees: {matters: [tree], lead: police}}")


class Written:
    """Topics in the order of writing."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []

    def add(self, topic: str, *rest: object) -> None:
        self.records.append((topic, *rest))


class Scene:
    """A processor, and the number of polls that have ended."""

    def __init__(self, rules: RuleSets) -> None:
        self.polls = 0
        self._registry = CollectorRegistry()
        metrics = Metrics(self._registry)
        self._processor = MergeProcessor(rules, Names(), CLOCKS["stream"](), metrics, lambda: self.polls)

    def take(self, event: Report | Tick | Feedback) -> list[str]:
        """Process one event; the topics that were written."""
        return [topic for topic, *_ in self.written(event)]

    def written(self, event: Report | Tick | Feedback, poisoned: Collection[int] = ()) -> list[tuple[Any, ...]]:
        """Process one event; the records that were written: topic, partition, key, value and headers."""
        encoded = (
            encode_feedback(event)
            if isinstance(event, Feedback)
            else encode_tick(event, 0)
            if isinstance(event, Tick)
            else encode_report(event)
        )
        key, value, headers = encoded
        writer: Any = Written()
        count = self._processor.process(
            [Record(key=key, value=value, headers=headers, partition=0)], writer, set(poisoned)
        )
        count()
        records: list[tuple[Any, ...]] = writer.records
        return records

    def count(self, metric: str, **labels: str) -> float | None:
        """The value of a counter."""
        return self._registry.get_sample_value(metric, labels)


def test_a_report_of_an_unknown_rule_set_waits_for_two_polls() -> None:
    scene = Scene(RuleSets(OLD))
    for polls in (0, 1):
        scene.polls = polls
        with pytest.raises(NotReadyError, match="rule set unknown"):
            scene.take(report("1", rule_set="unknown"))
    scene.polls = 2
    assert scene.take(report("1", rule_set="unknown")) == ["grid.dead-letters"]


@pytest.mark.parametrize("poisoned", [False, True])
def test_the_network_reads_that_its_case_did_not_take_its_record(poisoned: bool) -> None:
    """With the address of the network's own record. A report of no network of the city has no such topic."""
    hotline = CodeTable("hotline", ())
    for codes, topic, expected in (
        ({"hotline": hotline}, "reports.hotline", True),
        ({"policing": hotline}, "reports.hotline", False),
        ({"hotline": hotline}, "reports.policing", False),
    ):
        scene = Scene(RuleSets(dataclasses.replace(OLD, codes=codes, rule_set="")))
        scene.take(report("1"))
        scene.take(Tick(at=hours(30)))
        late = report("1", 0, received=31 + 30 * 24, offset=41, description="late")
        late = replace(late, provenance=replace(late.provenance, topic=topic, partition=3))
        code = "defect" if poisoned else "too-late"
        written = scene.written(late, poisoned={0} if poisoned else set())
        assert [one[0] for one in written] == ["grid.dead-letters", *["rejections.hotline"] * expected]
        if expected:
            _, partition, key, value, headers = written[1]
            found = decode_rejection(value)
            assert (found.code, found.topic, found.partition, found.offset) == (code, "reports.hotline", 3, 41)
            assert (partition, key, found.report_id, found.rejected_at) == (0, b"1", "1", late.received_at)
            assert (found.size, found.sha256) == (None, None)
            assert dict(headers)["ce_id"] == b"reports.hotline/3/41"


def test_a_tick_waits_for_the_rule_set_of_a_case_however_many_polls_end() -> None:
    both = RuleSets(OLD)
    both.know(NEW.rule_set, lambda: NEW)
    scene = Scene(both)
    scene.take(report("1", rule_set=NEW.rule_set))
    scene._processor._rule_sets = RuleSets(OLD)
    for polls in (0, 5):
        scene.polls = polls
        with pytest.raises(NotReadyError, match=NEW.rule_set):
            scene.take(Tick(at=hours(30)))
    scene._processor._rule_sets = both
    assert scene.take(Tick(at=hours(30))) == ["grid.cases"]


class StoppedClock:
    """A wall clock that stands at an instant."""

    waits = True

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self, _: datetime | None) -> datetime:
        return self.at


def test_a_tick_that_becomes_a_dead_letter_is_not_written_again_at_once() -> None:
    """Each would become a dead letter, and the partition would isolate records for ever."""
    clock, writer = StoppedClock(hours(0)), Written()
    processor = MergeProcessor(RuleSets(OLD), Names(), clock, Metrics(CollectorRegistry()))
    key, value, headers = encode_report(report("1"))
    target: Any = writer
    processor.process([Record(key=key, value=value, headers=headers, partition=0)], target, set())
    clock.at = hours(30)
    assert processor.due() == -6 * 3600
    key, value, headers = encode_tick(Tick(at=hours(30)), 0)
    processor.process([Record(key=key, value=value, headers=headers, partition=0, offset=9)], target, {9})
    assert writer.records[-1][0] == "grid.dead-letters"
    assert processor.due() == 60
    clock.at = hours(31)
    assert processor.due() == -3540


def test_a_report_that_comes_too_late_is_a_dead_letter_and_is_counted() -> None:
    scene = Scene(RuleSets(OLD))
    scene.take(report("1"))
    scene.take(Tick(at=hours(30)))
    late = report("1", 0, received=30 + 24 * 30, version=2, description="late")
    assert scene.take(late) == ["grid.dead-letters"]
    assert scene.count("grid_merges_total", decision="rejected") == 1
    assert scene.count("grid_dead_letters_total", network="grid", code="too-late") == 1


def test_feedback_of_no_department_of_the_city_waits_for_two_polls_and_is_no_event() -> None:
    """Its topic of rejections does not exist: a record for it would hold up the partition for ever."""
    scene = Scene(RuleSets(OLD))
    (task,) = [decode_task(one[3]) for one in scene.written(report("1")) if one[0].startswith("tasks.")]
    forged = feedback("accept", task, 1, "harbour")
    for polls in (0, 1):
        scene.polls = polls
        with pytest.raises(NotReadyError, match="with the department harbour"):
            scene.take(forged)
    scene.polls = 2
    (dead,) = scene.written(forged)
    dead_letter = read_dead_letter(*dead[2:])
    assert (dead[0], dead_letter.code, dead_letter.network) == ("grid.dead-letters", "not-an-event", "grid")
    assert "it names the sender 'harbour', which is no department of the city" in dead_letter.reason


def test_a_department_of_a_later_rule_set_is_known_before_its_rules_are_needed() -> None:
    both = RuleSets(OLD)
    extended = tiny(departments=DEPARTMENTS + "\nharbour:\n  name: {en: Harbour, zh: 港务}\n")
    both.know(extended.rule_set, lambda: extended)
    scene = Scene(both)
    (task,) = [decode_task(one[3]) for one in scene.written(report("1")) if one[0].startswith("tasks.")]
    assert scene.take(feedback("accept", task, 1, "harbour")) == ["feedback.rejected.harbour"]


@pytest.mark.parametrize("poisoned", [False, True])
def test_rejected_feedback_is_answered_to_its_sender_in_partition_0(poisoned: bool) -> None:
    scene = Scene(RuleSets(OLD))
    (task,) = [decode_task(one[3]) for one in scene.written(report("1")) if one[0].startswith("tasks.")]
    progress = feedback("progress", task, 1)
    written = scene.written(progress, poisoned={0} if poisoned else set())
    assert [one[0] for one in written if one[0] != "grid.cases"] == [
        *["grid.dead-letters"] * poisoned,
        f"feedback.rejected.{task.department}",
    ]
    _, partition, key, value, _ = written[-1]
    rejected = decode_rejected_feedback(value)
    assert (partition, key, rejected.code) == (0, task.id.encode(), "defect" if poisoned else "not-legal")
    assert rejected.feedback_id == progress.id
    labels = {"sender": task.department, "kind": "progress", "decision": "not-legal"}
    assert scene.count("grid_feedback_total", **labels) == (None if poisoned else 1)


def test_feedback_moves_the_clock_of_a_replay_as_reports_do() -> None:
    """Else the last windows of a history that ends with feedback would stay open."""
    scene = Scene(RuleSets(OLD))
    (task,) = [decode_task(one[3]) for one in scene.written(report("1")) if one[0].startswith("tasks.")]
    assert scene._processor.due() is None
    scene.take(feedback("accept", task, 200))
    assert (scene._processor.due() or 0) < 0
