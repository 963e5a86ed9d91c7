"""Redriving any dead letters, repaired or not, any number of times, duplicates nothing. Runs both stages without Kafka.

A redriven record goes to its own topic. There it meets what the network sends in the meantime: the same record, corrections,
and records that are rejected for another reason.
"""

from collections import Counter
from datetime import timedelta
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from router.dead_letters.actions import ActionFailure
from router.dead_letters.patching import patched
from router.dead_letters.redrive_record import outgoing
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.stream.processors.normalise import NormaliseProcessor
from router.wire.codec import DeadLetter, decode_event, read_dead_letter
from router.wire.metrics import Metrics
from tests.support.driver import Driver
from tests.support.records import ALARM, Record, city, written
from tests.support.rejected_records import NAMES, PATCH, REJECTED_AT

TOPIC = NAMES.reports("policing")
Step = tuple[Literal["send"], int, str, int] | tuple[Literal["redrive"], int, bool, int]
"""A record of the network (which report, its fault, length of its text), or a redrive (which dead letter, repaired, how often)."""
FAULTS: dict[str, Any] = {
    "nothing": {},
    "code": {"bjlxdm": "9999"},
    "time": {"bjsj": "yesterday"},
    "both": {"bjlxdm": "9999", "bjsj": ""},
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 2), st.sampled_from([*FAULTS, "nothing"]), st.integers(0, 2)),
        st.tuples(st.just("redrive"), st.integers(0, 9), st.booleans(), st.integers(1, 3)),
    ),
    max_size=14,
)
GAPS = st.lists(st.sampled_from([0, 1, 60, 60 * 24 * 2, 60 * 24 * 40]), min_size=14, max_size=14)


class Router:
    """One partition of a network's topic, and one of the grid stream."""

    def __init__(self) -> None:
        self.processor = NormaliseProcessor(
            NETWORKS["policing"], RuleSets(city()), NAMES, 1, Metrics(CollectorRegistry())
        )
        self.fold = Driver(city())
        self.dead_letters: list[DeadLetter] = []
        self.events = 0
        self._end, self._aside = 0, 1_000_000

    def read(self, value: bytes | None, headers: Any, minutes: int, key: bytes | None, *, aside: bool = False) -> None:
        """Read the topic's next record; `aside` uses an offset that shifts no other record."""
        if aside:
            self._aside += 1
        else:
            self._end += 1
        offset = self._aside if aside else self._end
        at = round((REJECTED_AT + timedelta(minutes=minutes)).timestamp() * 1000)
        record = Record(value=value, offset=offset, topic=TOPIC, partition=0, timestamp=at, key=key, headers=headers)
        self.processor.process([record], self, set())()  # type: ignore[arg-type]  # it only adds

    def add(self, topic: str, partition: int, key: Any, value: Any, headers: Any = ()) -> None:
        """Takes the outputs like the writer of a transaction."""
        del partition
        if topic == NAMES.events:
            self.events += 1
            self.fold.pipe(decode_event(headers, value))
        elif topic == NAMES.dead_letters:
            self.dead_letters.append(read_dead_letter(key, value, headers))

    def redrive(self, dead_letter: DeadLetter, minutes: int, *, repaired: bool, aside: bool = False) -> None:
        """Like `dead-letters repair` and `redrive`."""
        value = patched(dead_letter, dead_letter.value, PATCH) if repaired else dead_letter.value
        if not isinstance(value, ActionFailure):
            record = outgoing(dead_letter, value, "li.wei", repaired=repaired, partitions=4)
            self.read(record.value, record.headers, minutes, record.key, aside=aside)


def sent(which: int, wrong: str, text: int) -> bytes:
    return written(ALARM | {"jjdbh": f"J{which}", "bjnr": "x" * text} | FAULTS[wrong])


def routed(steps: list[Step], gaps: list[int], *, often: bool) -> Router:
    router, minutes = Router(), 0
    for step, gap in zip(steps, gaps, strict=False):
        minutes += gap
        if step[0] == "send":
            router.read(sent(*step[1:]), (), minutes, b"J%d" % step[1])
        elif router.dead_letters:
            dead_letter = router.dead_letters[step[1] % len(router.dead_letters)]
            router.redrive(dead_letter, minutes, repaired=step[2])
            for _ in range(step[3] if often else 0):
                known = len(router.dead_letters)
                router.redrive(dead_letter, minutes, repaired=step[2], aside=True)
                del router.dead_letters[known:]  # rejected again: keep one list of dead letters for both runs
    return router


@settings(max_examples=150)
@given(steps=STEPS, gaps=GAPS)
def test_redriving_puts_no_report_in_two_cases_or_tasks(steps: list[Step], gaps: list[int]) -> None:
    fold = routed(steps, gaps, often=True).fold
    counts = Counter(report.id for case in fold.cases for report in case.reports)
    assert not counts or max(counts.values()) == 1
    dispatched = Counter(task.id for task in fold.tasks if task.state == "dispatched")
    assert not dispatched or max(dispatched.values()) == 1
    for case in fold.cases:
        for report in case.reports:
            assert [one.version for one in report.earlier] == list(range(1, report.version))


@settings(max_examples=150)
@given(steps=STEPS, gaps=GAPS)
def test_redriving_often_equals_redriving_once(steps: list[Step], gaps: list[int]) -> None:
    once, often = routed(steps, gaps, often=False), routed(steps, gaps, often=True)
    assert often.events == once.events
    assert often.fold.written == once.fold.written
    assert often.fold.dispatched == once.fold.dispatched


def test_the_steps_redrive_something() -> None:
    """Otherwise the properties above would be empty."""
    router = routed([("send", 0, "code", 1), ("redrive", 0, True, 1)], [0, 60], often=True)
    (case,) = router.fold.cases
    assert [report.id for report in case.reports] == ["policing:J0"]
    assert case.reports[0].received_at == REJECTED_AT, "keeps its first received time"
    assert len(router.dead_letters) == 1
