"""A sound report stays accepted and stays the same report, however a producer wraps and writes it: every network, simulated."""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.intake.normalise import normalise
from router.domain.model.report import Report
from router.domain.networks.registry import NETWORKS
from tests.support.records import Record
from tests.support.synthetic import puyang, stream

Wrapped = tuple[bytes, Sequence[tuple[str, bytes]]]
ATTRIBUTES = {"specversion": "1.0", "id": "e-1", "source": "/gateway", "type": "report"}
OF_PUYANG = sorted(set(NETWORKS) & set(puyang().codes))


@cache
def simulated() -> dict[str, list[bytes]]:
    """Sound messages of each network."""
    found: dict[str, list[bytes]] = {name: [] for name in OF_PUYANG}
    for message in stream(days=1, noise=0):
        found[message.network].append(message.value)
    return found


def structured(value: bytes) -> Wrapped:
    envelope = json.dumps(ATTRIBUTES | {"data": json.loads(value)}, ensure_ascii=False).encode()
    return envelope, [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def undeclared(value: bytes) -> Wrapped:
    return json.dumps(ATTRIBUTES | {"data": json.loads(value)}).encode(), []


def packed(value: bytes) -> Wrapped:
    envelope = json.dumps(ATTRIBUTES | {"data_base64": b64encode(value).decode()}).encode()
    return envelope, [("content-type", b"application/cloudevents+json")]


def binary(value: bytes) -> Wrapped:
    headers = [(f"ce_{name}", text.encode()) for name, text in ATTRIBUTES.items()]
    return value, [*headers, ("content-type", b"application/json")]


def gb18030(value: bytes) -> Wrapped:
    return value.decode().encode("gb18030"), [("content-type", b"application/json; charset=GB18030")]


def turned_round(value: bytes) -> Wrapped:
    return json.dumps(dict(reversed(json.loads(value).items())), indent=1).encode(), []


WRAPPINGS = (structured, undeclared, packed, binary, gb18030, turned_round)


def became(network: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> Report:
    done = normalise(NETWORKS[network], [Record(value=value, headers=headers)], puyang())
    assert done.rejections == []
    return done.reports[0]


@pytest.mark.parametrize("wrap", WRAPPINGS, ids=lambda wrap: wrap.__name__)
@pytest.mark.parametrize("network", OF_PUYANG)
def test_a_sound_report_stays_the_same_in_every_wrapping(network: str, wrap: Callable[[bytes], Wrapped]) -> None:
    @settings(max_examples=20)
    @given(value=st.sampled_from(simulated()[network]))
    def check(value: bytes) -> None:
        assert became(network, *wrap(value)) == became(network, value)

    check()
