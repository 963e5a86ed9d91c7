"""What `figures returns` prints."""

from types import SimpleNamespace

import pytest

from router.cli.figures import _print, _transitions
from router.domain.figures.returns import ReturnFigures
from router.wire.codec import encode_transition
from tests.support.driver import Driver, report, tiny

ROW = ReturnFigures(
    duty="trees",
    returned_by="parks",
    went_to="roads\x1b[2J",
    returns=2,
    cases=2,
    hours=5.0,
    median_hours=2.5,
    longest_hours=4.0,
)


def test_a_line_for_each_duty_and_pair(capsys: pytest.CaptureFixture[str]) -> None:
    _print([ROW])
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ["duty", "returned", "by", "went", "to", "returns", "cases", "hours", "median", "longest"],
        ["trees", "parks", "roads�[2J", "2", "2", "5.0", "2.5", "4.0"],
    ]
    assert err == "2 returns cost 5.0 hours.\n"


def test_no_returns(capsys: pytest.CaptureFixture[str]) -> None:
    _print([])
    assert capsys.readouterr() == ("", "No department has returned a task in this time.\n")


def test_what_is_no_transition_is_left_out_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    driver = Driver(tiny())
    driver.pipe(report("17"))
    values = [encode_transition(driver.transitions[0], "")[1], None, b"{", b"[1]"]
    assert list(_transitions([SimpleNamespace(value=value) for value in values])) == driver.transitions
    assert capsys.readouterr().err == "3 records are no transitions, and are left out.\n"
