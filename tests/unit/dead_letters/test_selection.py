"""Which dead letters a selection matches, and what an id is."""

from datetime import timedelta

import pytest

from router.dead_letters.selection import Selection, parse_id
from router.wire.errors import InputError
from tests.support.rejected_records import REJECTED_AT, dead_letter


def test_a_selection_matches_code_network_and_time_of_rejection() -> None:
    at = REJECTED_AT.timestamp() * 1000
    assert Selection().matches(dead_letter(), int(at))
    assert Selection(reason="unknown-code", network="policing").matches(dead_letter(), int(at))
    assert not Selection(reason="schema").matches(dead_letter(), int(at))
    assert not Selection(network="hotline").matches(dead_letter(), int(at))
    hour = Selection(since=REJECTED_AT, until=REJECTED_AT + timedelta(hours=1))
    assert [hour.matches(dead_letter(), int(at) + ms) for ms in (-1, 0, 3_599_999, 3_600_000)] == [
        False,
        True,
        True,
        False,
    ]


def test_an_id_has_three_parts() -> None:
    assert parse_id("t1.reports.policing/2/1041") == ("t1.reports.policing", 2, 1041)


@pytest.mark.parametrize("text", ["", "a/1", "a/b/1", "a/1/x", "/1/2", "a/1/2/3", "a/-1/2"])
def test_a_malformed_id_raises_with_the_form(text: str) -> None:
    with pytest.raises(InputError, match="an id is TOPIC/PARTITION/OFFSET"):
        parse_id(text)
