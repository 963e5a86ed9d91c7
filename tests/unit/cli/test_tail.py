"""The options and the output of `tail`, without a broker."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from router.cli.text.envelope import content_of, envelope, in_cell, line
from router.cli.text.output import json_out
from router.cli.text.sanitize import sanitize, sanitize_bytes
from router.cli.text.timestamps import BEGINNING, from_ms, instant, stamp
from router.wire.errors import InputError

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


def record(**given: Any) -> SimpleNamespace:
    fields: dict[str, Any] = {
        "topic": "grid.events",
        "partition": 3,
        "offset": 41,
        "timestamp": 1_800_000_000_123,
        "key": b"060371001001001",
        "value": b'{"id": "policing:1"}',
        "headers": [],
    }
    return SimpleNamespace(**(fields | given))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-90s", NOW - timedelta(seconds=90)),
        ("-30m", NOW - timedelta(minutes=30)),
        ("-1h", NOW - timedelta(hours=1)),
        ("-2d", NOW - timedelta(days=2)),
        ("-1w", NOW - timedelta(days=7)),
        ("-9999w", BEGINNING),
        ("beginning", BEGINNING),
        ("now", NOW),
        ("2026-11-24T09:00:00+08:00", datetime(2026, 11, 24, 1, tzinfo=UTC)),
        ("2026-11-24T09:00:00.5Z", datetime(2026, 11, 24, 9, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_instants(text: str, expected: datetime) -> None:
    assert instant(text, NOW, option="--from") == expected


@pytest.mark.parametrize("text", ["yesterday", "-1y", "1h", "", "-h", "2026-13-01T00:00:00Z"])
def test_an_invalid_time_is_an_error_with_the_valid_forms(text: str) -> None:
    with pytest.raises(InputError, match=r"--from: .* is not a time; write -30m"):
        instant(text, NOW, option="--from")


def test_a_time_without_a_zone_is_an_error() -> None:
    with pytest.raises(InputError, match="has no time zone; write 2026-11-24T09:00:00Z"):
        instant("2026-11-24T09:00:00", NOW, option="--to")


def test_stamps_are_utc_with_milliseconds() -> None:
    assert stamp(from_ms(1_800_000_000_123)) == "2027-01-15T08:00:00.123Z"
    assert stamp(from_ms(-1)) == "1970-01-01T00:00:00.000Z"


def test_sanitized_text_has_no_escape_line_break_or_bidi_override() -> None:
    assert sanitize("a\x1b[2Jb\r\nc\N{RIGHT-TO-LEFT OVERRIDE}d") == "a�[2Jb��c�d"
    assert sanitize("路灯 broken") == "路灯 broken"
    assert sanitize("abcdef", 4) == "abc…"


def test_bytes_are_text_or_hexadecimal() -> None:
    assert sanitize_bytes("路灯".encode()) == "路灯"
    assert sanitize_bytes(b"\xff\x00") == "hex:ff00"
    assert sanitize_bytes(b"a\x00b") == "hex:610062"
    assert sanitize_bytes("路".encode() * 100, 4) == "路路路…"
    assert sanitize_bytes(b"x" + "路".encode() * 100, 4) == "x路路…"


def test_the_envelope_is_json_and_keeps_repeated_headers_in_order() -> None:
    shown = envelope(record(headers=[("a", b"1"), ("a", b"\xff"), ("b", b"")]))
    assert orjson.loads(orjson.dumps(shown)) == {
        "topic": "grid.events",
        "partition": 3,
        "offset": 41,
        "time": "2027-01-15T08:00:00.123Z",
        "key": "060371001001001",
        "headers": [["a", "1"], ["a", "hex:ff"], ["b", ""]],
        "value": {"id": "policing:1"},
        "value_kind": "json",
    }


@pytest.mark.parametrize(
    ("raw", "kind", "shown"),
    [
        (None, "none", None),
        (b"null", "json", None),
        (b"not { json", "text", "not { json"),
        (b"", "text", ""),
        (b"\xff\xfe", "hex", "fffe"),
    ],
)
def test_a_value_that_is_not_json_is_still_shown(raw: bytes | None, kind: str, shown: Any) -> None:
    content = content_of(raw)
    assert (content.kind, content.shown) == (kind, shown)


@pytest.mark.parametrize(
    "number", ["1.0000000000000000000001", "-0", "1.50", "1E2", "115.0305", "12345678901234567890123"]
)
def test_the_numbers_of_a_value_are_printed_as_they_were_written(
    number: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """People make repairs of what is printed."""
    json_out(envelope(record(value=f'{{ "n": [{number}] }}'.encode())))
    assert f'"value":{{"n":[{number}]}}'.encode() in capsysbinary.readouterr().out


def test_a_line_has_one_width_and_no_control_characters() -> None:
    text = line(record(value=b"x" * 500), 80)
    assert len(text) == 80
    assert text.startswith("2027-01-15T08:00:00.123Z 3/41 060371001001001 xxx")
    assert "\x1b" not in line(record(value=b"\x1b[31m", key=None), 80)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"key": b"060371001001001"}, True),
        ({"key": b"c-1", "value": b'{"cell": "060371001001009"}'}, True),
        ({"key": b"c-1", "value": b'{"location": {"cell": "060371001001009"}}'}, True),
        ({"key": b"c-1", "value": b'{"cell": "110108001001001"}'}, False),
        ({"key": None, "value": b'["cell"]'}, False),
        ({"key": b"\xff", "value": None}, False),
        ({"key": b"c-1", "value": b'{"location": "0603"}'}, False),
    ],
)
def test_a_cell_is_found_in_the_key_or_the_value(given: dict[str, Any], expected: bool) -> None:
    assert in_cell(record(**given), "06037*") is expected
