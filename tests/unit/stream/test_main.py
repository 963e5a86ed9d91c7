"""`python -m router.stream`: the options of the worker module."""

import sys

import pytest

from router.stream import __main__ as entry


def test_the_old_option_works_and_names_the_new_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = {}
    monkeypatch.setattr(entry, "main", lambda city, **options: started.update(options, city=city))
    monkeypatch.setenv("GRID_ROUTER_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr(sys, "argv", ["router.stream", "los-angeles", "--leash"])
    assert entry._run() == 0
    assert started["exit_with_parent"] is True
    assert capsys.readouterr().err == "`--leash` is now `--exit-with-parent`; the old name works until 0.3.\n"
