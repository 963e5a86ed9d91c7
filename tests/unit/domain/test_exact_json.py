"""JSON is written as it was read: no number loses a digit, its sign or its spelling."""

import copy
from math import inf, isnan

import pytest

from router.domain.exact_json import Number, parse, write

NUMBERS = [
    b"1e999",
    b"-1E+999",
    b"-0",
    b"-0.0",
    b"1.0000000000000000000001",
    b"1.50",
    b"1E2",
    b"0.1",
    b"12345678901234567890",
    b"1" * 5000,
    b"NaN",
    b"-Infinity",
]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_written_as_it_was_read(number: bytes) -> None:
    text = b'{"a":[' + number + b',"b"],"c":true}'
    assert write(parse(text)) == text
    assert write(copy.deepcopy(parse(text))) == text


def test_a_number_compares_as_a_float() -> None:
    assert parse("1.50") == 1.5
    assert parse("-0") == 0
    assert parse("1e999") == inf
    assert isnan(parse("NaN"))
    assert parse("7") == 7
    assert not isinstance(parse("7"), Number)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"01", b"+1", b"\xef\xbb\xbf1", "1".encode("utf-16")])
def test_what_is_no_json_in_utf8_raises_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of the parser or of the decoder
        parse(text)


def test_half_of_a_surrogate_pair_and_other_types_are_not_written() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        write(parse(r'"\ud800"'))
    with pytest.raises(TypeError, match="complex"):
        write(1j)
