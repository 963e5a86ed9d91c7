"""The record around a message: no value, odd keys, odd headers, unknown versions, sizes."""

import json
from collections.abc import Iterator

from router.domain.networks.registry import NETWORKS
from tests.support.poison.record import Poison, accepted, rejected, sound, written

NOTHING = "no value"
KEY = "odd keys"
HEADER = "odd headers"
VERSION = "unknown versions and content types"
RECEIVED = "received times that cannot be"
LARGE = "large values"

MOST = 256 << 10
"""Most bytes of a report."""
LARGEST = (4 << 20) - 16_384
"""Most bytes that a topic accepts, less the batch header and the headers of a test."""


def nothing() -> Iterator[Poison]:
    """Null and empty, with and without key."""
    for network in NETWORKS:
        yield rejected(NOTHING, "no value (a tombstone)", "empty", None, network)
        yield rejected(NOTHING, "an empty value", "empty", b"", network)
    yield rejected(NOTHING, "neither key nor value", "empty", None, key=None)
    yield rejected(NOTHING, "an empty key and no value", "empty", None, key=b"")
    yield rejected(NOTHING, "an empty value and an empty key", "empty", b"", key=b"", headers=(("", b""),))


def keys() -> Iterator[Poison]:
    """A key that is not the id may lead to a partition whose dedup index does not know the report."""
    odd = {
        "none": None,
        "empty": b"",
        "of NUL bytes": b"\x00" * 8,
        "that is no UTF-8": b"\xff\xfe\x80",
        "of control characters": b"\x1b[2J\r\n",
        "another report's id": b"J-another",
        "of 100,000 bytes": b"k" * 100_000,
        "in UTF-16": "键".encode("utf-16"),
    }
    for name, key in odd.items():
        yield rejected(KEY, f"key {name}", "wrong-key", sound("policing", f"key {name}"), key=key)
        yield rejected(KEY, f"key {name} and a bad message", "not-json", b'{"key": %d' % len(key or b""), key=key)


def headers() -> Iterator[Poison]:
    """Unexpected headers are ignored, and kept with a dead letter."""
    why = "the router reads only the charset and the received time from the headers"
    odd: dict[str, tuple[tuple[str | bytes, bytes | None], ...]] = {
        "5,000 of them": tuple((f"h{number}", b"v") for number in range(5000)),
        "1,000 of one name": (("evidence", b"v"),) * 1000,
        "with an empty name": (("", b"v"),),
        "without value": (("no-value", None), ("content-type", None), ("grid-received-at", None)),
        "with values that are no UTF-8": (("x", b"\xff\xfe"), ("traceparent", b"\x80")),
        "with a name that is no UTF-8": ((b"\xff\xfe", b"v"), (b"caf\xe9", b"v")),
        "with a name of a surrogate": ((b"\xed\xa0\x80", b"v"),),
        "with a name cut within a character": ((b"\xe8\x83", b""),),
        "with a name of control characters": (("\x1b[31m\r\n\x00", b"v"),),
        "with a name of 10,000 letters": (("n" * 10_000, b"v"),),
        "with a value of 100,000 bytes": (("big", b"v" * 100_000),),
        "with right-to-left overrides": (("\u202ename", "\u202evalue".encode()),),
        "of another system": (("__TypeId__", b"java.lang.Runtime"), ("b3", b"0-0")),
        "of a forged dead letter": tuple(
            (f"grid-dead-letter-{name}", b"forged")
            for name in ("code", "reason", "network", "topic", "partition", "offset", "at", "omitted")
        ),
    }
    for name, given in odd.items():
        yield accepted(HEADER, f"headers {name}", why, sound("policing", f"headers {name}"), headers=given)
        yield rejected(
            HEADER, f"headers {name} and a bad message", "not-json", b"{" + name.encode()[:20], headers=given
        )
    forged = "a redriven record is translated like any other"
    driven = (("grid-redriven", b"reports.policing/0/0"), ("grid-redriven-by", b"unknown"))
    yield accepted(HEADER, "headers of a record redriven", forged, sound("policing", "driven"), headers=driven)


