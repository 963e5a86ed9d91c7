"""Trace contexts of records, by the W3C's rules; OpenTelemetry's own propagator is the oracle."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from router.wire.trace_context import MAX_STATE, after_span, carried, trace_id

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()
OTHER = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
NOISE = [("content-type", b"application/json"), ("x", None), ("traceparents", OTHER)]


def both(parent: bytes, state: bytes = b"") -> list[tuple[str, bytes]]:
    """The headers of a record before which no part was traced."""
    states = [[(name, state)] if state else [] for name in ("ce_tracestate", "tracestate")]
    return [("ce_traceparent", parent), *states[0], ("traceparent", parent), *states[1]]


def test_a_record_without_a_trace_causes_records_without_one() -> None:
    assert carried([]) == carried(NOISE) == []
    assert trace_id(NOISE) is None


def test_one_pair_of_headers_counts_as_both() -> None:
    assert carried([*NOISE, ("traceparent", PARENT)]) == both(PARENT)
    assert carried([("ce_tracestate", b"a=1"), ("ce_traceparent", PARENT)]) == both(PARENT, b"a=1")


def test_the_beginning_stays_what_it_was() -> None:
    headers = [("traceparent", OTHER), ("tracestate", b"b=2"), ("ce_traceparent", PARENT)]
    expected = [("ce_traceparent", PARENT), ("traceparent", OTHER), ("tracestate", b"b=2")]
    assert carried(headers) == expected
    assert carried(carried(headers)) == expected
    assert trace_id(headers) == TRACE
    span = OTHER.replace(b"-00f067", b"-11f067")
    assert after_span(expected, span, b"") == [("ce_traceparent", PARENT), ("traceparent", span)]
    assert after_span([], span, b"c=3") == both(span, b"c=3")


@pytest.mark.parametrize(
    "parent",
    [
        b"", b"00", b"\xff" * 55, PARENT[:-1], PARENT + b"0", PARENT + b"-", PARENT + b"-01", b" " + PARENT, PARENT + b"\n",
        PARENT.upper(), PARENT.replace(b"-", b"_"), PARENT.replace(b"00-", b"ff-", 1), PARENT.replace(b"0a", b"0g"),
        b"00-" + b"0" * 32 + PARENT[35:], PARENT[:36] + b"0" * 16 + b"-01", PARENT[:-2] + b"0x",
        b"cc" + PARENT[2:] + b".more", b"cc" + PARENT[2:] + b"-" + b"x" * 300, PARENT * 10_000,
    ],
)  # fmt: skip
def test_a_malformed_parent_is_ignored_with_its_state(parent: bytes) -> None:
    assert carried([("traceparent", parent), ("tracestate", b"a=1")]) == []
    assert carried([("ce_traceparent", parent), ("traceparent", PARENT)]) == both(PARENT)


@pytest.mark.parametrize(
    "parent", [b"cc" + PARENT[2:], b"01" + PARENT[2:] + b"-what-the-future-will-be", b"01" + PARENT[2:-2] + b"ff"]
)
def test_of_a_later_version_what_version_00_knows_is_passed_on(parent: bytes) -> None:
    assert carried([("traceparent", parent)]) == both(PARENT)


def test_a_header_that_stands_twice_is_malformed() -> None:
    assert carried([("traceparent", PARENT), ("traceparent", PARENT)]) == []
    assert carried([("traceparent", PARENT), ("tracestate", b"a=1"), ("tracestate", b"b=1")]) == both(PARENT)
    assert carried([("traceparent", None)]) == []


@pytest.mark.parametrize("state", [b"a=1", b"a=1, b@c=2 3 ,, 1x*/-_=~", b"fw529a3039@dt=FfAAAA", b"a=" + b"x" * 256])
def test_a_valid_state_is_passed_on_as_it_is(state: bytes) -> None:
    assert carried([("traceparent", PARENT), ("tracestate", state)]) == both(PARENT, state)


@pytest.mark.parametrize(
    "state",
    [
        b"", b"a", b"=1", b"a=", b"A=1", b"a=1,a=2", b"a=1=2", b"a=\xff", b"a=\n", b"a=" + b"x" * 257, b"a@1=2", b"a@b@c=1",
        b",".join(b"k%d=1" % number for number in range(33)), b"a=1," + b"b" * 256 + b"=" + b"c" * 256, b"a=1" * 1_000_000,
    ],
)  # fmt: skip
def test_a_malformed_state_alone_is_ignored(state: bytes) -> None:
    assert carried([("traceparent", PARENT), ("tracestate", state)]) == both(PARENT)


HEXADECIMAL = st.sampled_from("0123456789abcdefABCDEFg-")
PARTS = st.tuples(
    st.sampled_from(["00", "01", "cc", "ff", "0"]),
    st.one_of(st.just(TRACE), st.just("0" * 32), st.text(HEXADECIMAL, min_size=31, max_size=33)),
    st.one_of(st.just(SPAN), st.just("0" * 16), st.text(HEXADECIMAL, min_size=15, max_size=17)),
    st.sampled_from(["00", "01", "03", "ff", "0", "0g", "01-", "01-x"]),
)


@given(PARTS)
@example(("00", TRACE, SPAN, "01"))
def test_opentelemetry_continues_the_same_traces(parts: tuple[str, ...]) -> None:
    parent = "-".join(parts)
    known: Any = TraceContextTextMapPropagator().extract({"traceparent": parent})
    context = get_current_span(known).get_span_context()
    found = carried([("traceparent", parent.encode())])
    if re.search("[A-F]", parent):  # upper case is malformed (3.2.2), which OpenTelemetry does not check
        assert found == []
        return
    assert bool(found) == context.is_valid
    if found:
        assert found[0][1][:53].decode() == f"00-{context.trace_id:032x}-{context.span_id:016x}-"[:53]
        assert (int(found[0][1][-2:], 16) & 1) == context.trace_flags & 1


def test_the_limit_is_what_every_vendor_must_take() -> None:
    assert MAX_STATE == 512
    state = b"a=" + b"x" * 253 + b",b=" + b"x" * 253
    assert len(state) == 511
    assert carried([("traceparent", PARENT), ("tracestate", state)]) == both(PARENT, state)
    assert carried([("traceparent", PARENT), ("tracestate", state + b"yy")]) == both(PARENT)
