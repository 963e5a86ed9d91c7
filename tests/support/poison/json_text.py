"""Values that are no JSON, or JSON that is no message."""

import gzip
from collections.abc import Iterator

from tests.support.poison.record import Poison, accepted, rejected, sound, with_text, written

BROKEN = "broken JSON"
NOT_A_MESSAGE = "JSON that is no object"
OTHER_FORMAT = "another format"
TWICE = "a field twice"
DEEP = "deep nesting"
NUMBERS = "huge and odd numbers"

_PIECES = {
    "an open brace": b"{",
    "a closing brace": b"}",
    "an open bracket": b"[",
    "a lone quote": b'"',
    "a name without value": b'{"jjdbh"}',
    "a colon without value": b'{"jjdbh":}',
    "no colon": b'{"jjdbh" "J1"}',
    "an equals sign for a colon": b'{"jjdbh"="J1"}',
    "two colons": b'{"jjdbh"::"J1"}',
    "no comma": b'{"jjdbh":"J1" "bjsj":"20180101000009"}',
    "two commas": b'{"jjdbh":"J1",,"bjsj":"20180101000009"}',
    "a comma at the beginning": b'{,"jjdbh":"J1"}',
    "a comma at the end": b'{"jjdbh":"J1",}',
    "a bracket that closes a brace": b'{"jjdbh":"J1"]',
    "a brace too many": b'{"jjdbh":"J1"}}',
    "names without quotes": b'{jjdbh:"J1"}',
    "single quotes": b"{'jjdbh':'J1'}",
    "typographic quotes": "{“jjdbh”:“J1”}".encode(),
    "full-width punctuation": '｛"jjdbh"："J1"｝'.encode(),
    "a number as a name": b'{1:"J1"}',
    "a comment before": b'/* alarm */ {"jjdbh":"J1"}',
    "a comment within": b'{"jjdbh":"J1" // id\n}',
    "undefined": b'{"jjdbh":undefined}',
    "True as Python writes it": b'{"jjdbh":True}',
    "None as Python writes it": b'{"jjdbh":None}',
    "a word cut short": b'{"jjdbh":tru}',
    "half a word of null": b"nul",
    "a number with a plus": b'{"jd":+115.1}',
    "a number with a leading zero": b'{"jd":0115.1}',
    "a number without digits behind the point": b'{"jd":115.}',
    "a number without digits before the point": b'{"jd":.5}',
    "a number with an empty exponent": b'{"jd":1e}',
    "a hexadecimal number": b'{"jd":0x73}',
    "a number with a decimal comma": b'{"jd":115,1}',
    "a lone minus": b'{"jd":-}',
    "a line break in a text": b'{"bjnr":"two\nlines"}',
    "a tabulator in a text": b'{"bjnr":"two\tcolumns"}',
    "a NUL byte in a text": b'{"bjnr":"a\x00b"}',
    "an escape sequence in a text": b'{"bjnr":"\x1b[31mred"}',
    "an unknown escape": b'{"bjnr":"\\x41"}',
    "an escape cut short": b'{"bjnr":"\\u12"}',
    "an escape at the end": b'{"bjnr":"\\',
    "half a surrogate pair, the first": b'{"bjnr":"\\ud83d"}',
    "half a surrogate pair, the second": b'{"bjnr":"\\ude97"}',
    "a surrogate pair turned round": b'{"bjnr":"\\ude97\\ud83d"}',
    "a text without end": b'{"bjnr":"fire in the',
    "an object without end": b'{"jjdbh":"J1","bjnr":"fire"',
    "a list without end": b'{"photos":[1,2',
    "two objects": b'{"jjdbh":"J1"}{"jjdbh":"J2"}',
    "two lines of JSON": b'{"jjdbh":"J1"}\n{"jjdbh":"J2"}\n',
    "a semicolon behind": b'{"jjdbh":"J1"};',
    "a NUL byte behind": b'{"jjdbh":"J1"}\x00',
    "only blanks": b"   \r\n\t ",
    "only a NUL byte": b"\x00",
    "a no-break space before": "\u00a0{}".encode(),
}
"""What it is -> its bytes; all `not-json`."""

_OTHER = {
    "plain text": b"fire at the market",
    "text of a form": b"jjdbh=J1&bjsj=20180101000009",
    "CSV": b"jjdbh,bjsj\r\nJ1,20180101000009\r\n",
    "YAML": b"jjdbh: J1\nbjsj: 2018\n",
    "XML": b'<?xml version="1.0"?><alarm><jjdbh>J1</jjdbh></alarm>',
    "XML that asks for a file": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "HTML": b"<html><body>502 Bad Gateway</body></html>",
    "JSON with padding": b'callback({"jjdbh":"J1"})',
    "JSON behind a guard": b')]}\',\n{"jjdbh":"J1"}',
    "an event stream": b'data: {"jjdbh":"J1"}\n\n',
    "a serialised PHP array": b'a:1:{s:5:"jjdbh";s:2:"J1";}',
    "base64": b"eyJqamRiaCI6IkoxIn0=",
    "a log line": b'2026-11-24 09:30:00 INFO {"jjdbh":"J1"}',
    "the prefix of a schema registry": b'\x00\x00\x00\x00\x07{"jjdbh":"J1"}',
}
_BINARY = {
    "gzip": gzip.compress(b'{"jjdbh":"J1"}', mtime=0),
    "the beginning of a JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
    "the beginning of a ZIP": b"PK\x03\x04\x14\x00\x08\x08\xff\xff",
    "MessagePack": b"\x81\xa5jjdbh\xa2J1",
    "CBOR": b"\xa1ejjdbhbJ1",
    "a Java object": b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap",
    "a Python pickle": b"\x80\x04\x95\x10\x00\x00\x00}\x94\x8c\x05jjdbh\x94.",
    "256 bytes in order": bytes(range(256)),
}


