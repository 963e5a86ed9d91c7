"""The poison collection as dead dead_letters in a terminal: `list`, `show`, `tail`, as text and as JSON."""

import json
import unicodedata
from types import SimpleNamespace

import pytest

from router.cli.dead_letters.view import as_json, as_text, print_list
from router.cli.text.envelope import content_of, envelope, line
from router.cli.text.output import json_out
from router.cli.text.sanitize import INVISIBLE, escape_json
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import PlainRecord
from router.wire.codec import DeadLetter, encode_dead_letter, read_dead_letter
from router.wire.repairs import Repair
from tests.support.poison import POISON, Poison
from tests.support.poison.record import named

REJECTION = Rejection(code="schema", reason="field `\x1b[31m\u202ex`: none; send another.")
"""As any producer could write it to the topic."""


def dead_letter(offset: int, one: Poison) -> DeadLetter:
    record = PlainRecord(
        topic=f"reports.{one.network}",
        partition=0,
        offset=offset,
        timestamp=1_795_485_600_000,
        key=one.key,
        value=one.value,
        headers=named(one.headers),
    )
    return read_dead_letter(*encode_dead_letter(record, REJECTION, one.network))


LARGE = 100_000
"""Bytes. Longer values only repeat themselves."""
DEAD_LETTERS = [dead_letter(offset, one) for offset, one in enumerate(POISON)]


Out = pytest.CaptureFixture[bytes]


def unseen(text: str) -> set[str]:
    return {char for char in text if unicodedata.category(char) in INVISIBLE and char != "\n"}


def content(capsysbinary: Out) -> str:
    """What went to the terminal."""
    return capsysbinary.readouterr().out.decode()


def test_show_prints_visible_characters_only() -> None:
    for one in DEAD_LETTERS:
        shown = as_text(one, Repair(dead_letter=one.id))
        assert unseen(shown) == set(), one.id
        fixed = 7 + len(one.headers)
        assert shown.count("\n") <= fixed, one.id  # no line of its own making


def test_the_list_prints_one_line_for_each(capsysbinary: Out) -> None:
    print_list([(one, "open") for one in DEAD_LETTERS], "text")
    printed = content(capsysbinary)
    assert unseen(printed) == set()
    assert printed.count("\n") == len(DEAD_LETTERS) + 1


def test_json_means_the_same_and_shows_no_escape_sequence(capsysbinary: Out) -> None:
    dead_letters = [one for one in DEAD_LETTERS if len(one.value or b"") < LARGE]
    assert len(dead_letters) > 1500
    for one in dead_letters:
        json_out(as_json(one, "open"))
    printed = content(capsysbinary)
    assert unseen(printed) == set()
    read = [json.loads(one) for one in printed.split("\n")[:-1]]
    assert [one["id"] for one in read] == [one.id for one in dead_letters]
    assert [one["headers"] for one in read] == [as_json(one, "open")["headers"] for one in dead_letters]
    hostile = next(one for one in read if POISON[one["offset"]].name == "policing: a right-to-left override in a text")
    assert hostile["value"]["bjnr"] == "invoice\u202egpj.exe"


def test_tail_prints_them_as_well(capsysbinary: Out) -> None:
    for offset, one in enumerate(POISON):
        record = SimpleNamespace(
            topic="t", partition=0, offset=offset, timestamp=0, key=one.key, value=one.value, headers=named(one.headers)
        )
        shown = line(record, 200)
        assert unseen(shown) == set(), one.name
        assert "\n" not in shown
        assert len(shown) <= 200
        if len(one.value or b"") < LARGE:
            json_out(envelope(record))
    assert unseen(content(capsysbinary)) == set()


@pytest.mark.parametrize("char", ["\x1b", "\x7f", "\u009b", "\u202e", "\u2028", "\ufeff", "\U000e0041", "\ue000"])
def test_escaped_json_parses_to_the_same_value(char: str) -> None:
    text = json.dumps({"a" + char: [char]}, ensure_ascii=False)
    assert unseen(escape_json(text)) == set()
    assert json.loads(escape_json(text)) == {"a" + char: [char]}


@pytest.mark.parametrize("depth", [150, 253, 300, 1000, 100_000])
def test_json_nested_too_deep_to_write_is_shown_as_text(depth: int, capsysbinary: Out) -> None:
    value = b"[" * depth + b"]" * depth
    json_out(content_of(value).shown)
    shown = json.loads(content(capsysbinary))
    assert shown == value.decode() or json.dumps(shown) == value.decode()
