"""Outcomes are printed as text or JSON, and a failure gives exit code 1."""

import json

import pytest
import typer

from router.cli.dead_letters.outcomes import OutcomePrinter
from router.dead_letters.actions import ActionFailure, ActionOutcome

FAILURE = ActionFailure(code="no-partition", reason="t/9 does not exist; \x1b[31mmake it.")
OUTCOMES = [
    ActionOutcome(dead_letter="t/0/1", result="redriven", to="t/0/7"),
    ActionOutcome(dead_letter="t/0/2", result="skipped"),
    ActionOutcome(dead_letter="t/9/3", result="rejected", failure=FAILURE),
]
Out = pytest.CaptureFixture[str]


def test_text_prints_failures_only_and_without_escape_sequences(capsys: Out) -> None:
    printer = OutcomePrinter("redriven", "text")
    for outcome in OUTCOMES:
        printer.print(outcome)
    printed = capsys.readouterr().out
    assert printed.splitlines() == ["t/9/3  no-partition: t/9 does not exist; \N{REPLACEMENT CHARACTER}[31mmake it."]


def test_json_prints_every_dead_letter(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    printer = OutcomePrinter("redriven", "json")
    for outcome in OUTCOMES:
        printer.print(outcome)
    assert [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()] == [
        {"id": "t/0/1", "result": "redriven", "to": "t/0/7"},
        {"id": "t/0/2", "result": "skipped"},
        {"id": "t/9/3", "result": "rejected", "code": "no-partition", "reason": FAILURE.reason},
    ]


def test_a_dry_run_prints_where_each_record_would_go(capsys: Out) -> None:
    OutcomePrinter("to-drive", "text", all_=True).print(ActionOutcome(dead_letter="t/0/1", result="to-drive", to="t/0"))
    assert capsys.readouterr().out == "t/0/1  to drive, to t/0\n"


def test_the_summary_counts_and_fails_with_exit_code_1(capsys: Out) -> None:
    printer = OutcomePrinter("redriven", "text")
    for outcome in OUTCOMES:
        printer.print(outcome)
    with pytest.raises(typer.Exit) as error:
        printer.summary("could not be redriven")
    assert error.value.exit_code == 1
    sentence = "1 redriven, 1 skipped, redriven before (--force includes them) or erased, 1 could not be redriven.\n"
    assert capsys.readouterr().err == sentence


def test_a_summary_without_failure_does_not_exit(capsys: Out) -> None:
    printer = OutcomePrinter("repaired", "text")
    printer.print(ActionOutcome(dead_letter="t/0/1", result="repaired"))
    printer.summary("would still be rejected")
    assert capsys.readouterr().err == "1 repaired, 0 would still be rejected.\n"