def broken() -> Iterator[Poison]:
    """No JSON."""
    for name, value in _PIECES.items():
        yield rejected(BROKEN, name, "not-json", value)
    whole = written(sound("hotline", "cut"))
    for cut in (1, 2, 10, 40, len(whole) // 2, len(whole) - 1):
        yield rejected(BROKEN, f"cut off after {cut} bytes", "not-json", whole[:cut], "hotline")
    for name, value in _OTHER.items():
        yield rejected(OTHER_FORMAT, name, "not-json not-utf8", value)
    for name, value in _BINARY.items():
        yield rejected(OTHER_FORMAT, name, "not-utf8 not-json", value)


def no_message() -> Iterator[Poison]:
    """JSON, but not one object."""
    one = sound("policing", "in a list")
    values = {
        "null": b"null",
        "true": b"true",
        "a number": b"42",
        "a text": b'"fire"',
        "an empty text": b'""',
        "an empty list": b"[]",
        "a report in a list": [one],
        "two reports in a list": [one, one],
        "JSON in a text": written(written(one).decode()),
        "NaN": b"NaN",
        "minus infinity": b"-Infinity",
    }
    for name, value in values.items():
        yield rejected(NOT_A_MESSAGE, name, "schema", value)
    empty = {"an empty object": {}, "an object of one empty name": {"": ""}, "a report within another": {"data": one}}
    for name, message in empty.items():
        yield rejected(NOT_A_MESSAGE, name, "bad-id schema", message)


def twice() -> Iterator[Poison]:
    """One name, two values: the last holds, as nearly all JSON readers do it."""
    why = "the last of two values holds, as nearly all JSON readers do it"
    for field in ("jjdbh", "bjsj", "jd", "bjnr"):
        value = written(sound("policing", f"{field} twice"))
        first = b'{"%s": [], ' % field.encode()
        yield accepted(TWICE, f"`{field}` twice, the last is sound", why, first + value[1:])
    for field, last, code in (("jjdbh", '"a b"', "bad-id"), ("bjsj", "0", "bad-time"), ("jd", '"east"', "schema")):
        value = with_text("policing", f"{field} twice, bad", field, last)
        yield rejected(TWICE, f"`{field}` twice, the last is bad", code, value)
    doubled = with_text("policing", "unknown twice", "note", '1, "note": 2')
    yield accepted(TWICE, "an unknown name twice", why, doubled)


def deep() -> Iterator[Poison]:
    """Brackets in brackets, closed and not."""
    many = 100_000
    nests = {
        "100,000 brackets": b"[" * many,
        "100,000 brackets, closed": b"[" * many + b"]" * many,
        "40,000 objects": b'{"a":' * 40_000,
        "40,000 objects, closed": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
        "brackets and braces by turns": b'[{"a":' * 20_000,
    }
    for name, value in nests.items():
        yield rejected(DEEP, name, "not-json", value)
    for depth, name in ((250, "250 brackets"), (100_000, "100,000 brackets")):
        value = with_text("policing", name, "x", "[" * depth + "]" * depth)
        yield rejected(DEEP, f"{name} in an unknown field", "not-json", value)
    why = "150 levels are read and written by every part; unknown fields are kept as they came"
    yield accepted(
        DEEP, "150 brackets in an unknown field", why, with_text("policing", "150", "x", "[" * 150 + "]" * 150)
    )


def numbers() -> Iterator[Poison]:
    """Numbers that no reader or only some can hold."""
    for name, text in {
        "NaN": "NaN",
        "infinity": "Infinity",
        "minus infinity": "-Infinity",
        "1e999": "1e999",
        "400 digits": "9" * 400,
    }.items():
        value = with_text("policing", f"coordinate {name}", "jd", text)
        yield rejected(NUMBERS, f"longitude {name}", "schema", value)
    kept = "an unknown field is kept with every digit; numbers that readers could not hold are put in quotes"
    for name, text in {
        "NaN": "NaN",
        "minus infinity": "-Infinity",
        "1e999": "1e999",
        "a whole number of 400 digits": "9" * 400,
        "two to the power of 64": str(2**64),
        "a number of 4,000 decimals": "0." + "3" * 4000,
        "minus zero": "-0.0",
        "the least number": "5e-324",
        "an exponent of 4,000 digits": "1e-" + "9" * 4000,
    }.items():
        yield accepted(NUMBERS, f"{name} in an unknown field", kept, with_text("policing", f"x {name}", "x", text))
    value = with_text("policing", "5,000 digits", "x", "9" * 5000)
    yield rejected(NUMBERS, "a whole number of 5,000 digits in an unknown field", "not-json", value)
    for name, text in {"-1": "-1", "0": "0", "1e6": "1e6", "true": "true"}.items():
        value = with_text("policing", f"accuracy {name}", "dwjd", text)
        yield rejected(NUMBERS, f"accuracy of {name} metres", "schema", value)
