"""What people wrote leaves the journal, its chain verifies, and no figure changes."""

from collections.abc import Callable

import pytest
from msgspec.json import encode
from msgspec.structs import replace

from router.domain.explanation.case_life import CaseLife
from router.domain.explanation.verification import is_whole, verify
from router.domain.figures.returns import figures_of_returns
from router.domain.lifecycle.journal import broken_at, hash_of, in_order, without_words
from router.domain.model.erasure import Erasure
from router.domain.model.feedback import SUPERVISION
from router.domain.model.transition import Transition
from tests.support.driver import Driver, hours, report, tiny
from tests.support.feedback import feedback

CITY = tiny()
MARK = "MARKED"
Log = list[Transition]


def lived() -> Driver:
    """A task was returned, decided by a supervisor, and taken on; then data was erased, and the department spoke once more."""
    driver = Driver(CITY)
    driver.pipe(report("17", rule_set=CITY.rule_set))
    driver.pipe(feedback("return", driver.tasks[0], 1, reason=f"{MARK} is away", department="police"))
    driver.pipe(feedback("reroute", driver.tasks[-1], 2, SUPERVISION, reason=f"{MARK} asked", department="parks"))
    driver.pipe(feedback("accept", driver.tasks[-1], 3))
    case = driver.case_of("17")
    driver.pipe(
        Erasure(id="1", case=case.id, at=hours(4), actor="zhang", reason="law", partition_key=case.partition_key)
    )
    driver.pipe(feedback("progress", driver.tasks[-1], 5, reason="a word since"))
    return driver


def logs(driver: Driver) -> tuple[Log, Log]:
    """The log with what was written again, before compaction and after it."""
    again = without_words(driver.transitions)
    both = [*driver.transitions, *again]
    latest = {one.number: number for number, one in enumerate(both)}
    return both, [one for number, one in enumerate(both) if latest[one.number] == number]


def test_no_word_is_left_after_compaction() -> None:
    driver = lived()
    assert MARK.encode() in encode(driver.transitions)
    _, compacted = logs(driver)
    assert MARK.encode() not in encode(compacted)
    assert b"a word since" in encode(compacted), "what was said since is not meant"
    assert [(one.number, one.actor, one.to) for one in in_order(compacted)] == [
        (one.number, one.actor, one.to) for one in driver.transitions
    ]


def test_the_chain_verifies_before_and_after_compaction() -> None:
    driver = lived()
    for log in logs(driver):
        transitions = in_order(log)
        assert len(transitions) == driver.case_of("17").transitions
        assert broken_at(transitions) is None
        assert is_whole(verify(CaseLife(case=driver.case_of("17"), transitions=transitions)))


def test_what_is_erased_is_not_written_again() -> None:
    _, compacted = logs(lived())
    assert without_words(in_order(compacted)) == []
    assert without_words(Driver(CITY).transitions) == []


def test_figures_count_every_return_once() -> None:
    driver = lived()
    figures = figures_of_returns(driver.transitions)
    assert [(one.duty, one.returned_by, one.went_to, one.returns, one.hours) for one in figures] == [
        ("trees", "parks", "police", 1, 1.0)
    ]
    assert [figures_of_returns(log) for log in logs(driver)] == [figures, figures]


def _other_words(journal: Log) -> Log:
    return [replace(one, reason="other") if one.kind == "return" and not one.begin else one for one in journal]


def _other_words_and_hash_of_them(journal: Log) -> Log:
    return [replace(one, said="0" * 32) if one.said else one for one in journal]


def _words_gone_without_an_erasure(journal: Log) -> Log:
    last = journal[-1]
    return [*journal[:-1], replace(last, reason="", erased=True)]


def _words_back(journal: Log) -> Log:
    return [replace(one, reason="made up") if one.erased else one for one in journal]


def _no_words_and_not_said_so(journal: Log) -> Log:
    return [replace(one, erased=False) for one in journal]


def _another_stage(journal: Log) -> Log:
    return [replace(one, to="handled") if one.erased else one for one in journal]


@pytest.mark.parametrize(
    "change",
    [
        _other_words,
        _other_words_and_hash_of_them,
        _words_gone_without_an_erasure,
        _words_back,
        _no_words_and_not_said_so,
        _another_stage,
    ],
)
def test_what_was_altered_is_found(change: Callable[[Log], Log]) -> None:
    driver = lived()
    for log in logs(driver):
        journal = list(in_order(log))
        altered = change(journal)
        if altered == journal:
            continue
        assert broken_at(altered) is not None
        assert not is_whole(verify(CaseLife(case=driver.case_of("17"), transitions=tuple(altered))))


def test_a_transition_without_words_has_the_hash_of_all_it_says() -> None:
    first = lived().transitions[0]
    assert (first.said, hash_of(first)) == ("", first.hash)
    assert hash_of(replace(first, reason="other")) != first.hash
