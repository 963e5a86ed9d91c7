"""Whatever is reported, corrected, answered and erased in whatever order: what was erased is in no case, and a restored state is the folded one."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.lifecycle.journal import broken_at, in_order, without_words
from router.domain.model.erasure import Erasure
from router.domain.model.report import Media, Report
from router.wire.codec import encode_case, encode_task
from tests.support.driver import CELL, NEXT_CELL, OTHER_STREET, Driver, hours, report, tiny
from tests.support.feedback import feedback

CITY = tiny()
PLACES: tuple[dict[str, Any], ...] = (
    {"cell": CELL},
    {"cell": CELL, "north": 12},
    {"cell": NEXT_CELL, "east": 15},
    {"cell": OTHER_STREET, "north": 700},
    {"cell": CELL, "point": False, "accuracy": 900},
)
STEP = st.tuples(
    st.sampled_from(["report", "report", "report", "again", "erase report", "erase case", "return"]),
    st.integers(0, 3),
    st.sampled_from(["tree", "tree", "grass", "hole"]),
    st.sampled_from(PLACES),
    st.sampled_from(["Unknown", "Minor", "Extreme"]),
    st.sampled_from([None, None, None, "closed"]),
)


def mark(id_: str) -> bytes:
    return f"<text of {id_}>".encode()


class History:
    """A partition, and which reports are erased."""

    def __init__(self) -> None:
        self.driver, self.at, self.latest = Driver(CITY), 0.0, dict[str, Report]()
        self.erased: set[str] = set()

    def take(self, step: tuple[Any, ...]) -> None:
        kind, number, *said = step
        name, self.at = str(number), self.at + 1
        known = self.latest.get(name)
        if kind == "report":
            self._report(name, known, tuple(said))
        elif known is None:
            return
        elif kind == "again":
            self.driver.pipe(known)
        elif kind == "return":
            self._return(name)
        else:
            self._erase(known.id, alone=kind == "erase report")

    def _report(self, name: str, known: Report | None, said: tuple[Any, ...]) -> None:
        matter, place, severity, closed = said
        text = mark(f"hotline:{name}").decode()
        one = report(
            name,
            0,
            received=self.at,
            matter=matter,
            version=1 if known is None else known.version + 1,
            offset=int(self.at),
            rule_set=CITY.rule_set,
            description=text,
            address=text,
            reporter=text,
            media=(Media(url=text, sha256="0"),),
            extensions={"personRef": text},
            severity=severity,
            closed=closed,
            **place,
        )
        self.driver.pipe(one)
        self.latest[name] = one

    def _return(self, name: str) -> None:
        case = self.driver.case_of(name)
        task = next((one for one in reversed(self.driver.tasks) if one.case == case.id and not one.final), None)
        if task is not None:
            self.driver.pipe(feedback("return", task, self.at, reason=f"<words about {case.id}>"))

    def _erase(self, id_: str, *, alone: bool) -> None:
        case = self.driver.state.case_by_report[id_]
        asked = (id_,) if alone else ()
        self.erased |= {id_} if alone else {one.id for one in case.reports}
        self.driver.pipe(
            Erasure(
                id=f"{case.id}/{self.at}",
                case=case.id,
                at=hours(self.at),
                actor="zhang",
                reason="law",
                partition_key=case.partition_key,
                reports=asked,
            )
        )
        written = encode_case(self.driver.state.case_by_report[id_])[1]
        assert b"<words about" not in written
        for task in self.driver.tasks:
            if task.erased_at == hours(self.at):
                assert not any(mark(one) in encode_task(task)[1] for one in self.erased)


@settings(max_examples=150)
@given(st.lists(STEP, min_size=3, max_size=14))
def test_what_was_erased_is_in_no_case(steps: list[tuple[Any, ...]]) -> None:
    history = History()
    for step in steps:
        history.take(step)
        driver = history.driver
        for case in driver.cases:
            value = encode_case(case)[1]
            assert not any(mark(id_) in value for id_ in history.erased)
    assert driver.crash().snapshot() == driver.snapshot()
    for case in driver.cases:
        journal = [one for one in driver.transitions if one.case == case.id]
        assert broken_at(journal) is None
        assert broken_at(in_order([*journal, *without_words(journal)])) is None
