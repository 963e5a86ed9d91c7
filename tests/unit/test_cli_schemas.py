"""`grid-router schemas`: what generate writes check finds in order, and whatever is changed is named."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from router.cli import main as entry
from router.cli.schemas import app, made


def command(word: str, folder: Path) -> Result:
    return CliRunner().invoke(app, [word, "--folder", str(folder)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder just generated."""
    assert command("generate", tmp_path / "new" / "schemas").exit_code == 0
    return tmp_path / "new" / "schemas"


def test_what_is_generated_is_in_order(folder: Path) -> None:
    answer = command("check", folder)
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "none of them wrong" in answer.stderr


def test_generating_again_changes_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    answer = command("generate", folder)
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("path", sorted(made()))
def test_a_changed_file_is_named_with_its_cure(folder: Path, path: str) -> None:
    (folder / path).write_bytes((folder / path).read_bytes().replace(b"\n", b"\r\n", 1))
    answer = command("check", folder)
    assert answer.exit_code == 1
    assert answer.stdout == f"{folder / path}: differs from its model; run `make schemas`.\n"


def test_a_missing_file_is_named_and_made_anew(folder: Path) -> None:
    (folder / "reports" / "policing.v1.json").unlink()
    answer = command("check", folder)
    assert answer.exit_code == 1
    assert answer.stdout == f"{folder / 'reports' / 'policing.v1.json'}: is missing; run `make schemas`.\n"
    assert "policing.v1.json: written" in command("generate", folder).stdout
    assert command("check", folder).exit_code == 0


def test_a_schema_that_no_model_makes_is_named_and_removed(folder: Path) -> None:
    left = folder / "reports" / "water.v1.json"
    schema = json.loads((folder / "reports" / "policing.v1.json").read_text("utf-8"))
    left.write_text(json.dumps(schema | {"$id": "urn:grid-router:schema:reports:water:v1"}), "utf-8")
    answer = command("check", folder)
    assert answer.exit_code == 1
    assert answer.stdout.startswith(f"{left}: is left over, no model makes it any more; run `make schemas`")
    assert f"{left}: removed" in command("generate", folder).stdout
    assert not left.exists()
    assert command("check", folder).exit_code == 0


def test_files_of_others_stay(folder: Path) -> None:
    others = [folder / "README.md", folder / "reports" / "notes.json", folder / "own" / "a.json"]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text('{"$id": "urn:example:mine"}')
    assert command("check", folder).exit_code == 0
    assert command("generate", folder).exit_code == 0
    assert all(path.exists() for path in others)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["grid-router", "schemas", *arguments])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    return int(ended.value.code or 0)


def test_a_missing_folder_is_one_sentence_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "check", "--folder", str(tmp_path / "nowhere")) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{tmp_path / 'nowhere'}: there is no such folder; run `make schemas`")
    assert said.err.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_one_sentence_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert run(monkeypatch, "generate", "--folder", str(tmp_path / "file")) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"{tmp_path / 'file'}: it cannot be changed (")
    assert said.err.count("\n") == 1