def versions() -> Iterator[Poison]:
    """Other versions of CloudEvents and schemas, content types of other formats."""
    why = "the content of a record decides, not its envelope"
    envelopes: dict[str, tuple[tuple[str, bytes], ...]] = {
        "CloudEvents 9.9": (("ce_specversion", b"9.9"),),
        "CloudEvents without id": (("ce_specversion", b"1.0"), ("ce_type", b"x")),
        "an unknown type of event": (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_type", b"grid.alien.v7")),
        "the type of the router's own events": (("ce_specversion", b"1.0"), ("ce_type", b"grid.report.received.v1")),
        "an unknown schema": (("ce_dataschema", b"https://example.org/policing.v99.json"),),
        "unknown attributes of CloudEvents": (("ce_\xff", b"\xff"), ("ce_traceparent", b"?")),
        "application/avro": (("content-type", b"application/avro"),),
        "text/html": (("content-type", b"text/html"),),
        "no media type at all": (("content-type", b'\x00\xff;;;=="'),),
        "a content encoding that it has not": (("content-encoding", b"gzip"),),
    }
    for name, given in envelopes.items():
        yield accepted(VERSION, name, why, sound("policing", name), headers=given)
    unknown = "an unknown field is kept, whatever version it names"
    for field, version in (("schemaVersion", 99), ("$schema", "https://example.org/v99"), ("version", "2.0.0-beta")):
        yield accepted(VERSION, f"`{field}` {version}", unknown, sound("policing", field, **{field: version}))
    event = {"specversion": "1.0", "type": "alarm", "source": "/110", "id": "1", "data": sound("policing", "event")}
    structured = (("content-type", b"application/cloudevents+json"),)
    read = "the report is the data of the CloudEvent"
    yield accepted(VERSION, "CloudEvents with the envelope in the value", read, event, headers=structured)
    yield accepted(VERSION, "an envelope that no header names", read, event | {"data": sound("policing", "bare")})
    yield rejected(VERSION, "a batch of CloudEvents", "schema", [event], headers=structured)
    empty = {name: value for name, value in event.items() if name != "data"}
    yield rejected(VERSION, "a CloudEvent without data", "schema", empty, headers=structured)
    packed = empty | {"data_base64": "eyJqamRiaCI6Ik"}
    yield rejected(VERSION, "a CloudEvent with half a Base64 text", "schema", packed, headers=structured)
    for format_ in ("avro", "xml"):
        other_format = (("content-type", f"application/cloudevents+{format_}".encode()),)
        yield rejected(VERSION, f"a CloudEvent in {format_}", "not-json", event, headers=other_format)
    for network in ("hotline", "environment"):
        other = sound("policing", f"to {network}")
        yield rejected(VERSION, "a report of policing", "bad-id schema", other, network)


def received() -> Iterator[Poison]:
    """The header `grid-received-at`."""
    why = "the header is not valid, so Kafka's time counts"
    odd = {
        "in 9999": b"9999-12-31T23:59:59Z",
        "in the year 1": b"0001-01-01T00:00:00+14:00",
        "in 1969": b"1969-12-31T23:59:59Z",
        "tomorrow": b"2199-01-01T00:00:00Z",
        "without zone": b"2026-11-24T08:00:00",
        "with second 60": b"2016-12-31T23:59:60Z",
        "in month 13": b"2026-13-01T00:00:00Z",
        "of 100,000 digits": b"2" * 100_000,
        "of binary": b"\xff\x00\x80",
        "empty": b"",
        "a word": b"now",
    }
    for name, said in odd.items():
        message = sound("policing", f"received {name}")
        yield accepted(RECEIVED, f"received {name}", why, message, headers=(("grid-received-at", said),))


def large() -> Iterator[Poison]:
    """Values up to the largest that a topic accepts."""
    for name, size in {
        "256 KiB and a byte": MOST + 1,
        "1 MB": 10**6,
        "1 MiB": 1 << 20,
        "2 MiB": 2 << 20,
        "as much as the topic takes": LARGEST,
    }.items():
        message = written(sound("policing", name))
        filled = message[:-1] + b', "fill": "' + b"x" * (size - len(message) - 12) + b'"}'
        yield rejected(LARGE, f"{name} of JSON", "too-large", filled)
        yield rejected(LARGE, f"{name} of zeros", "too-large", b"\x00" * size, "hotline")
    full = written(sound("policing", "256 KiB"))
    why = "256 KiB are allowed"
    yield accepted(LARGE, "256 KiB exactly, most of it blanks", why, full + b" " * (MOST - len(full)))
    many = json.dumps([sound("policing", f"batch {number}") for number in range(2000)]).encode()
    yield rejected(LARGE, "2,000 reports in a list", "too-large", many)
    long = tuple((f"h{number}", b"v" * 1000) for number in range(1000))
    yield rejected(LARGE, "1 MB of headers and a bad message", "not-json", b"{headers", headers=long)
    yield rejected(LARGE, "a key of 1 MB and a bad message", "not-json", b"{key", key=b"k" * 10**6)
    yield rejected(LARGE, "nothing but a key of 3 MiB", "empty", None, key=b"k" * (3 << 20))
