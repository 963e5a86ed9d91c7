"""Cursors: how far a topic was read, in the hands of its reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.gateway.cursors import Cursor, check_cursor, read_cursor
from router.gateway.problems import ProblemError

ID = "nGP3mRPTQ0uXgYdT1w2bTA"


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=8))
def test_a_cursor_is_read_as_it_was_written(offsets: list[int]) -> None:
    for topic_id in (ID, ""):
        assert read_cursor(str(Cursor(topic_id, tuple(offsets)))) == Cursor(topic_id, tuple(offsets))


@pytest.mark.parametrize(
    "text", ["", "x", ID, f"{ID}.", f"{ID}.1.", f"{ID}.-1", f"{ID}.1,2", f"{ID}.{'1' * 20}", f"{ID}.\u0661"]
)
def test_what_is_no_cursor_is_malformed(text: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read_cursor(text)
    assert caught.value.code == "malformed"


def test_a_cursor_goes_on_where_the_topic_still_has_it() -> None:
    """Retention took offsets 0 to 4 of partition 0, and partition 2 is new."""
    assert check_cursor(Cursor(ID, (3, 7)), ID, (5, 0, 0), (9, 7, 4)) == Cursor(ID, (5, 7, 0))
    assert Cursor(ID, (5, 7, 0)).after({0: 9, 2: 1}) == Cursor(ID, (9, 7, 1))


@pytest.mark.parametrize(
    "cursor", [Cursor("other", (0, 0)), Cursor("", (0, 0)), Cursor(ID, (0, 8)), Cursor(ID, (0, 0, 0))]
)
def test_a_cursor_of_another_log_is_gone(cursor: Cursor) -> None:
    with pytest.raises(ProblemError) as caught:
        check_cursor(cursor, ID, (0, 0), (9, 7))
    assert (caught.value.code, caught.value.kind.status) == ("cursor-gone", 410)
