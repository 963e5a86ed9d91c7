"""`grid-router schemas`: what generate writes check finds in order, and whatever is changed is named."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from router.cli import main as entry
from router.cli.schemas import app, made
from tests.support.schemas import ROOT


def command(word: str, folder: Path, *more: str) -> Result:
    return CliRunner().invoke(app, [word, "--folder", str(folder), *more])


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


# --- the last release -------------------------------------------------------------------------------------------------


@pytest.fixture
def after(folder: Path) -> Path:
    """A folder just generated, with the repository's last release in it."""
    shutil.copytree(ROOT / "schemas" / "released", folder / "released")
    return folder


def promised(folder: Path, path: str, **fields: object) -> None:
    """As if the last release had promised these fields."""
    file = folder / "released" / path
    schema = json.loads(file.read_text("utf-8"))
    schema["properties"].update(fields)
    file.write_text(json.dumps(schema), "utf-8")


def files_of(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in folder.rglob("*") if p.is_file()}


def test_the_repository_has_a_release_of_every_kind_and_it_is_kept() -> None:
    answer = command("compatibility", ROOT / "schemas")
    assert (answer.exit_code, answer.stdout) == (0, "")
    paths = files_of(ROOT / "schemas" / "released")
    assert {path.split("/")[0] for path in paths} == {
        *("reports", "events", "headers", "city", "asyncapi.yaml", "release.json")
    }
    assert json.loads(paths["release.json"])["version"] in answer.stderr


@pytest.mark.parametrize("word", ["compatibility", "check"])
def test_a_broken_promise_is_named_by_file_and_pointer_with_its_cure(after: Path, word: str) -> None:
    promised(after, "events/grid.case.changed.v1.json", owner={"type": "string"}, accuracy_m={"type": "string"})
    answer = command(word, after)
    assert answer.exit_code == 1
    told = answer.stdout.splitlines()
    assert [line.split(": ")[0] for line in told] == [
        f"{after / 'events' / 'grid.case.changed.v1.json'}#/properties/{name}"
        for name in ("accuracy_m", "accuracy_m", "owner")
    ]
    assert told[2].endswith(
        ": the field `owner` is gone; keep to what is released, or leave this version as it was and make a new one beside it "
        "(docs/reference/schemas.md)."
    )
    assert "3 promises broken" in answer.stderr


def test_a_schema_that_is_gone_breaks_the_release_and_a_new_one_does_not(after: Path) -> None:
    shutil.copy(after / "released" / "reports" / "policing.v1.json", after / "released" / "reports" / "water.v1.json")
    (after / "released" / "reports" / "hotline.v1.json").unlink()
    answer = command("compatibility", after)
    assert answer.exit_code == 1
    assert answer.stdout.startswith(
        f"{after / 'reports' / 'water.v1.json'}#: is released, and no model makes it any more;"
    )
    assert answer.stdout.count("\n") == 1


def test_before_the_first_release_nothing_can_be_broken(folder: Path) -> None:
    answer = command("compatibility", folder)
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "Nothing is released yet" in answer.stderr


def test_a_release_is_a_copy_of_what_the_models_make(after: Path) -> None:
    (after / "released" / "city" / "left.txt").write_text("nobody's")
    answer = command("release", after, "0.9.0", "--date", "2027-01-31")
    assert answer.exit_code == 0, answer.output
    about = '{\n  "version": "0.9.0",\n  "date": "2027-01-31"\n}\n'
    assert files_of(after / "released") == made() | {"release.json": about}
    assert sorted(path.name for path in after.iterdir() if path.name.startswith(".")) == []
    assert command("check", after).exit_code == 0


def test_a_first_release_needs_no_other(folder: Path) -> None:
    assert command("release", folder, "0.1.0").exit_code == 0
    assert "the release 0.1.0, no promises broken" in command("compatibility", folder).stderr


def test_a_release_that_breaks_the_last_one_or_is_not_generated_is_refused(after: Path) -> None:
    promised(after, "events/grid.clock.ticked.v1.json", owner={"type": "string"})
    before = files_of(after)
    assert command("release", after, "0.9.0").exit_code == 1
    assert files_of(after) == before
    shutil.rmtree(after / "released")
    (after / "asyncapi.yaml").write_text("old")
    answer = command("release", after, "0.9.0")
    assert answer.exit_code == 1
    assert "Nothing is released." in answer.stderr
    assert not (after / "released").exists()


@pytest.mark.parametrize("version", ["0.1.0", "0.0.9", "1.0", "v1.0.0", "1.0.0-rc1", "１.0.0", "1.0.0\n"])
def test_a_release_goes_forward(monkeypatch: pytest.MonkeyPatch, after: Path, version: str) -> None:
    before = files_of(after)
    assert run(monkeypatch, "release", version, "--folder", str(after)) == 2
    assert files_of(after) == before


def test_the_tenth_release_is_after_the_ninth(after: Path) -> None:
    assert command("release", after, "0.9.0").exit_code == 0
    assert command("release", after, "0.10.0").exit_code == 0


def test_a_release_without_a_day_or_that_cannot_be_read_is_one_sentence_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], after: Path
) -> None:
    assert run(monkeypatch, "release", "0.9.0", "--date", "31.1.2027", "--folder", str(after)) == 2
    assert "31.1.2027: it is no day; write it like 2026-11-25." in capsys.readouterr().err
    for path, text in (("release.json", "[]"), ("release.json", "{"), ("events/grid.case.changed.v1.json", "{,}")):
        good = (after / "released" / path).read_text("utf-8")
        (after / "released" / path).write_text(text)
        assert run(monkeypatch, "compatibility", "--folder", str(after)) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith(f"{after / 'released' / path}: the last release cannot be read (")
        (after / "released" / path).write_text(good, "utf-8")


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
