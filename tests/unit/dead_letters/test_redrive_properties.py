"""Driving dead letters again, any of them, repaired or not, as often as one likes, never doubles: through both stages, without Kafka.

Whatever is driven goes back to its own topic and meets there what the network itself sends meanwhile: the same record, corrections,
and records that are rejected for another reason.
"""

from collections import Counter
from datetime import timedelta
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from router.dead_letters.patching import patched
from router.dead_letters.redrive_record import outgoing
from router.domain.model.report import Rejection
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.stream.processors.normalise import NormaliseProcessor
from router.wire.codec import DeadLetter, decode_event, read_dead_letter
from router.wire.metrics import Metrics
from tests.support.driver import Driver
from tests.support.records import ALARM, Record, city, written
from tests.support.rejected_records import MEND, NAMES, REFUSED_AT

TOPIC = NAMES.reports("policing")
Step = tuple[Literal["send"], int, str, int] | tuple[Literal["drive"], int, bool, int]
"""A record of the network (which report, what is wrong with it, its text), or a letter redriven (which, repaired, how often);
behind a record the minutes since the last one."""
WRONG: dict[str, Any] = {
    "nothing": {},
    "code": {"bjlxdm": "9999"},
    "time": {"bjsj": "yesterday"},
    "both": {"bjlxdm": "9999", "bjsj": ""},
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 2), st.sampled_from([*WRONG, "nothing"]), st.integers(0, 2)),
        st.tuples(st.just("drive"), st.integers(0, 9), st.booleans(), st.integers(1, 3)),
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
        self._end, self._beside = 0, 1_000_000

    def read(self, value: bytes | None, headers: Any, minutes: int, *, beside: bool = False) -> None:
        """The topic's next record; `beside` at an offset that leaves those of the others as they were."""
        if beside:
            self._beside += 1
        else:
            self._end += 1
        offset = self._beside if beside else self._end
        at = round((REFUSED_AT + timedelta(minutes=minutes)).timestamp() * 1000)
        record = Record(value=value, offset=offset, topic=TOPIC, partition=0, timestamp=at, key=b"k", headers=headers)
        self.processor.process([record], self, set())()  # type: ignore[arg-type]  # it only adds

    def add(self, topic: str, partition: int, key: Any, value: Any, headers: Any = ()) -> None:
        """Stands for the writer of a transaction."""
        del partition
        if topic == NAMES.events:
            self.events += 1
            self.fold.pipe(decode_event(headers, value))
        elif topic == NAMES.dead_letters:
            self.dead_letters.append(read_dead_letter(key, value, headers))

    def drive(self, dead_letter: DeadLetter, minutes: int, *, repaired: bool, beside: bool = False) -> None:
        """As `dead-letters repair` and `redrive` do it."""
        value = patched(dead_letter, dead_letter.value, MEND) if repaired else dead_letter.value
        if not isinstance(value, Rejection):
            record = outgoing(dead_letter, value, "li.wei", repaired=repaired)
            self.read(record.value, record.headers, minutes, beside=beside)


def sent(which: int, wrong: str, text: int) -> bytes:
    return written(ALARM | {"jjdbh": f"J{which}", "bjnr": "x" * text} | WRONG[wrong])


def routed(steps: list[Step], gaps: list[int], *, often: bool) -> Router:
    router, minutes = Router(), 0
    for step, gap in zip(steps, gaps, strict=False):
        minutes += gap
        if step[0] == "send":
            router.read(sent(*step[1:]), (), minutes)
        elif router.dead_letters:
            dead_letter = router.dead_letters[step[1] % len(router.dead_letters)]
            router.drive(dead_letter, minutes, repaired=step[2])
            for _ in range(step[3] if often else 0):
                known = len(router.dead_letters)
                router.drive(dead_letter, minutes, repaired=step[2], beside=True)
                del router.dead_letters[known:]  # rejected once more: the same list of letters for both
    return router


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, gaps=GAPS)
def test_nothing_that_is_driven_again_is_in_two_cases_or_dispatched_twice(steps: list[Step], gaps: list[int]) -> None:
    fold = routed(steps, gaps, often=True).fold
    held = Counter(report.id for case in fold.cases for report in case.reports)
    assert not held or max(held.values()) == 1
    dispatched = Counter(task.id for task in fold.tasks if task.state == "dispatched")
    assert not dispatched or max(dispatched.values()) == 1
    for case in fold.cases:
        for report in case.reports:
            assert [one.version for one in report.earlier] == list(range(1, report.version))


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, gaps=GAPS)
def test_driving_a_letter_often_is_driving_it_once(steps: list[Step], gaps: list[int]) -> None:
    once, often = routed(steps, gaps, often=False), routed(steps, gaps, often=True)
    assert often.events == once.events
    assert often.fold.written == once.fold.written
    assert often.fold.dispatched == once.fold.dispatched


def test_these_steps_do_drive_something() -> None:
    """Otherwise the properties above would hold of nothing."""
    router = routed([("send", 0, "code", 1), ("drive", 0, True, 1)], [0, 60], often=True)
    (case,) = router.fold.cases
    assert [report.id for report in case.reports] == ["policing:J0"]
    assert case.reports[0].received_at == REFUSED_AT, "received when it came first"
    assert len(router.dead_letters) == 1
