"""Recorded closings and clearances as feedback, through both stages: a department answers each task when its file says so."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from heapq import heappop, heappush
from itertools import islice

import orjson
import pytest

from router.domain.feedback.reading import read_feedback
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.model.case import Case
from router.domain.model.feedback import Feedback
from router.domain.model.source_record import PlainRecord
from router.domain.model.task import Task
from router.simulator.departments.plan import PlannedAnswer
from router.simulator.messages import SourceMessage, rfc3339
from router.simulator.recorded.closings import Closings, closings_of, recorded_answers
from router.simulator.scenario import history_of
from router.wire.codec import encode_feedback
from router.wire.partitioning import partition_for_cell
from tests.replay.history import PARTITIONS, History, Output
from tests.replay.sources import Sourced
from tests.support.cities import shipped
from tests.support.repository import ROOT


class Answered:
    """A history whose departments answer by its closings, in the order of receipt."""

    def __init__(self, city: str, number: int | None = None) -> None:
        rules = shipped(city)
        recorded = history_of(rules, ROOT / "deploy" / "cities" / city)
        self.closings: Closings = closings_of(recorded)
        self.history = History(rules)
        self.decided: Counter[str] = Counter()
        self.tasks: dict[str, Task] = {}
        self._due: list[tuple[object, int, PlannedAnswer]] = []
        self.messages: Sequence[SourceMessage] = list(islice(recorded.messages(), number))
        for offset, message in enumerate(self.messages):
            self._answer(until=message)
            self._take(list(self.history.replay([sourced(message, offset)])))
        self._answer(until=None)

    @property
    def cases(self) -> list[Case]:
        return list(self.history.cases.values())

    def _answer(self, until: SourceMessage | None) -> None:
        while self._due and (until is None or self._due[0][2].delivered_at < until.received_at):
            one = heappop(self._due)[2]
            record = PlainRecord(
                topic=f"feedback.{one.sender}",
                partition=0,
                offset=0,
                timestamp=int(one.delivered_at.timestamp() * 1000),
                key=one.task.encode(),
                value=one.value,
                headers=[(RECEIVED_AT, rfc3339(one.delivered_at).encode())],
            )
            said = read_feedback(record, one.sender, history=True)
            assert isinstance(said, Feedback)
            partition = partition_for_cell(said.partition_key.encode(), PARTITIONS)
            outputs = list(self.history._fold(encode_feedback(said), partition, 0))
            self.decided[outputs[0].decision] += 1
            self._take(outputs)

    def _take(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if isinstance(output.content, Task):
                self.tasks[output.content.id] = output.content
                if output.content.state == "dispatched":
                    for answer in recorded_answers(output.content, self.closings):
                        heappush(self._due, (answer.delivered_at, len(self.tasks), answer))


def sourced(message: SourceMessage, offset: int) -> Sourced:
    at = int(message.received_at.timestamp() * 1000)
    headers = [(RECEIVED_AT, rfc3339(message.received_at).encode())]
    return Sourced(message.network, 0, offset, at, message.source_id.encode(), message.value, headers)


@pytest.fixture(scope="module")
def angeles() -> Answered:
    return Answered("los-angeles", 1500)


@pytest.fixture(scope="module")
def seattle() -> Answered:
    return Answered("seattle")


def test_a_request_that_was_closed_closes_its_case(angeles: Answered) -> None:
    """9,991 of the file's 10,000 requests are closed or cancelled, and 9 were referred out."""
    assert len(angeles.closings) == 9991
    answered = [case for case in angeles.cases if case.id in angeles.closings and case.assignments]
    assert len(answered) > 1000
    assert {case.state for case in answered} == {"closed"}
    assert {case.closed_at for case in answered} <= {closing.at for closing in angeles.closings.values()} | {
        case.opened_at for case in answered
    }
    assert set(angeles.decided) == {"applied"}


def test_what_was_closed_when_it_arrived_has_no_task(angeles: Answered) -> None:
    arrived = [case for case in angeles.cases if not case.assignments]
    assert all(case.state == "closed" and case.reason.startswith("no department: ") for case in arrived)
    assert not any(task.case == case.id for case in arrived for task in angeles.tasks.values())


def test_what_is_reported_after_a_closing_is_a_case_with_a_task(angeles: Answered) -> None:
    """No report joins a case after the department has cleared it."""
    for case in angeles.cases:
        if case.closed_at is not None:
            assert all(report.received_at <= case.closed_at for report in case.reports)


def test_a_response_that_was_cleared_closes_its_case(seattle: Answered) -> None:
    """Each of the 673 responses is cleared. One whose clearance led to another case is not answered there."""
    assert len(seattle.closings) == 673
    opened = [case for case in seattle.cases if case.id in seattle.closings and case.reports]
    assert len(opened) > 600
    closed = [case for case in opened if case.state == "closed"]
    assert len(closed) == len(opened)
    assert seattle.decided["applied"] >= len(closed)


def test_the_answer_says_what_officers_found(seattle: Answered) -> None:
    found = Counter(orjson.loads(one.value)["cljg"] for one in seattle.messages if one.kind == "updated")
    said = Counter(closing.said for closing in seattle.closings.values())
    assert said == found


def test_a_task_whose_end_is_not_in_the_file_is_not_answered(angeles: Answered) -> None:
    task = next(iter(angeles.tasks.values()))
    assert recorded_answers(task, {}) == []
    (answer,) = recorded_answers(task, angeles.closings)
    assert answer.delivered_at >= task.dispatched_at
    assert answer.delivered_at - task.dispatched_at < timedelta(days=400)
