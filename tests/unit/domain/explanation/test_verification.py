"""A journal that is whole, and each way in which it may not be."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from router.domain.explanation.case_life import CaseLife
from router.domain.explanation.verification import is_whole, verify
from router.domain.lifecycle.journal import hash_of
from router.domain.model.feedback import SUPERVISION
from router.domain.model.transition import Transition
from tests.support.driver import Driver, report, tiny
from tests.support.feedback import feedback

Journal = tuple[Transition, ...]


def life() -> CaseLife:
    driver = Driver(tiny())
    driver.pipe(report("17"))
    task = driver.tasks[0]
    driver.pipe(
        feedback("accept", task, 1),
        feedback("progress", task, 2),
        feedback("reroute", task, 3, SUPERVISION, reason="x", department="roads"),
    )
    return CaseLife(case=driver.case_of("17"), transitions=tuple(driver.transitions))


def test_whole() -> None:
    one = life()
    (sentences,) = verify(one)
    assert is_whole([sentences])
    assert sentences.en == (
        f"The journal of {one.case.id} is whole: 5 transitions, each with the hash of the one before, up to {one.case.chain}."
    )
    assert "共 5 条" in sentences.zh


def _altered(journal: Journal) -> Journal:
    return (*journal[:2], replace(journal[2], actor="another"), *journal[3:])


def _altered_with_its_hash(journal: Journal) -> Journal:
    altered = replace(journal[2], actor="another")
    return (*journal[:2], replace(altered, hash=hash_of(altered)), *journal[3:])


def _made_up_end(journal: Journal) -> Journal:
    altered = replace(journal[4], department="police")
    return (*journal[:4], replace(altered, hash=hash_of(altered)))


FAULTS: list[tuple[Callable[[Journal], Journal], str]] = [
    (
        _altered,
        "breaks at transition 3 of {case}, caused by feedback.parks/0/200: its content is not that of its hash.",
    ),
    (_altered_with_its_hash, "breaks at transition 4 of {case}, caused by feedback.supervision/0/300: it follows "),
    (
        lambda journal: (*journal[:2], *journal[3:]),
        "breaks at transition 4 of {case}, caused by feedback.supervision/0/300: number 3 is missing.",
    ),
    (
        lambda journal: journal[1:],
        "breaks at transition 2 of {case}, caused by feedback.parks/0/100: number 1 is missing.",
    ),
    (
        lambda journal: (*journal[:2], replace(journal[1]), *journal[2:]),
        "caused by feedback.parks/0/100: it stands in place 3.",
    ),
    (lambda journal: journal[:4], "{case} has 5 transitions by its own record, and 4 are on the journal."),
    (lambda _: (), "{case} has 5 transitions by its own record, and 0 are on the journal."),
    (_made_up_end, "The last transition of {case} has another hash than the case remembers."),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_a_fault_is_named(change: Callable[[Journal], Journal], said: str) -> None:
    one = life()
    sentences = verify(replace(one, transitions=change(one.transitions)))
    assert not is_whole(sentences)
    assert said.format(case=one.case.id) in sentences[0].en
    assert one.case.id in sentences[0].zh


def test_a_task_that_is_not_where_its_journal_led() -> None:
    one = life()
    gone, now = one.case.assignments
    case = replace(one.case, assignments=(gone, replace(now, stage="closed")))
    sentences = verify(replace(one, case=case))
    assert [one.en for one in sentences] == [f"{now.task} is closed, and its last transition led to dispatched."]
    assert not is_whole(sentences)


def test_a_case_of_an_earlier_release_has_no_journal() -> None:
    one = life()
    case = replace(one.case, transitions=0, chain="")
    (sentences,) = verify(CaseLife(case=case, transitions=()))
    assert is_whole([sentences])
    assert sentences.en.startswith(f"{case.id} has no transition: ")
