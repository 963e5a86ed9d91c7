"""What the client sends, read and folded as the router does: a life, and a handler that runs again after a crash."""

from datetime import datetime
from typing import Any

import pytest

from router.client.answers import EncodedAnswer
from router.client.records import read_task
from router.client.task import Conversation, DepartmentTask, StoredAnswer
from router.domain.feedback.reading import read_feedback
from router.domain.model.feedback import SUPERVISION, Feedback
from router.domain.model.source_record import PlainRecord
from tests.support.catalogue_lists import WORK
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback
from tests.support.outcomes import Folded

CITY = tiny(work=WORK + "      checking: {text: {en: Looked at}}\n")


class City:
    """The router, and the department of its only case."""

    def __init__(self) -> None:
        self.driver = Driver(CITY)
        self.driver.pipe(report("17", description="a fallen tree"))
        self.answered: list[Folded] = []
        self.hour = 0

    def record(self, number: int = -1) -> DepartmentTask:
        """The task as a record of its topic has it; default: the last one."""
        return DepartmentTask.of(
            read_task(self.driver.dispatched[number]), Conversation(self.send, "hw-17", lambda: None)
        )

    def send(self, answer: EncodedAnswer) -> StoredAnswer:
        self.hour += 1
        department = self.driver.tasks[0].department
        record = PlainRecord(
            topic=f"feedback.{department}",
            partition=0,
            offset=self.hour,
            timestamp=int(hours(self.hour).timestamp() * 1000),
            key=answer.key,
            value=answer.value,
            headers=[],
        )
        read = read_feedback(record, department)
        assert isinstance(read, Feedback), read
        self.answered.append(self.driver.pipe(read))
        return StoredAnswer(id=answer.id, kind=answer.kind, task=answer.task, topic="", partition=0, offset=self.hour)

    def rejected(self) -> list[str]:
        return [one.rejection.code for answered in self.answered for one in answered.rejected]


def test_a_life_in_which_the_same_words_count_twice_after_a_failed_check() -> None:
    city = City()
    city.record().accept()
    first = city.record().handled()
    city.driver.pipe(
        feedback("check-failed", city.driver.tasks[0], city.hour + 1, SUPERVISION, reason="rubbish is left")
    )
    city.hour += 1
    assert city.record().stage == "handling"
    second = city.record().handled()
    assert first.id != second.id
    assert (city.record().stage, city.rejected()) == ("handled", [])


@pytest.mark.parametrize(("given", "rejected"), [({}, ["id-reused"]), ({"occurred_at": hours(1)}, [])])
def test_a_handler_that_runs_again_counts_once(given: dict[str, datetime], rejected: list[str]) -> None:
    """It crashed after it had answered and before it acknowledged: the same record comes again."""
    city = City()
    for _ in range(2):
        city.record(0).accept(**given)
    assert city.rejected() == rejected
    assert [one.kind for one in city.driver.transitions] == [None, "accept"]


def test_what_the_record_says_is_possible_the_router_accepts() -> None:
    """By the standard's lifecycle, at each stage to which the department itself leads."""
    words: dict[str, dict[str, Any]] = {"return": {"reason": "x"}, "ask-extension": {"reason": "x", "limit": "24h"}}
    for before in ((), ("accept",), ("accept", "progress")):
        for kind in City().record().possible:
            city = City()
            for one in before:
                city.record().say(one)
            if kind in ("ask-support", "transfer", "progress") or kind not in city.record().possible:
                continue  # they depend on the city: who exists, who shares a matter, whether there is a first step
            city.record().say(kind, **words.get(kind, {}))
            assert city.rejected() == [], (before, kind)
