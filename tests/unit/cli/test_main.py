"""Manners of the command line: help, version, exit codes, one sentence for an expected error."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import orjson
import pytest
import typer
from typer.testing import CliRunner

from router import __version__
from router.cli import main as entry
from router.wire.errors import InputError
from router.wire.settings import Settings
from tests.support.patience import PATIENCE_S
from tests.support.repository import ROOT


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """`grid-router <arguments>` in this process; the exit code."""
    monkeypatch.setattr(sys, "argv", ["grid-router", *arguments])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    return int(ended.value.code or 0)


def place_command(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """A command `fail` that raises."""
    module = ModuleType("failing_command")

    def fail() -> None:
        raise error

    module.fail = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "failing_command", module)
    monkeypatch.setitem(entry.COMMANDS, "fail", "failing_command:fail")


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"grid-router {__version__}\n"


def test_bare_command_shows_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch)
    said = "".join(capsys.readouterr())
    assert [name for name in entry.COMMANDS if f"\n  {name} " not in said] == []


def leaves(command: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    """Every command that does something, with its words."""
    commands = getattr(command, "commands", None)
    if not commands:
        return [(path, command)]
    context = typer.Context(command)  # type: ignore[arg-type]
    return [
        leaf
        for name in command.list_commands(context)  # type: ignore[attr-defined]
        for leaf in leaves(command.get_command(context, name), (*path, name))  # type: ignore[attr-defined]
    ]


def test_every_command_has_help_with_an_example_of_itself() -> None:
    found = leaves(typer.main.get_command(entry.app))
    assert len(found) >= len(entry.COMMANDS)
    without = [" ".join(path) for path, command in found if f"grid-router {' '.join(path)}" not in (command.help or "")]
    assert without == []


def test_every_command_answers_to_help() -> None:
    runner = CliRunner()
    for path, _ in leaves(typer.main.get_command(entry.app)):
        answer = runner.invoke(entry.app, [*path, "--help"])
        assert answer.exit_code == 0, path
        assert "Usage:" in answer.output


def test_an_expected_error_is_one_sentence_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place_command(monkeypatch, InputError("no such file", where="a.csv:1", hint="name one that is there"))
    assert run(monkeypatch, "fail") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "a.csv:1: no such file; name one that is there.\n"


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    place_command(monkeypatch, ZeroDivisionError("a defect"))
    monkeypatch.setattr(sys, "argv", ["grid-router", "fail"])
    with pytest.raises(ZeroDivisionError):
        entry.main()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PARTITIONS", "many", "GRID_ROUTER_PARTITIONS=many: Input should be a valid integer"),
        ("BROKER_PORT", "70000", "GRID_ROUTER_BROKER_PORT=70000: Input should be less than or equal to 65535"),
        ("NAMESPACE", "no dot", "GRID_ROUTER_NAMESPACE=no dot: a namespace is empty, or lower-case letters"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"GRID_ROUTER_{name}", value)
    assert run(monkeypatch, "broker", "status") == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["run"], "demo"),
        (["up"], "serve"),
        (["catalogue", "editions"], "catalogue rule-sets"),
    ],
)
def test_an_old_command_works_and_names_the_new_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], old: list[str], new: str
) -> None:
    assert run(monkeypatch, *old, "--help") == 0
    shown = capsys.readouterr()
    assert f"`{' '.join(old)}` is now `{new}`; the old name works until 0.3.\n" in shown.err
    assert f"grid-router {new}" in shown.out
    run(monkeypatch, *old[:-1], "--help")
    assert f"\n  {old[-1]} " not in capsys.readouterr().out
    page = (ROOT / "docs" / "how-to" / "upgrade.md").read_text(encoding="utf-8")
    assert f"| `grid-router {' '.join(old)}` | `grid-router {new}` |" in page


def test_a_mistyped_command_is_answered_with_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "brokr", "start") == 2
    assert "Did you mean 'broker'?" in capsys.readouterr().err


def test_a_stopped_broker_is_exit_1_and_json_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    monkeypatch.delenv("GRID_ROUTER_KAFKA", raising=False)
    monkeypatch.setenv("GRID_ROUTER_HOME", str(tmp_path))
    assert run(monkeypatch, "broker", "status", "-o", "json") == 1
    said = capsysbinary.readouterr()
    assert said.out.count(b"\n") == 1
    assert orjson.loads(said.out)["state"] == "stopped"
    assert said.err == b""


def test_an_unreachable_outside_cluster_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRID_ROUTER_KAFKA", "127.0.0.1:1")
    assert run(monkeypatch, "broker", "start") == 2
    assert capsys.readouterr().err.startswith(
        "127.0.0.1:1: GRID_ROUTER_KAFKA names an outside cluster; unset GRID_ROUTER_KAFKA"
    )


def test_a_reader_that_stops_reading_is_no_error() -> None:
    """`grid-router broker --help | head -1`."""
    command = [sys.executable, "-m", "router.cli.main", "broker", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(PATIENCE_S)


def test_starting_the_command_imports_no_geometry_and_no_faust() -> None:
    code = "import sys, router.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"faust", "shapely", "kafka", "numpy"}.isdisjoint(done.stdout.split())


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`GRID_ROUTER_{name.upper()}`" not in page] == []
