"""The content digest: equal JSON is one content, whatever its bytes are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.intake.content import content_digest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=6)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b'{"a":1,"b":2}', b'{ "b" : 2,\n "a":1 }', True),
        (b'{"a":{"x":1,"y":2}}', b'{"a":{"y":2,"x":1}}', True),
        (b'{"a":"\\u5783"}', '{"a":"垃"}'.encode(), True),
        (b'{"a":0,"a":1}', b'{"a":1}', True),
        (b'{"a":[1,2]}', b'{"a":[2,1]}', False),
        (b'{"a":1}', b'{"a":"1"}', False),
        (b'{"a":1.5}', b'{"a":"1.5"}', False),
        (b'{"a":null}', b"{}", False),
        (b'{"a":1.0000000000000000000001}', b'{"a":1.0000000000000000000002}', False),
        (b'{"a":100000000000000000000000000000001}', b'{"a":100000000000000000000000000000002}', False),
        (b'{"a":1e999,"b":1}', b'{"b":1,"a":1e999}', True),
        (b'{"a":1e999}', b'{"a":2e999}', False),
        (b'{"a":NaN,"b":1}', b'{"b":1,"a":NaN}', True),
        (b'{"a":"\\ud800","b":1}', b'{"b":1,"a":"\\ud800"}', True),
        (b"[" * 100_000, b"[" * 100_000, True),
        (b"[" * 100_000, b"[" * 100_001, False),
        (b"\xff", b"\xfe", False),
    ],
)
def test_equal_json_is_one_content(one: bytes, other: bytes, same: bool) -> None:
    assert (content_digest(one) == content_digest(other)) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b'{"x":115.10,"y":35}', b'{"y":35.0 , "x":1.151e2}', False),  # an integer is not a float
        (b'{"x":115.10,"y":35}', b'{"y":35 , "x":1.151e2}', True),
        (b'{"x":115.1}', b'{"x":115.2}', False),
        (b'{"x":null}', b"{}", False),
        (b'{"x":"\\u5783"}', '{"x":"垃"}'.encode(), True),
        (b'{"x":0,"x":1}', b'{"x":1}', True),
        (b'{"x":"\\ud800","y":1}', b'{"y":1,"x":"\\ud800"}', True),
        (b'{"x":NaN,"y":1}', b'{"y":1,"x":NaN}', True),
        (b'{"x":1e999}', b'{"x":null}', False),
        (b'{"x":1e999,"y":1}', b'{"y":1,"x":1e999}', True),
        (b'{"x":100000000000000000000000000000000000000001}', b'{"x":null}', False),
        (b'{"x":' + b"[" * 600 + b"]" * 600 + b"}", b'{"x":1}', False),
    ],
)
def test_numbers_of_known_fields_are_compared_by_value(one: bytes, other: bytes, same: bool) -> None:
    assert (content_digest(one, all_known=True) == content_digest(other, all_known=True)) is same


def test_ignored_fields_say_nothing() -> None:
    one, other = b'{"id":1,"pulledAt":"a","big":1e999}', b'{"id":1,"pulledAt":"b","big":1e999}'
    for cut in (slice(None), slice(0, 22)):
        first, second = (text[cut].rstrip(b",") + (b"}" if cut.stop else b"") for text in (one, other))
        assert content_digest(first) != content_digest(second)
        assert content_digest(first, ("pulledAt",)) == content_digest(second, ("pulledAt",))
    for known in (True, False):
        plain = content_digest(b'{"id":1.50}', all_known=known)
        assert content_digest(b'{"id":1.50}', ("pulledAt",), all_known=known) == plain
        assert content_digest(b'{"pulledAt":"a","id":1.50}', ("pulledAt",), all_known=known) == plain
    nested = b'{"a":{"pulledAt":1}}', b'{"a":{"pulledAt":2}}'
    assert content_digest(nested[0], ("pulledAt",)) != content_digest(nested[1], ("pulledAt",))


@given(value=OBJECTS, indent=st.sampled_from([None, 1]), data=st.data())
def test_order_blanks_and_escapes_say_nothing(
    value: dict[str, object], indent: int | None, data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(value.items()))))
    one = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    other = json.dumps(shuffled, ensure_ascii=True, indent=indent).encode()
    if json.loads(one) == json.loads(other):  # not so with a surrogate, which UTF-8 cannot write
        assert content_digest(one) == content_digest(other)
        assert content_digest(one, all_known=True) == content_digest(other, all_known=True)


@given(one=OBJECTS, other=OBJECTS)
def test_other_values_have_other_digests(one: dict[str, object], other: dict[str, object]) -> None:
    texts = json.dumps(one, sort_keys=True), json.dumps(other, sort_keys=True)
    assert (content_digest(texts[0].encode()) == content_digest(texts[1].encode())) is (texts[0] == texts[1])
