"""The options of the dead-letter commands are checked before a broker is asked."""

import json
from pathlib import Path

import pytest

from router.cli.dead_letters.options import attribution_of, force_of, required, selection_of
from router.cli.dead_letters.repair import patch_of
from router.wire.errors import InputError
from tests.support.rejected_records import PATCH


def test_no_option_does_not_select_every_dead_letter() -> None:
    with pytest.raises(InputError, match="no dead letters are named"):
        required(selection_of(None, None, None, None, None))
    with pytest.raises(InputError, match="ids are given, and conditions too"):
        selection_of(["a/1/1"], "schema", None, None, None)
    with pytest.raises(InputError, match="ids are given, and conditions too"):
        selection_of(["a/1/1"], None, None, None, None, report_id="1")
    with pytest.raises(InputError, match="TOPIC/PARTITION/OFFSET"):
        selection_of(["a/1"], None, None, None, None)
    assert selection_of(["a/1/1", "a/1/1"], None, None, None, None).ids == ("a/1/1",)


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "\x1b[2J", "x" * 501, "a\N{RIGHT-TO-LEFT OVERRIDE}b"])
def test_actor_and_why_are_one_printable_line(text: str) -> None:
    with pytest.raises(InputError, match="--why"):
        attribution_of("li.wei", text)
    with pytest.raises(InputError, match="--actor"):
        attribution_of(text, "because")


def test_a_patch_comes_from_the_option_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "patch.json"
    file.write_text(json.dumps(PATCH))
    assert patch_of(json.dumps(PATCH)) == patch_of(f"@{file}") == PATCH


@pytest.mark.parametrize(
    "text", ["", "x", "{}", "[]", "3", '"x"', '[{"op":"replace"}]', '[{"op":"mend","path":"/a"}]', "[1]", "null"]
)
def test_text_that_is_not_a_patch_raises_with_the_form(text: str) -> None:
    with pytest.raises(InputError, match=r"RFC 6902"):
        patch_of(text)


def test_a_missing_patch_file_raises_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        patch_of(f"@{tmp_path}/none")


def test_the_former_name_of_force_works_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert force_of(force=False, again=True)
    assert "`--again` is now `--force`" in capsys.readouterr().err


def test_force_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert [force_of(force=force, again=False) for force in (True, False)] == [True, False]
    assert capsys.readouterr().err == ""
